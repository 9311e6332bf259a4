package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/mtlslab/mtlslab/lab"
	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/report"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// scorecardFlags are those of `mtlslab scorecard`.
type scorecardFlags struct {
	profile     cases.Profile
	versions    []string
	cases       []string
	out         string
	atOnce      int
	fresh       bool
	noExchanges bool
	thorough    bool
}

// The files of a scorecard. The first is what an interrupted one left, and is
// gone when it is whole.
const (
	partFile = "scorecard.part.json"
	jsonFile = "scorecard.json"
)

var scorecardFiles = []struct {
	name  string
	write func(io.Writer, cases.Scorecard) error
}{
	{jsonFile, report.ScorecardJSON},
	{"README.md", report.ScorecardMarkdown},
	{"scorecard.html", report.ScorecardHTML},
}

// scorecardTTL is how long the containers live if the lab is killed.
const scorecardTTL = 2 * time.Hour

func newScorecard() *cobra.Command {
	f := scorecardFlags{profile: cases.RFC5280}
	cmd := &cobra.Command{
		Use:   "scorecard [PEER...]",
		Short: "Audit all peers of the gallery, and ours, side by side",
		Long: `Audit all peers of the gallery, and ours, side by side: every case of a profile,
in both versions of TLS where that can make a difference, and a plain exchange
between every client and every server that speak the same. With names, only
those peers. What a peer makes of a certificate does not depend on the version:
those are tried in the last alone, unless --thorough.

With --out the result is written there as JSON, Markdown and one HTML page, and
what an interrupted run has found is taken up again by the next.

Exit codes: 0 the scorecard is whole, whatever it shows; 3 a peer could not be
put to the test.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := errors.Join(checkVersions(f.versions), checkCases(f.cases)); err != nil {
				return err
			}
			return f.run(cmd, args)
		},
	}
	flags := cmd.Flags()
	flags.Var((*profileValue)(&f.profile), "profile", "whose expectations: rfc5280, spiffe or strict")
	flags.StringSliceVar(&f.versions, "version", nil, "only this version of TLS, 1.2 or 1.3")
	flags.StringSliceVar(&f.cases, "case", nil, "only the case of this id; may be repeated")
	flags.StringVar(&f.out, "out", "", "directory to write the scorecard to")
	flags.IntVar(&f.atOnce, "at-once", lab.DefaultAtOnce, "how many peers are audited at once")
	flags.BoolVar(&f.fresh, "fresh", false, "do not take up what an interrupted run has found")
	flags.BoolVar(&f.thorough, "thorough", false, "try certificates in both versions of TLS, not the last alone")
	flags.BoolVar(&f.noExchanges, "no-exchanges", false, "leave the plain exchanges out")
	return cmd
}

// round is one scorecard in the making.
type round struct {
	*scorecardFlags
	card  cases.Scorecard
	peers []lab.Peer
	roles []wire.Role
	live  *report.Live
	part  string // where what is found is kept; "" if nowhere

	mu sync.Mutex
}

func (f *scorecardFlags) run(cmd *cobra.Command, names []string) error {
	r := &round{scorecardFlags: f, card: cases.Scorecard{
		Format: 1, Profile: f.profile, Began: time.Now(), Command: commandLine(cmd, names), Built: ownHash(),
	}}
	if err := r.choose(names); err != nil {
		return usageError{err}
	}
	if f.out != "" {
		if err := os.MkdirAll(f.out, 0o755); err != nil { //nolint:gosec // reports are for everybody
			return fmt.Errorf("--out: %w", err)
		}
		r.part = filepath.Join(f.out, partFile)
	}
	if err := r.carryOut(cmd); err != nil {
		return err
	}
	r.card.Took += time.Since(r.card.Began)
	return r.write(cmd)
}

// choose lists the peers that are meant: the gallery's and our own.
func (r *round) choose(names []string) error {
	all, err := lab.Gallery()
	if err != nil {
		return err
	}
	used := make(map[string]bool)
	take := func(p lab.Peer, role wire.Role, called ...string) {
		mine := len(names) == 0
		for _, name := range called {
			if slices.Contains(names, name) {
				mine, used[name] = true, true
			}
		}
		if mine {
			r.peers, r.roles = append(r.peers, p), append(r.roles, role)
		}
	}
	for _, role := range []wire.Role{wire.Server, wire.Client} {
		take(lab.Peer{}, role, "mtlslab")
		for _, p := range all {
			if p.Adapter.Role == role {
				take(p, role, p.Adapter.Name, p.Adapter.BuildName())
			}
		}
	}
	for _, name := range names {
		if !used[name] {
			return fmt.Errorf("peer %q: the gallery has none of that name; mtlslab adapter list shows it", name)
		}
	}
	return nil
}

// label is what the live table calls a peer.
func label(p lab.Peer, role wire.Role) string {
	if p.Adapter == nil {
		return string(role) + " mtlslab"
	}
	return string(role) + " " + p.Adapter.Name
}

// carryOut audits the peers, and has them call each other meanwhile.
func (r *round) carryOut(cmd *cobra.Command) (err error) {
	ctx := cmd.Context()
	show := newNarrator(cmd)
	l, err := lab.Start(ctx, lab.Config{Runtime: lab.Containers, TTL: scorecardTTL, Timeout: time.Minute, Progress: show.progress})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close(ctx)) }()
	engine := l.Facts().Engine
	r.card.Engine = fmt.Sprintf("%s, %s, %d processors", engine.Version, engine.Arch, runtime.NumCPU())

	products, err := r.identify(ctx, l)
	if err != nil {
		return err
	}
	show.hush()
	fmt.Fprintf(cmd.ErrOrStderr(), "mtlslab: the images of %d peers are at hand\n", len(r.peers))
	r.card.Began = time.Now() // the images are there
	known := r.takeUp(products)
	round := lab.Roundup{AtOnce: r.atOnce}
	out := cmd.ErrOrStderr()
	columns, lines := report.Size(out)
	r.live = &report.Live{
		Out: out, Terminal: report.IsTerminal(out), Color: os.Getenv("NO_COLOR") == "", Width: min(columns, width), Height: lines,
	}
	var which []int
	for i, p := range r.peers {
		name := label(p, r.roles[i])
		r.live.Peers = append(r.live.Peers, name)
		if a := known[i]; a != nil {
			r.card.Audits[i] = *a
			defer r.live.Done(name, *a)
			continue
		}
		which = append(which, i)
		round.Audits = append(round.Audits, lab.Audit{
			Role: r.roles[i], Peer: p, Profile: r.profile, Versions: r.versions, Cases: r.cases, Command: repeatOf(p, r.roles[i], r.profile),
			Once:     !r.thorough,
			Progress: func(done, total int, _ string) { r.live.Update(name, done, total) },
		})
	}
	round.Finished = func(i int, a cases.Audit, broke error) { r.finish(which[i], a, broke, l.Sent()) }
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return l.Roundup(ctx, round) })
	if !r.noExchanges && slices.Contains(r.roles, wire.Server) && slices.Contains(r.roles, wire.Client) {
		r.live.Peers = append(r.live.Peers, exchanges)
		group.Go(func() error { return r.cross(ctx) })
	}
	err = group.Wait()
	r.live.Clear()
	r.card.Sent = l.Sent()
	return err
}

func repeatOf(p lab.Peer, role wire.Role, profile cases.Profile) string {
	command := "mtlslab audit " + string(role)
	if p.Adapter != nil {
		command += " --peer " + p.Adapter.BuildName()
	}
	return command + " --profile " + string(profile)
}

// identify brings all images into the engine before anything is timed.
func (r *round) identify(ctx context.Context, l *lab.Lab) ([]cases.Product, error) {
	r.card.Audits = make([]cases.Audit, len(r.peers))
	products := make([]cases.Product, len(r.peers))
	for i, p := range r.peers {
		r.card.Audits[i] = cases.Audit{Format: 1, Role: r.roles[i], Profile: r.profile, Subject: "mtlslab " + string(r.roles[i])}
		if p.Adapter == nil {
			continue
		}
		r.card.Audits[i].Subject = p.Adapter.Name
		product, err := l.Identify(ctx, p)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil {
			return nil, err
		}
		products[i] = product
		r.card.Audits[i].Product = &products[i]
	}
	return products, nil
}

// takeUp finds what an interrupted run has found out about the same peers with
// the same cases, by their place.
func (r *round) takeUp(products []cases.Product) map[int]*cases.Audit {
	known := make(map[int]*cases.Audit)
	if r.part == "" || r.fresh {
		return known
	}
	file, err := os.Open(r.part)
	if err != nil {
		return known // there was none, or it is of no use
	}
	defer file.Close() //nolint:errcheck // read-only
	before, err := report.ReadScorecard(file)
	if err != nil || before.Command != r.card.Command || before.Built != r.card.Built {
		return known
	}
	r.card.Took = before.Took
	for i := range r.peers {
		at := slices.IndexFunc(before.Audits, func(a cases.Audit) bool {
			mine := a.Role == r.roles[i] && a.Subject == r.card.Audits[i].Subject && len(a.Findings) > 0
			return mine && (a.Product == nil || a.Product.Digest == products[i].Digest && a.Product.Adapter == products[i].Adapter)
		})
		if at >= 0 {
			known[i] = &before.Audits[at]
		}
	}
	return known
}

// finish notes one audit, and keeps all that is known so far.
func (r *round) finish(i int, a cases.Audit, broke error, sent []cases.Sent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	name := label(r.peers[i], r.roles[i])
	if broke != nil {
		r.card.Audits[i].Broke = broke.Error()
		r.live.Broke(name, broke)
		return
	}
	r.card.Audits[i] = a
	r.live.Done(name, a)
	if r.part == "" {
		return
	}
	part := r.card
	part.Sent, part.Took = sent, r.card.Took+time.Since(r.card.Began)
	part.Audits = slices.DeleteFunc(slices.Clone(part.Audits), func(a cases.Audit) bool { return len(a.Findings) == 0 })
	if err := replaceFile(r.part, func(w io.Writer) error { return report.ScorecardJSON(w, part) }); err != nil {
		r.live.Broke(name, fmt.Errorf("it could not be kept: %w", err))
	}
}

// exchanges is what the live table calls the plain exchanges.
const exchanges = "plain exchanges"

// cross carries out the plain exchanges, on a network of their own, in which each
// server in turn has the name that its certificate is for.
func (r *round) cross(ctx context.Context) (err error) {
	l, err := lab.Start(ctx, lab.Config{Runtime: lab.Containers, TTL: scorecardTTL, Timeout: time.Minute})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close(ctx)) }()
	var servers, clients []lab.Peer
	for i, p := range r.peers {
		if r.roles[i] == wire.Server {
			servers = append(servers, p)
		} else {
			clients = append(clients, p)
		}
	}
	made, err := l.Cross(ctx, servers, clients, func(done, total int) { r.live.Update(exchanges, done, total) })
	if err == nil {
		r.live.Exchanged(exchanges, made)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.card.Crossings = made
	return err
}

func (r *round) write(cmd *cobra.Command) error {
	if r.out != "" {
		for _, file := range scorecardFiles {
			path := filepath.Join(r.out, file.name)
			if err := replaceFile(path, func(w io.Writer) error { return file.write(w, r.card) }); err != nil {
				return fmt.Errorf("--out: %w", err)
			}
		}
		if err := os.Remove(r.part); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("--out: %w", err)
		}
	}
	var err error
	if wantsJSON(cmd) {
		err = report.ScorecardJSON(cmd.OutOrStdout(), r.card)
	} else {
		color := report.IsTerminal(cmd.OutOrStdout()) && os.Getenv("NO_COLOR") == ""
		err = report.ScorecardText(cmd.OutOrStdout(), r.card, report.Options{Color: color})
	}
	if err != nil {
		return err
	}
	if slices.ContainsFunc(r.card.Audits, func(a cases.Audit) bool { return a.Broke != "" }) {
		return errInconclusive
	}
	return nil
}

// replaceFile writes a file whole or not at all.
func replaceFile(path string, write func(io.Writer) error) error {
	next := path + ".new"
	if err := writeFile(next, write); err != nil {
		return errors.Join(err, os.Remove(next))
	}
	return os.Rename(next, path)
}

// commandLine is the command as it can be given again.
func commandLine(cmd *cobra.Command, names []string) string {
	words := []string{"mtlslab scorecard"}
	for _, name := range []string{"profile", "version", "case", "no-exchanges", "thorough"} {
		if flag := cmd.Flags().Lookup(name); flag.Changed {
			words = append(words, "--"+name+"="+quoted(strings.Trim(flag.Value.String(), "[]")))
		}
	}
	return strings.Join(append(words, names...), " ")
}

// ownHash tells builds of this program apart.
func ownHash() string {
	path, err := os.Executable()
	if err != nil {
		return ""
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
