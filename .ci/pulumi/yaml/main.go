// A language host for YAML programs: the one of the tagged module, which is older than one of the engine's questions.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/pulumi/pulumi-yaml/pkg/server"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
)

type host struct {
	pulumirpc.LanguageRuntimeServer
}

// Link changes nothing: a YAML program uses what Pulumi.yaml names, where the engine has written it.
func (host) Link(context.Context, *pulumirpc.LinkRequest) (*pulumirpc.LinkResponse, error) {
	return &pulumirpc.LinkResponse{}, nil
}

func main() {
	if len(os.Args) < 2 {
		fail("a language host is started by pulumi, with the engine's address")
	}
	handle, err := rpcutil.ServeWithOptions(rpcutil.ServeOptions{Init: func(to *grpc.Server) error {
		pulumirpc.RegisterLanguageRuntimeServer(to, host{server.NewLanguageHost(os.Args[len(os.Args)-1], "", false)})
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

func fail(why any) {
	fmt.Fprintln(os.Stderr, why)
	os.Exit(1)
}
