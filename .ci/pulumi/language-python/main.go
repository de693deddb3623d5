// A language host for Python programs: what the engine asks to run `Pulumi.yaml`'s program.
//
// Pulumi's own host is a module without tags that module proxies need not have, so its version cannot be pinned. This
// one is made of the same parts, which are in the tagged SDK: the toolchain package, which finds the project's virtual
// environment, and the script `pulumi-language-python-exec`, which runs the program and lies next to this executable.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	"github.com/pulumi/pulumi/sdk/v3/go/common/version"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/pulumi/pulumi/sdk/v3/python/toolchain"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"
)

// The exit code with which the script says that the user has seen the error.
const shown = 32

// How long an interrupted program may take to end.
const patience = 5 * time.Second

// Prints the plugins that the installed packages ask for, one JSON document a line.
const requiredPlugins = `
import importlib.metadata as m, json
for d in m.distributions():
    name = (d.metadata["Name"] or "").replace("-", "_")
    plugin = d.locate_file(name + "/pulumi-plugin.json")
    if name.startswith("pulumi_") and plugin.is_file():
        print(json.dumps({"version": d.version, **json.loads(plugin.read_text())}))
`

type host struct {
	pulumirpc.UnimplementedLanguageRuntimeServer
	engine string
	// Done when the engine is told to end.
	cancelled context.Context
	cancel    context.CancelFunc
}

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "pulumi-language-python is started by pulumi, with the engine's address")
		os.Exit(1)
	}
	cancelled, cancel := context.WithCancel(context.Background())
	defer cancel()
	handle, err := rpcutil.ServeWithOptions(rpcutil.ServeOptions{Init: func(server *grpc.Server) error {
		pulumirpc.RegisterLanguageRuntimeServer(server, &host{engine: os.Args[len(os.Args)-1], cancelled: cancelled, cancel: cancel})
		return nil
	}})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(handle.Port)
	if err := <-handle.Done; err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func (*host) Handshake(context.Context, *pulumirpc.LanguageHandshakeRequest) (*pulumirpc.LanguageHandshakeResponse, error) {
	return &pulumirpc.LanguageHandshakeResponse{}, nil
}

func (*host) GetPluginInfo(context.Context, *emptypb.Empty) (*pulumirpc.PluginInfo, error) {
	return &pulumirpc.PluginInfo{Version: version.Version}, nil
}

// Cancel interrupts the program, as Pulumi's own host does. Providers get a Cancel of their own.
// https://github.com/pulumi/pulumi/pull/22397, https://github.com/pulumi/pulumi/pull/22588
func (h *host) Cancel(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	h.cancel()
	return &emptypb.Empty{}, nil
}

func (*host) RuntimeOptionsPrompts(context.Context, *pulumirpc.RuntimeOptionsRequest) (*pulumirpc.RuntimeOptionsResponse, error) {
	return &pulumirpc.RuntimeOptionsResponse{}, nil
}

// python is the project's interpreter with arguments; its environment has the virtual environment active.
func python(ctx context.Context, info *pulumirpc.ProgramInfo, args ...string) (*exec.Cmd, error) {
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
	chosen, err := toolchain.ResolveToolchain(options)
	if err != nil {
		return nil, err
	}
	if err := chosen.ValidateVenv(ctx); err != nil {
		return nil, err
	}
	return chosen.Command(ctx, args...)
}

// InstallDependencies installs nothing: a virtual environment that is there is taken as it is, `make setup` makes it.
func (*host) InstallDependencies(request *pulumirpc.InstallDependenciesRequest, stream pulumirpc.LanguageRuntime_InstallDependenciesServer) error {
	_, err := python(stream.Context(), request.Info)
	return err
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

// Run runs the program; what it prints goes to the engine through this process's own output.
func (h *host) Run(ctx context.Context, request *pulumirpc.RunRequest) (*pulumirpc.RunResponse, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(h.cancelled, stop)()
	executable, err := os.Executable()
	if err != nil {
		return nil, err
	}
	// Without any configuration it is {} and [], not null.
	values := map[string]string{}
	maps.Copy(values, request.Config)
	config, err := json.Marshal(values)
	if err != nil {
		return nil, err
	}
	secretKeys, err := json.Marshal(append([]string{}, request.ConfigSecretKeys...))
	if err != nil {
		return nil, err
	}
	args := []string{
		executable + "-exec",
		"--monitor", request.MonitorAddress,
		"--engine", h.engine,
		"--project", request.Project,
		"--root_directory", request.Info.GetRootDirectory(),
		"--stack", request.Stack,
		"--organization", request.Organization,
		"--pwd", request.Pwd,
		"--dry_run", strconv.FormatBool(request.DryRun),
		"--parallel", strconv.Itoa(int(request.Parallel)),
		request.Info.GetEntryPoint(),
	}
	command, err := python(ctx, request.Info, append(args, request.Args...)...)
	if err != nil {
		return nil, err
	}
	if command.Env == nil {
		command.Env = os.Environ()
	}
	command.Env = append(command.Env, "PULUMI_CONFIG="+string(config), "PULUMI_CONFIG_SECRET_KEYS="+string(secretKeys))
	command.Dir = request.Info.GetProgramDirectory()
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = patience
	var exit *exec.ExitError
	switch err := command.Run(); {
	case err == nil:
		return &pulumirpc.RunResponse{}, nil
	case errors.As(err, &exit) && exit.ExitCode() == shown, h.cancelled.Err() != nil:
		return &pulumirpc.RunResponse{Bail: true}, nil
	default:
		return &pulumirpc.RunResponse{Error: fmt.Sprintf("the program ended with %v", err)}, nil
	}
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
