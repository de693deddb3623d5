// Generates the TypeScript SDK of the components from the provider's schema, with the engine's own generator.
//
// It is what `pulumi package gen-sdk --language nodejs` does. That command asks the language host of Node.js for it, whose
// module has no tags, so that its version cannot be pinned; the generator behind it is in the engine's tagged packages.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/pulumi/pulumi/pkg/v3/codegen/nodejs"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: pulumi-sdk-nodejs FOLDER < schema.json")
		os.Exit(2)
	}
	if err := generate(os.Stdin, os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// generate writes the SDK of a schema into a folder.
//
// The schema is bound as the engine binds it, so that a mistake in it is an error. It refers to no other package, and the
// loader panics if it does. The SDK is one that lies in a project, as `pulumi package add` and `pulumi install` make it.
func generate(source io.Reader, folder string) error {
	var spec schema.PackageSpec
	if err := json.NewDecoder(source).Decode(&spec); err != nil {
		return fmt.Errorf("the schema is no JSON: %w", err)
	}
	loader := schema.NewNullLoader()
	bound, diagnostics, err := schema.BindSpec(spec, loader, schema.ValidationOptions{})
	if err != nil {
		return err
	}
	for _, each := range diagnostics {
		fmt.Fprintln(os.Stderr, each)
	}
	if diagnostics.HasErrors() {
		return fmt.Errorf("the schema of %s has errors", spec.Name)
	}
	files, err := nodejs.GeneratePackage("pulumi", bound, nil, nil, true, nil)
	if err != nil {
		return err
	}
	for name, content := range files {
		path := filepath.Join(folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}
