package main

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/cmd/cli"
	"github.com/mtlslab/mtlslab/lab/deployment"
	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// endpointFlags are those of an endpoint, besides those of every audit.
type endpointFlags struct {
	auditFlags
	pki    string
	client bool
	wait   time.Duration
	name   string
	speaks string
	status []int
	rate   float64
	lists  bool
	admits bool
}

const (
	usualRate = 10          // how often an endpoint is asked, a second
	usualWait = time.Minute // how long until a client calls
	mostWait  = 4 * time.Minute
)

func newAuditEndpoint() *cobra.Command {
	f := &endpointFlags{auditFlags: newAuditFlags(wire.Server)}
	cmd := &cobra.Command{
		Use:   "endpoint HOST:PORT --pki DIRECTORY",
		Short: "Try what needs no restart against what runs already",
		Long: `Try who gets in to a server that somebody else has started, with material that
mtlslab pki export wrote. Cases that need a server of their own are left out.

Nothing is tried unless the server shows a certificate of that authority, and
serves its good client. It is asked at a low rate, and no more once it serves
nobody. Nothing is isolated: others are served meanwhile. When you are done,
take the test authority out of the server's trust again.

With --client it is a client that somebody else has started, which calls
HOST:PORT of this machine by the name "server", again and again: each trial is
one of its calls. Whatever it says over TLS counts as its message.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return cli.UsageError{Err: fmt.Errorf("%s takes one HOST:PORT", cmd.CommandPath())}
			}
			return nil
		},
		RunE: f.run,
	}
	flags := cmd.Flags()
	f.register(flags)
	flags.StringVar(&f.pki, "pki", "", "directory that mtlslab pki export wrote")
	flags.BoolVar(&f.client, "client", false, "listen at HOST:PORT, and try the client that calls there")
	flags.DurationVar(&f.wait, "wait", usualWait, "how long until a client calls again, at most")
	flags.StringVar(&f.name, "name", "", "the server's name (default: the first that was exported)")
	flags.StringVar(&f.speaks, "speaks", string(adapter.HTTP), "what is said over TLS: "+words(adapter.Protocols()))
	flags.IntSliceVar(&f.status, "status", nil,
		"statuses of HTTP with which it answers whom it lets in (default: 200 to 299, and 404)")
	flags.Float64Var(&f.rate, "rate", usualRate, "connections a second, at most")
	flags.BoolVar(&f.lists, "lists", false, "it was given the revocation lists, crl.pem")
	flags.BoolVar(&f.admits, "admits", false, "it was told to admit spiffe://lab/client and nobody else")
	return cmd
}

func (f *endpointFlags) run(cmd *cobra.Command, args []string) error {
	p, err := f.endpoint(args[0], cmd.Flags().Changed)
	if err != nil {
		return cli.UsageError{Err: err}
	}
	f.cfg.Runtime = sandbox.Processes
	s, err := f.subject(cli.Meant{Peer: p, Command: f.command(args[0])}, "")
	if err != nil {
		return cli.UsageError{Err: err}
	}
	return f.audited(cmd, []*subject{s})
}

// endpoint is the peer that is meant, of an authority that was exported.
func (f *endpointFlags) endpoint(address string, given func(flag string) bool) (peer.Peer, error) {
	if err := f.fault(address, given); err != nil {
		return nil, err
	}
	d, err := deployment.Read(f.pki)
	if err != nil {
		return nil, err
	}
	f.cfg.Pair, f.cfg.Chains = d.Pair, d.Chains
	if f.client {
		f.audit.Role = wire.Client
		return peer.Caller{
			Listen: address, Speaks: adapter.Endpoint("endpoint", adapter.Protocol(f.speaks), "", nil),
			Wait: f.wait, Lists: f.lists,
		}, nil
	}
	f.name = cmp.Or(f.name, d.ServerName())
	return peer.Endpoint{
		Address: address, ServerName: f.name, Authority: d.Pair.Authority.Trust(), Good: d.Pair.Material(wire.Client),
		Speaks: adapter.Endpoint("endpoint", adapter.Protocol(f.speaks), f.name, f.status),
		Lists:  f.lists, Admit: f.admits, Pace: time.Duration(float64(time.Second) / f.rate),
	}, nil
}

// fault is what is wrong with the flags.
func (f *endpointFlags) fault(address string, given func(flag string) bool) error {
	host, port, err := net.SplitHostPort(address)
	switch {
	case err != nil || host == "" && !f.client || port == "":
		return fmt.Errorf("endpoint %q: want HOST:PORT", address)
	case f.pki == "":
		return errors.New("--pki: name the directory that mtlslab pki export wrote")
	case f.rate <= 0:
		return fmt.Errorf("--rate %v: want more than none", f.rate)
	case f.wait <= 0 || f.wait > mostWait:
		return fmt.Errorf("--wait %v: want up to %v", f.wait, mostWait)
	case !slices.Contains(adapter.Protocols(), adapter.Protocol(f.speaks)):
		return fmt.Errorf("--speaks %q: choose %s", f.speaks, words(adapter.Protocols()))
	case f.client && !slices.Contains(adapter.OwnWords(), adapter.Protocol(f.speaks)):
		return fmt.Errorf(
			"--speaks %q: of a client that says what it says anyway choose %s",
			f.speaks,
			words(adapter.OwnWords()),
		)
	}
	of, not := []string{"name", "status", "rate", "admits"}, "a server's, and --client is given"
	if !f.client {
		of, not = []string{"wait"}, "a client's: give --client"
	}
	if at := slices.IndexFunc(of, given); at >= 0 {
		return fmt.Errorf("--%s is %s", of[at], not)
	}
	return nil
}

// command repeats the audit.
func (f *endpointFlags) command(address string) string {
	all := []string{"mtlslab audit endpoint", cli.Quoted(address), "--pki", cli.Quoted(f.pki), "--speaks", f.speaks}
	if f.client {
		all = append(all, "--client", "--wait", f.wait.String())
	}
	if f.lists {
		all = append(all, "--lists")
	}
	if f.admits {
		all = append(all, "--admits")
	}
	return strings.Join(all, " ")
}

// words are joined for a person.
func words[T ~string](all []T) string {
	texts := make([]string, len(all))
	for i, one := range all {
		texts[i] = string(one)
	}
	return strings.Join(texts, ", ")
}
