package verdict_test

import (
	"fmt"

	"github.com/mtlslab/mtlslab/lab/verdict"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// A timeout refuses nobody, whatever came of the message.
func ExampleExchange_Judge() {
	server := wire.Outcome{Role: wire.Server, Kind: wire.Failed, Reason: wire.Timeout}
	v := verdict.Exchange{
		Client: wire.Outcome{Role: wire.Client, Kind: wire.NoReceipt, Reason: wire.Timeout}, ClientTells: true,
		Server: &server, ServerTells: true,
	}.Judge()
	fmt.Println(v.Decision)

	server.Kind, server.Reason = wire.Refused, wire.Expired
	v = verdict.Exchange{
		Client: wire.Outcome{Role: wire.Client, Kind: wire.NoReceipt, Reason: wire.Disconnected}, ClientTells: true,
		Server: &server, ServerTells: true,
	}.Judge()
	fmt.Println(v)
	fmt.Println(v.Diff(verdict.Refused(wire.Server, wire.Revoked)))
	// Output:
	// inconclusive
	// refused by the server, expired
	// got refused by the server, expired, want refused by the server, revoked
	// client: no receipt, disconnected
	// server: refused, expired
}
