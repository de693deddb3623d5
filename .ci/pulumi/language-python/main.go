// A language host for Python programs.
//
// The toolchain package of the SDK finds the project's virtual environment; the SDK's script `pulumi-language-python-exec`,
// which lies next to this executable, runs the program.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	pycodegen "github.com/pulumi/pulumi/pkg/v3/codegen/python"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/pulumi/pulumi/sdk/v3/python/toolchain"

	"secure-mcp/pulumi-cli/language"
)

// Prints the plugins that the installed packages ask for, one JSON document a line.
const requiredPlugins = `
import importlib.metadata as m, json
for d in m.distributions():
    plugin = d.locate_file((d.metadata["Name"] or "").replace("-", "_") + "/pulumi-plugin.json")
    if plugin.is_file():
        print(json.dumps({"version": d.version, **json.loads(plugin.read_text())}))
`

type host struct{ language.Host }

func main() {
	language.Serve(func(common language.Host) pulumirpc.LanguageRuntimeServer { return &host{common} })
}

// environment is what the project runs in.
func environment(info *pulumirpc.ProgramInfo) (toolchain.Toolchain, error) {
	options := toolchain.PythonOptions{Root: info.GetRootDirectory(), ProgramDir: info.GetProgramDirectory()}
	for name, value := range info.GetOptions().AsMap() {
		text, isText := value.(string)
		switch {
		case name == "virtualenv" && isText:
			options.Virtualenv = text
		case name == "toolchain" && text == "pip":
			options.Toolchain = toolchain.Pip
		case name == "toolchain" && text == "poetry":
			options.Toolchain = toolchain.Poetry
		case name == "toolchain" && text == "uv":
			options.Toolchain = toolchain.Uv
		default:
			return nil, fmt.Errorf("runtime option %s = %v: this language host knows virtualenv and toolchain (pip, poetry, uv)", name, value)
		}
	}
	return toolchain.ResolveToolchain(options)
}

// python is the project's interpreter with arguments; its environment has the virtual environment active.
func python(ctx context.Context, info *pulumirpc.ProgramInfo, args ...string) (*exec.Cmd, error) {
	chosen, err := environment(info)
	if err != nil {
		return nil, err
	}
	if err := chosen.ValidateVenv(ctx); err != nil {
		return nil, err
	}
	return chosen.Command(ctx, args...)
}

// InstallDependencies installs what a program's requirements.txt asks for. The environment of a plugin that is there is taken as
// it is, as is that of a program without requirements; one that is not there is made.
func (*host) InstallDependencies(request *pulumirpc.InstallDependenciesRequest, stream pulumirpc.LanguageRuntime_InstallDependenciesServer) error {
	closer, stdout, stderr, err := rpcutil.MakeInstallDependenciesStreams(stream, request.IsTerminal)
	if err != nil {
		return err
	}
	defer closer.Close()
	ctx, folder := stream.Context(), request.Info.GetProgramDirectory()
	chosen, err := environment(request.Info)
	if err != nil {
		return err
	}
	if err := chosen.EnsureVenv(ctx, folder, false, true, stdout, stderr); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(folder, "requirements.txt")); request.IsPlugin || err != nil {
		return nil
	}
	command, err := chosen.ModuleCommand(ctx, "pip", "install", "--quiet", "--disable-pip-version-check", "-r", "requirements.txt")
	if err != nil {
		return err
	}
	command.Dir, command.Stdout, command.Stderr = folder, stdout, stderr
	return command.Run()
}

func (*host) GeneratePackage(_ context.Context, request *pulumirpc.GeneratePackageRequest) (*pulumirpc.GeneratePackageResponse, error) {
	return language.Generate(request, func(bound *schema.Package, loader schema.ReferenceLoader) (map[string][]byte, error) {
		return pycodegen.GeneratePackage("pulumi", bound, request.ExtraFiles, loader)
	})
}

// Link adds generated SDKs to the project's requirements. Each is a folder with the package, which has the description of its plugin.
func (*host) Link(ctx context.Context, request *pulumirpc.LinkRequest) (*pulumirpc.LinkResponse, error) {
	chosen, err := environment(request.Info)
	if err != nil {
		return nil, err
	}
	paths, instructions := map[string]string{}, "Import it with:\n"
	for _, each := range request.Packages {
		found, err := filepath.Glob(filepath.Join(request.Info.GetRootDirectory(), each.Path, "*", "pulumi-plugin.json"))
		if err != nil || len(found) != 1 {
			return nil, fmt.Errorf("%s is no generated SDK: %v, %w", each.Path, found, err)
		}
		name := filepath.Base(filepath.Dir(found[0]))
		paths[name] = each.Path
		instructions += fmt.Sprintf("  import %s\n", name)
	}
	return &pulumirpc.LinkResponse{ImportInstructions: instructions}, chosen.LinkPackages(ctx, paths)
}

// GetRequiredPackages names the provider plugins, so that the engine finds or refuses them before it starts.
func (*host) GetRequiredPackages(ctx context.Context, request *pulumirpc.GetRequiredPackagesRequest) (*pulumirpc.GetRequiredPackagesResponse, error) {
	command, err := python(ctx, request.Info, "-c", requiredPlugins)
	if err != nil {
		return nil, err
	}
	command.Stderr = os.Stderr
	output, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	packages := []*pulumirpc.PackageDependency{}
	for lines := json.NewDecoder(output); ; {
		plugin := struct {
			Resource              bool
			Name, Version, Server string
		}{}
		if err := lines.Decode(&plugin); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		if plugin.Resource {
			packages = append(packages, &pulumirpc.PackageDependency{
				Name: plugin.Name, Kind: "resource", Version: "v" + plugin.Version, Server: plugin.Server,
			})
		}
	}
	return &pulumirpc.GetRequiredPackagesResponse{Packages: packages}, command.Wait()
}

// Run runs the program.
func (h *host) Run(ctx context.Context, request *pulumirpc.RunRequest) (*pulumirpc.RunResponse, error) {
	executable, err := os.Executable()
	if err != nil {
		return nil, err
	}
	args := []string{
		executable + "-exec",
		"--monitor", request.MonitorAddress,
		"--engine", h.Engine,
		"--project", request.Project,
		"--root_directory", request.Info.GetRootDirectory(),
		"--stack", request.Stack,
		"--organization", request.Organization,
		"--pwd", request.Pwd,
		"--dry_run", strconv.FormatBool(request.DryRun),
		"--parallel", strconv.Itoa(int(request.Parallel)),
		request.Info.GetEntryPoint(),
	}
	return h.RunProgram(ctx, request, func(ctx context.Context) (*exec.Cmd, error) {
		command, err := python(ctx, request.Info, append(args, request.Args...)...)
		if err == nil {
			command.Dir = request.Info.GetProgramDirectory()
		}
		return command, err
	})
}

// RunPlugin runs a provider that is written in Python, such as a component provider.
func (*host) RunPlugin(request *pulumirpc.RunPluginRequest, stream pulumirpc.LanguageRuntime_RunPluginServer) error {
	program := filepath.Join(request.Info.GetProgramDirectory(), request.Info.GetEntryPoint())
	command, err := python(stream.Context(), request.Info, append([]string{program}, request.Args...)...)
	if err != nil {
		return err
	}
	command.Dir, command.Env = request.Pwd, append(command.Environ(), request.Env...)
	closer, stdout, stderr, err := rpcutil.MakeRunPluginStreams(stream, false)
	if err != nil {
		return err
	}
	defer closer.Close()
	command.Stdout, command.Stderr = stdout, stderr
	var exit *exec.ExitError
	err = command.Run()
	if err != nil && !errors.As(err, &exit) {
		return err
	}
	code := int32(command.ProcessState.ExitCode())
	return stream.Send(&pulumirpc.RunPluginResponse{Output: &pulumirpc.RunPluginResponse_Exitcode{Exitcode: code}})
}
