package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/mtlslab/mtlslab/lab"
	"github.com/mtlslab/mtlslab/lab/audit"
	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/cmd/cli"
	"github.com/mtlslab/mtlslab/lab/console"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/foreign"
	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/scorecard"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// scorecardFlags are those of `mtlslab scorecard`.
type scorecardFlags struct {
	profile     cases.Profile
	versions    []string
	cases       []string
	out         string
	shard       string
	pki         string
	atOnce      int
	fresh       bool
	noExchanges bool
	manuals     bool
	thorough    bool
	remedies    bool
	verbose     bool
}

func newScorecard() *cobra.Command {
	f := scorecardFlags{profile: cases.RFC5280}
	cmd := &cobra.Command{
		Use:   "scorecard [PEER...]",
		Short: "Audit all peers of the gallery, and ours, side by side",
		Long: `Audit all peers of the gallery, and ours, side by side: every case of a
profile, and a plain exchange between every client and every server that speak
the same. With names, only those peers. Certificates are tried in the last
version of TLS alone, but for their key usage, which TLS 1.2 holds against the
cipher suite, and all else in both; --thorough tries all in both.

With --out the result is written there as JSON, Markdown and one HTML page, and
the audits that an interrupted run has finished are taken up by the next.

Exit codes: 0 the scorecard is whole, whatever it shows; 3 a peer could not be
put to the test.`,
		RunE: f.run,
	}
	flags := cmd.Flags()
	flags.Var((*profileValue)(&f.profile), "profile", "whose expectations: rfc5280, spiffe or strict")
	flags.StringSliceVar(&f.versions, "version", nil, "only this version of TLS, 1.2 or 1.3")
	flags.StringSliceVar(&f.cases, "case", nil, "only the case of this id; may be repeated")
	flags.StringVar(&f.out, "out", "", "directory to write the scorecard to")
	flags.StringVar(&f.shard, "shard", "",
		"only the I-th of N parts, I/N; mtlslab report merge puts them together "+
			"(default: $MTLSLAB_SHARD)")
	flags.StringVar(&f.pki, "pki", "", "authority that mtlslab pki export wrote, so that all parts have the same")
	flags.IntVar(&f.atOnce, "at-once", scorecard.DefaultAtOnce, "how many peers are audited at once")
	flags.BoolVar(&f.fresh, "fresh", false, "with --out: do not take up what an interrupted run has found")
	flags.BoolVar(&f.thorough, "thorough", false, "try certificates in both versions of TLS, not the last alone")
	flags.BoolVar(&f.remedies, "remedies", false, "audit each peer again with each remedy of its adapter")
	flags.BoolVar(&f.manuals, "manuals", false, "audit what published pages set up, in place of the gallery")
	flags.BoolVar(&f.noExchanges, "no-exchanges", false, "leave the plain exchanges out")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "list what failed, too")
	cmd.AddCommand(newScorecardDiff())
	return cmd
}

// contender is a peer in one of its roles.
type contender struct {
	peer.Peer
	audit   audit.Audit      // what it is put to
	product *finding.Product // nil for our own programs
	known   *finding.Audit   // what an interrupted run has found, if it has
}

// label is what the board calls it.
func (c contender) label() string { return string(c.audit.Role) + " " + c.Peer.Name() }

// round is one scorecard in the making.
type round struct {
	*scorecardFlags
	card       finding.Scorecard
	contenders []contender
	crossing   map[wire.Role][]peer.Peer // who makes plain exchanges
	cfg        lab.Config                // of its labs
	board      *console.Board
	part       string // where what is found is kept; "" if nowhere

	mu   sync.Mutex
	keep keeping
}

func (f *scorecardFlags) run(cmd *cobra.Command, names []string) error {
	r := &round{scorecardFlags: f, card: finding.Scorecard{
		Format: finding.Format, Profile: f.profile, Thorough: f.thorough, Command: commandLine(cmd, names), Built: ownHash(),
	}}
	if err := errors.Join(f.check(), r.choose(names)); err != nil {
		return cli.UsageError{Err: err}
	}
	if err := errors.Join(r.divide(), r.configure()); err != nil {
		return cli.UsageError{Err: err}
	}
	if f.out != "" {
		r.part = filepath.Join(f.out, partFile)
	}
	return f.writing(func(files []*cli.Output) error {
		if err := r.carryOut(cmd); err != nil {
			r.kept(cmd.ErrOrStderr())
			return err
		}
		return r.write(cmd, files)
	})
}

// check finds out what is wrong with the flags before anything is started.
func (f *scorecardFlags) check() error {
	switch {
	case f.atOnce < 1:
		return fmt.Errorf("--at-once %d: want 1 or more", f.atOnce)
	case f.fresh && f.out == "":
		return errors.New("--fresh: without --out nothing is taken up")
	}
	if err := f.auditOf(wire.Server).Check(); err != nil {
		return err
	}
	for _, id := range f.cases {
		server, client := f.auditOf(wire.Server, id).Check(), f.auditOf(wire.Client, id).Check()
		if server != nil && client != nil {
			return fmt.Errorf("%w; mtlslab audit server --list and audit client --list have all cases", server)
		}
	}
	return nil
}

// auditOf is what a peer in that role is put to: those cases, or all.
func (f *scorecardFlags) auditOf(role wire.Role, ids ...string) audit.Audit {
	return audit.Audit{Role: role, Profile: f.profile, Versions: f.versions, Cases: ids, Once: !f.thorough}
}

// choose lists the peers that are meant, the gallery's and our own, and leaves out
// those for which there is nothing to try.
func (r *round) choose(names []string) error {
	list := foreign.Gallery
	if r.manuals {
		list, r.noExchanges = foreign.Manuals, true
	}
	all, err := list()
	if err != nil {
		return err
	}
	for _, role := range []wire.Role{wire.Server, wire.Client} {
		var ids []string
		for _, id := range r.cases {
			if r.auditOf(role, id).Check() == nil {
				ids = append(ids, id)
			}
		}
		if len(r.cases) > 0 && len(ids) == 0 {
			continue
		}
		for _, p := range r.candidates(all, role) {
			if len(names) > 0 && !slices.ContainsFunc(names, meant(p, all)) {
				continue
			}
			c := contender{Peer: p, audit: r.auditOf(role, ids...)}
			c.audit.Peer, c.audit.Command = p, repeatOf(p, role)
			r.contenders = append(r.contenders, c)
		}
	}
	for _, name := range names {
		if !slices.ContainsFunc(r.contenders, func(c contender) bool { return meant(c.Peer, all)(name) }) {
			return fmt.Errorf(
				"peer %q: there is none of that name with anything to try; mtlslab adapter list shows the gallery",
				name,
			)
		}
	}
	return nil
}

// candidates are our own program of a role, but where manuals are audited, and those of the gallery.
func (r *round) candidates(gallery []foreign.Image, role wire.Role) (all []peer.Peer) {
	if !r.manuals {
		all = append(all, peer.Own{})
	}
	for _, image := range gallery {
		if image.Adapter.Role == role {
			all = append(all, image)
		}
	}
	return all
}

// meant says whether a peer is meant by a name: its own, or if that is nobody's, that of its directory.
func meant(p peer.Peer, gallery []foreign.Image) func(name string) bool {
	return func(name string) bool {
		own := slices.ContainsFunc(gallery, func(image foreign.Image) bool { return image.Name() == name })
		return name == p.Name() || !own && name == buildNameOf(p)
	}
}

// buildNameOf is how a peer of the gallery is called on the command line; "" of our own.
func buildNameOf(p peer.Peer) string {
	if image, ok := p.(foreign.Image); ok {
		return image.Adapter.BuildName()
	}
	return ""
}

func repeatOf(p peer.Peer, role wire.Role) string {
	command := "mtlslab audit " + string(role)
	if image, ok := p.(foreign.Image); ok {
		command += " --peer " + image.Name()
	}
	return command
}

// carryOut audits the peers, and has them call each other meanwhile.
func (r *round) carryOut(cmd *cobra.Command) (err error) {
	ctx := cmd.Context()
	show := newNarrator(cmd)
	cfg := r.cfg
	cfg.Progress = show.progress
	l, err := lab.Start(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close(ctx)) }()
	engine := l.Facts().Engine
	r.card.Engine = fmt.Sprintf("%s, %s, %d processors", engine.Version, engine.Arch, runtime.NumCPU())
	if err := r.identify(ctx, l); err != nil {
		return err
	}
	show.hush()
	fmt.Fprintf(cmd.ErrOrStderr(), "mtlslab: the images of %d peers are at hand\n", len(r.contenders))
	r.takeUp(cmd.ErrOrStderr())

	r.card.Began = time.Now()
	r.show(cmd.ErrOrStderr())
	defer r.board.Clear()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return r.audit(ctx, l) })
	if r.crosses() {
		group.Go(func() error { return r.cross(ctx) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	r.card.Sent = append(r.card.Sent, l.Sent()...)
	r.card.Took += time.Since(r.card.Began)
	return nil
}

// identify brings all images into the engine before anything is timed.
func (r *round) identify(ctx context.Context, l *lab.Lab) error {
	for i := range r.contenders {
		c := &r.contenders[i]
		audit := finding.Audit{
			Format:  finding.Format,
			Role:    c.audit.Role,
			Profile: r.profile,
			Subject: c.audit.Subject(),
			Run:     l.ID(),
		}
		product, err := l.Identify(ctx, c.Peer, c.audit.Role)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			return err
		}
		c.product, audit.Product = product, product
		r.card.Audits = append(r.card.Audits, audit)
	}
	return nil
}

// show begins the live table, with all that is to be in it.
func (r *round) show(out io.Writer) {
	columns, lines := console.Size(out)
	r.board = &console.Board{
		Out:      out,
		Terminal: console.IsTerminal(out),
		Color:    cli.InColor(out),
		Width:    min(columns, width),
		Height:   lines,
	}
	for _, c := range r.contenders {
		r.board.Peers = append(r.board.Peers, c.label())
	}
	if r.crosses() {
		r.board.Peers = append(r.board.Peers, exchanges)
	}
	for _, c := range r.contenders {
		if c.known != nil {
			r.done(c.label(), *c.known)
		}
	}
}

// audit puts to the test whoever is not known yet.
func (r *round) audit(ctx context.Context, l *lab.Lab) error {
	var which []int
	todo := scorecard.Audits{AtOnce: r.atOnce, Remedies: r.remedies}
	for i, c := range r.contenders {
		if c.known != nil {
			continue
		}
		c.audit.Progress = func(done, total int, _ string) { r.board.Update(c.label(), done, total) }
		which = append(which, i)
		todo.Audits = append(todo.Audits, c.audit)
	}
	todo.Finished = func(i int, a finding.Audit, broke error) { r.finish(which[i], a, broke, l.Sent()) }
	return l.Audits(ctx, todo)
}
