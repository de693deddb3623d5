//go:build tools

// Package tools pins what `.ci/pulumi-cli` builds: go.sum holds the checksum of every module.
package tools

import _ "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
