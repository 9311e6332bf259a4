// Says back what it is told by the method lab.Echo/Say; with -host, calls it with -message.
package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"time"

	wrapperspb "github.com/golang/protobuf/ptypes/wrappers"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"programs/common"
)

func say(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	said := new(wrapperspb.StringValue)
	return said, decode(said)
}

func main() {
	flag.Parse()
	creds := credentials.NewTLS(common.Config())
	if *common.Host == "" {
		server := grpc.NewServer(grpc.Creds(creds))
		server.RegisterService(&grpc.ServiceDesc{
			ServiceName: "lab.Echo", HandlerType: (*any)(nil),
			Methods: []grpc.MethodDesc{{MethodName: "Say", Handler: say}},
		}, nil)
		listener, err := net.Listen("tcp", ":"+*common.Port)
		common.Check(err)
		common.Check(server.Serve(listener))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	conn, err := grpc.Dial(*common.Host+":"+*common.Port, grpc.WithTransportCredentials(creds))
	common.Check(err)
	answer := new(wrapperspb.StringValue)
	common.Check(conn.Invoke(ctx, "/lab.Echo/Say", &wrapperspb.StringValue{Value: *common.Message}, answer))
	fmt.Println(answer.Value)
}
