// A language host for programs in TypeScript and JavaScript.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/pulumi/pulumi/pkg/v3/codegen/cgstrings"
	"github.com/pulumi/pulumi/pkg/v3/codegen/nodejs"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"

	"secure-mcp/pulumi-cli/language"
)

type host struct{ language.Host }

func main() {
	language.Serve(func(common language.Host) pulumirpc.LanguageRuntimeServer { return &host{common} })
}

// Run runs the program with the script of the SDK that the project has installed, which compiles TypeScript as it is loaded.
//
// Calls of functions of providers that wait for their answer are not served: the SDKs have asynchronous ones.
func (h *host) Run(ctx context.Context, request *pulumirpc.RunRequest) (*pulumirpc.RunResponse, error) {
	script := filepath.Join(request.Info.GetProgramDirectory(), "node_modules", "@pulumi", "pulumi", "cmd", "run")
	if _, err := os.Stat(script); err != nil {
		return &pulumirpc.RunResponse{Error: "the project has no @pulumi/pulumi installed: run pulumi install"}, nil
	}
	args := []string{
		script,
		"--monitor", request.MonitorAddress,
		"--engine", h.Engine,
		"--project", request.Project,
		"--root-directory", request.Info.GetRootDirectory(),
		"--stack", request.Stack,
		"--organization", request.Organization,
		"--pwd", request.Pwd,
		"--parallel", strconv.Itoa(int(request.Parallel)),
	}
	if request.DryRun {
		args = append(args, "--dry-run")
	}
	args = append(args, request.Info.GetEntryPoint())
	return h.RunProgram(ctx, request, func(ctx context.Context) (*exec.Cmd, error) {
		command := exec.CommandContext(ctx, "node", append(args, request.Args...)...)
		command.Env = append(command.Environ(), "PULUMI_NODEJS_TYPESCRIPT=true")
		return command, nil
	})
}

// GetRequiredPackages names none: a project says in Pulumi.yaml which packages it uses.
func (*host) GetRequiredPackages(context.Context, *pulumirpc.GetRequiredPackagesRequest) (*pulumirpc.GetRequiredPackagesResponse, error) {
	return &pulumirpc.GetRequiredPackagesResponse{}, nil
}

func (*host) GeneratePackage(_ context.Context, request *pulumirpc.GeneratePackageRequest) (*pulumirpc.GeneratePackageResponse, error) {
	return language.Generate(request, func(bound *schema.Package, loader schema.ReferenceLoader) (map[string][]byte, error) {
		return nodejs.GeneratePackage("pulumi", bound, request.ExtraFiles, request.LocalDependencies, request.Local, loader)
	})
}

// Link adds generated SDKs to the project's dependencies.
func (*host) Link(ctx context.Context, request *pulumirpc.LinkRequest) (*pulumirpc.LinkResponse, error) {
	instructions := "Import it with:\n"
	for _, each := range request.Packages {
		text, err := os.ReadFile(filepath.Join(request.Info.GetRootDirectory(), each.Path, "package.json"))
		if err != nil {
			return nil, err
		}
		var generated struct{ Name string }
		if err := json.Unmarshal(text, &generated); err != nil {
			return nil, err
		}
		dependency := "dependencies." + generated.Name + "=file:" + filepath.ToSlash(each.Path)
		command := exec.CommandContext(ctx, "npm", "pkg", "set", dependency)
		command.Dir = request.Info.GetProgramDirectory()
		if output, err := command.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%v: %w\n%s", command.Args, err, output)
		}
		instructions += fmt.Sprintf("  import * as %s from %q;\n", cgstrings.Camel(each.Package.Name), generated.Name)
	}
	return &pulumirpc.LinkResponse{ImportInstructions: instructions}, nil
}

// InstallDependencies installs what package.json asks for.
func (*host) InstallDependencies(request *pulumirpc.InstallDependenciesRequest, stream pulumirpc.LanguageRuntime_InstallDependenciesServer) error {
	closer, stdout, stderr, err := rpcutil.MakeInstallDependenciesStreams(stream, request.IsTerminal)
	if err != nil {
		return err
	}
	defer closer.Close()
	command := exec.CommandContext(stream.Context(), "npm", "install", "--no-audit", "--no-fund", "--loglevel=error")
	command.Dir = request.Info.GetProgramDirectory()
	command.Stdout, command.Stderr = stdout, stderr
	if err := command.Run(); err != nil {
		return fmt.Errorf("npm install: %w", err)
	}
	return nil
}
