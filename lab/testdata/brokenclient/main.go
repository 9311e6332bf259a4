// Command brokenclient is a small honest client that is broken on purpose in the
// one way that -fault names. The lab must catch it. Without a fault it is as
// strict as our own. It takes those of the real client's flags that the lab
// gives it.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/mtlslab/mtlslab/lab/testdata/broken"
	"github.com/mtlslab/mtlslab/lab/wire"
)

func main() {
	name := flag.String("fault", "", "what is broken; nothing if empty")
	connect := flag.String("connect", "", "")
	serverName := flag.String("server-name", "", "")
	material := flag.String("material", wire.Stdin, "")
	_ = flag.String("log", "json", "")
	lifetime := flag.Duration("lifetime", time.Minute, "")
	flag.Parse()
	time.AfterFunc(*lifetime, func() { os.Exit(wire.ExitFailed) })

	fault, err := faultOf(*name)
	if err != nil {
		fmt.Fprintln(os.Stderr, "brokenclient:", err)
		os.Exit(wire.ExitUsage)
	}
	c := &client{fault: fault, address: *connect, message: flag.Arg(0)}
	peer, trusting, err := load(fault, *material)
	if err != nil {
		fmt.Fprintln(os.Stderr, "brokenclient:", err)
		os.Exit(wire.ExitFailed)
	}
	peer.Policy.ServerName = *serverName
	c.prepare(peer, trusting)
	outcome := c.run()
	_ = (&wire.Journal{Role: wire.Client, W: os.Stdout}).Write(outcome)
	os.Exit(outcome.Kind.ExitCode())
}

func load(f fault, material string) (peer *broken.Peer, trusting bool, err error) {
	if f.startsAnyhow {
		return broken.LoadWhatever(wire.Client, os.Stdin)
	}
	peer, err = broken.Load(wire.Client, material, os.Stdin)
	return peer, true, err
}
