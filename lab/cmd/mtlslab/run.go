package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/mtlslab/mtlslab/lab"
	"github.com/mtlslab/mtlslab/lab/cmd/cli"
	"github.com/mtlslab/mtlslab/lab/exchange"
	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/verdict"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// demonstration is what `run` shows: one exchange that must arrive, and the
// controls that must be refused. It is the JSON document of --json.
type demonstration struct {
	Format    int           `json:"format"` // 1
	Pass      bool          `json:"pass"`
	Facts     lab.Facts     `json:"facts"`
	PKI       pkiFacts      `json:"pki"`
	Isolation isolation     `json:"isolation"`
	Exchange  claim         `json:"exchange"`
	Controls  []claim       `json:"controls"`
	Mistake   []catch       `json:"mistake,omitempty"` // of the example that the project grew from
	CleanUp   time.Duration `json:"clean_up_ns"`
	Took      time.Duration `json:"took_ns"`
}

// claim is one exchange and what must come of it.
type claim struct {
	Name    string          `json:"name"`
	Want    string          `json:"want"`
	Pass    bool            `json:"pass"`
	Diff    string          `json:"diff,omitempty"`
	Verdict verdict.Verdict `json:"verdict"`

	exchange exchange.Exchange
	want     verdict.Want
}

type pkiFacts struct {
	Algorithm pki.Algorithm `json:"algorithm"`
	NotBefore time.Time     `json:"not_before"`
	NotAfter  time.Time     `json:"not_after"`
}

type isolation struct {
	Proven bool   `json:"proven"`
	How    string `json:"how,omitempty"` // what keeps the peers in
	Why    string `json:"why,omitempty"` // why it is not proven
	// HostOnly says that the engine's host was reached, which that cannot keep out, and nobody else.
	HostOnly bool       `json:"host_only,omitempty"`
	Tries    []wire.Try `json:"tries,omitempty"` // what the server tried to reach, and came to
}

func newRun() *cobra.Command {
	var cfg lab.Config
	var message, algorithm string
	rec := new(recording)
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Deliver one message, verified by both sides, and refuse impostors",
		Args:  cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if cfg.Algorithm, err = pki.ParseAlgorithm(algorithm); err != nil {
				return cli.UsageError{Err: fmt.Errorf("--algorithm: %w", err)}
			}
			if err := checkMessage(message); err != nil {
				return cli.UsageError{Err: err}
			}
			if cfg.TTL < time.Second {
				return cli.UsageError{Err: fmt.Errorf("--ttl %v: must be at least a second", cfg.TTL)}
			}
			if err := rec.open(&cfg); err != nil {
				return err
			}
			defer rec.discard()
			return demonstrate(cmd, cfg, message, rec)
		},
	}
	flags := cmd.Flags()
	cli.RuntimeFlag(flags, &cfg.Runtime)
	flags.StringVar(&message, "message", exchange.Greeting, "what the client says")
	flags.StringVar(
		&algorithm,
		"algorithm",
		string(pki.ECDSAP256),
		"of every key: ecdsa-p256, ecdsa-p384, rsa-2048 or ed25519",
	)
	rec.register(flags, "")
	flags.DurationVar(&cfg.TTL, "ttl", lab.DefaultTTL, "how long the peers live at most")
	return cmd
}

// nonceRoom is what the lab adds to a message: its nonce in parentheses.
const nonceRoom = len(" (0123456789ab)")

func checkMessage(message string) error {
	const most = wire.MaxMessage - nonceRoom
	switch {
	case len(message) > most:
		return fmt.Errorf("--message: it has %d bytes; at most %d fit in beside the nonce", len(message), most)
	case message == "" || strings.ContainsAny(message, "\r\n"):
		return fmt.Errorf("--message %q: must be one line, and not empty", message)
	case !utf8.ValidString(message):
		return fmt.Errorf("--message %q: must be UTF-8", message)
	}
	return nil
}

func demonstrate(cmd *cobra.Command, cfg lab.Config, message string, rec *recording) (err error) {
	began := time.Now()
	ctx := cmd.Context()
	show := newNarrator(cmd)
	cfg.Progress = show.progress

	d := demonstration{Format: 1}
	l, err := lab.Start(ctx, cfg)
	if err != nil {
		return err
	}
	closed := false
	closeLab := func() error {
		closing := time.Now()
		closed = true
		err := l.Close(ctx)
		d.CleanUp = time.Since(closing)
		return err
	}
	defer func() {
		if !closed {
			err = errors.Join(err, closeLab())
		}
	}()

	d.Facts = l.Facts()
	if err := rec.begin(ctx, d.Facts, cmd.ErrOrStderr()); err != nil {
		return err
	}
	leaf := l.Pair().Server.Certificate
	d.PKI = pkiFacts{cfg.Algorithm, leaf.NotBefore, leaf.NotAfter}
	show.place(d)
	if d.Exchange, err = run(ctx, l, delivery(message)); err != nil {
		return err
	}
	show.exchange(d)
	if d.Controls, err = runControls(ctx, l); err != nil {
		return err
	}
	show.controls(d.Controls)
	tries, err := l.Reached(ctx)
	if err != nil {
		return err
	}
	d.Isolation = isolated(d.Facts, tries)
	show.isolation(d)
	var took time.Duration
	if d.Mistake, took, err = catchExample(ctx, l); err != nil {
		return err
	}
	show.mistake(d.Mistake, took)
	if err := errors.Join(rec.end(show), closeLab()); err != nil {
		return err
	}
	d.Took = time.Since(began)
	d.Pass = d.passes()
	if err := show.end(d); err != nil {
		return err
	}
	return d.verdict()
}

// isolated says whether the peers had no way out. What the engine says of the network is
// not enough: a peer has tried, and reached nobody.
func isolated(facts lab.Facts, tries []wire.Try) isolation {
	switch {
	case facts.Runtime == sandbox.Processes && facts.Why != "":
		return isolation{Why: "the peers ran as local processes, because " + facts.Why}
	case facts.Runtime == sandbox.Processes:
		return isolation{Why: "the peers ran as local processes, as asked"}
	case facts.Network == nil || !facts.Network.Internal:
		return isolation{Why: "the engine says that the network is not internal"}
	case len(tries) == 0:
		return isolation{Why: "the server tried to reach nobody"}
	}
	host := false
	for _, try := range tries {
		switch {
		case try.Result.Out() && try.Address == facts.Gateway:
			host = true
		case try.Result.Out():
			return isolation{Why: "from inside, the server reached " + try.Address, Tries: tries}
		case try.Result == wire.ReachFailed:
			return isolation{Why: "a try from inside to reach " + try.Address + " showed nothing", Tries: tries}
		}
	}
	if host {
		return isolation{HostOnly: true, Tries: tries, Why: fmt.Sprintf(
			"the engine's host answers at %s, and %s has no way to keep it out; nothing else of %d does",
			facts.Gateway, facts.Engine.Name, len(tries))}
	}
	return isolation{Proven: true, How: "internal; no address of the host has a place in it", Tries: tries}
}

func (d demonstration) passes() bool {
	for _, c := range d.Controls {
		if !c.Pass {
			return false
		}
	}
	for _, c := range d.Mistake {
		if !c.Caught {
			return false
		}
	}
	return d.Exchange.Pass && (d.Isolation.Proven || d.Isolation.HostOnly || d.Facts.Runtime == sandbox.Processes)
}

// verdict turns what was shown into the command's error.
func (d demonstration) verdict() error {
	if d.Pass {
		return nil
	}
	for _, c := range append(d.Controls, d.Exchange) {
		if c.Verdict.Decision == verdict.Inconclusive {
			return cli.ErrInconclusive
		}
	}
	return cli.ErrFail
}

func delivery(message string) claim {
	return claim{
		Name:     "the right client",
		exchange: exchange.Exchange{Message: message},
		want:     verdict.Delivered("spiffe://lab/client"),
	}
}

// controls are what makes the delivery mean something.
func controls(l *lab.Lab) ([]claim, error) {
	client, err := l.Stranger(wire.Client)
	if err != nil {
		return nil, err
	}
	server, err := l.Stranger(wire.Server)
	if err != nil {
		return nil, err
	}
	return []claim{{
		Name:     "no certificate",
		exchange: exchange.Exchange{Client: peer.Own{Args: []string{"-no-certificate"}}},
		want:     verdict.Refused(wire.Server, wire.NoCertificate),
	}, {
		Name:     "impostor client",
		exchange: exchange.Exchange{ClientMaterial: client},
		want:     verdict.Refused(wire.Server, wire.UnknownAuthority),
	}, {
		Name:     "impostor server",
		exchange: exchange.Exchange{ServerMaterial: server},
		want:     verdict.Refused(wire.Client, wire.UnknownAuthority),
	}}, nil
}

func runControls(ctx context.Context, l *lab.Lab) ([]claim, error) {
	claims, err := controls(l)
	if err != nil {
		return nil, err
	}
	group, ctx := errgroup.WithContext(ctx)
	for i := range claims {
		group.Go(func() (err error) {
			claims[i], err = run(ctx, l, claims[i])
			return err
		})
	}
	return claims, group.Wait()
}

func run(ctx context.Context, l *lab.Lab, c claim) (claim, error) {
	v, err := l.Run(ctx, c.exchange)
	if err != nil {
		return c, fmt.Errorf("%s: %w", c.Name, err)
	}
	c.Verdict, c.Want, c.Diff = v, c.want.String(), v.Diff(c.want)
	c.Pass = c.Diff == ""
	return c, nil
}
