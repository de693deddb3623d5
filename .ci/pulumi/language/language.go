// Package language is what language hosts have in common: programs that the engine asks to run programs in a language.
//
// Pulumi's own hosts of Python and Node.js are modules without tags that module proxies need not have, so their versions
// cannot be pinned. Those beside this package are made of the same parts, which are in the tagged modules: the scripts of
// each SDK that run a program, and the engine's generators of SDKs.
package language

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
	"github.com/pulumi/pulumi/pkg/v3/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	"github.com/pulumi/pulumi/sdk/v3/go/common/version"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"
)

// The exit code with which the SDK's script says that the user has seen the error.
const shown = 32

// How long an interrupted program may take to end.
const patience = 5 * time.Second

// Host answers what is the same for every language.
type Host struct {
	pulumirpc.UnimplementedLanguageRuntimeServer
	// Engine is the address of whoever started the host.
	Engine string
	// Done when the engine is told to end.
	cancelled context.Context
	cancel    context.CancelFunc
}

// Serve serves the host that is made of a common one, until the engine ends it.
func Serve(of func(Host) pulumirpc.LanguageRuntimeServer) {
	if len(os.Args) < 2 {
		fail(errors.New("a language host is started by pulumi, with the engine's address"))
	}
	cancelled, cancel := context.WithCancel(context.Background())
	defer cancel()
	handle, err := rpcutil.ServeWithOptions(rpcutil.ServeOptions{Init: func(server *grpc.Server) error {
		host := Host{Engine: os.Args[len(os.Args)-1], cancelled: cancelled, cancel: cancel}
		pulumirpc.RegisterLanguageRuntimeServer(server, of(host))
		return nil
	}})
	if err != nil {
		fail(err)
	}
	fmt.Println(handle.Port)
	if err := <-handle.Done; err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func (Host) Handshake(context.Context, *pulumirpc.LanguageHandshakeRequest) (*pulumirpc.LanguageHandshakeResponse, error) {
	return &pulumirpc.LanguageHandshakeResponse{}, nil
}

func (Host) GetPluginInfo(context.Context, *emptypb.Empty) (*pulumirpc.PluginInfo, error) {
	return &pulumirpc.PluginInfo{Version: version.Version}, nil
}

// Cancel interrupts the program, as Pulumi's own hosts do. Providers get a Cancel of their own.
// https://github.com/pulumi/pulumi/pull/22397, https://github.com/pulumi/pulumi/pull/22588
func (h Host) Cancel(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	h.cancel()
	return &emptypb.Empty{}, nil
}

func (Host) RuntimeOptionsPrompts(context.Context, *pulumirpc.RuntimeOptionsRequest) (*pulumirpc.RuntimeOptionsResponse, error) {
	return &pulumirpc.RuntimeOptionsResponse{}, nil
}

// RunProgram runs the command of a program; what it prints goes to the engine through this process's own output.
func (h Host) RunProgram(ctx context.Context, request *pulumirpc.RunRequest, of func(context.Context) (*exec.Cmd, error)) (*pulumirpc.RunResponse, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(h.cancelled, stop)()
	command, err := of(ctx)
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
	command.Env = append(command.Environ(), "PULUMI_CONFIG="+string(config), "PULUMI_CONFIG_SECRET_KEYS="+string(secretKeys))
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

// Generator is the engine's generator of a language's SDKs: the files of a package, by their paths.
type Generator func(*schema.Package, schema.ReferenceLoader) (map[string][]byte, error)

// Generate writes the SDK of a schema into the folder that the engine names. A mistake in the schema is an answer, no error.
func Generate(request *pulumirpc.GeneratePackageRequest, generator Generator) (*pulumirpc.GeneratePackageResponse, error) {
	client, err := schema.NewLoaderClient(request.LoaderTarget)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	loader := schema.NewCachedLoader(client)
	var spec schema.PackageSpec
	if err := json.Unmarshal([]byte(request.Schema), &spec); err != nil {
		return nil, fmt.Errorf("the schema is no JSON: %w", err)
	}
	bound, diagnostics, err := schema.BindSpec(spec, loader, schema.ValidationOptions{})
	if err != nil {
		return nil, err
	}
	answer := &pulumirpc.GeneratePackageResponse{Diagnostics: plugin.HclDiagnosticsToRPCDiagnostics(diagnostics)}
	if diagnostics.HasErrors() {
		return answer, nil
	}
	files, err := generator(bound, loader)
	if err != nil {
		return nil, err
	}
	for name, content := range files {
		path := filepath.Join(request.Directory, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return nil, err
		}
	}
	return answer, nil
}
