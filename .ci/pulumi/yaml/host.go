//go:build tools

// Package tools pins the host of YAML programs. It is a module of its own: it needs an older engine's packages.
package tools

import _ "github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml"
