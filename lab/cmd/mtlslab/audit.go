package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mtlslab/mtlslab/lab"
	"github.com/mtlslab/mtlslab/lab/audit"
	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/cmd/cli"
	"github.com/mtlslab/mtlslab/lab/console"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/foreign"
	"github.com/mtlslab/mtlslab/lab/remedy"
	"github.com/mtlslab/mtlslab/lab/report"
	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// auditFlags are those of `mtlslab audit`.
type auditFlags struct {
	cfg      lab.Config
	audit    audit.Audit
	peer     cli.PeerFlags
	demand   []string
	waivers  string
	baseline string
	remedies bool
	verbose  bool
	list     bool
	files    map[string]*string // a path by format
	rec      recording
}

// formats are the files that an audit can be written to besides what is printed.
var formats = []struct {
	name, what string
	write      func(io.Writer, finding.Audit) error
}{
	{"html", "one HTML page that stands alone", report.HTML},
	{"junit", "JUnit XML", report.JUnit},
	{"sarif", "SARIF 2.1.0", report.SARIF},
	{"report", "the JSON document", report.JSON},
}

func newAudit() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Try every case against a server or a client",
		Args:  cli.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return cli.UsageError{
				Err: fmt.Errorf("say which side is audited: mtlslab audit server, client, or endpoint"),
			}
		},
	}
	cmd.AddCommand(newAuditOf(wire.Server), newAuditOf(wire.Client), newAuditEndpoint())
	return cmd
}

func newAuditOf(role wire.Role) *cobra.Command {
	f := newAuditFlags(role)
	cmd := &cobra.Command{
		Use:   string(role) + " [IMAGE]",
		Short: fmt.Sprintf("Try every case against a %s: our own, or that of an image", role),
		Long: fmt.Sprintf(`Try every case of a profile against a %s, between controls that must be
delivered, and report who gets in. Without an image, an adapter or a peer of the
gallery it is our own.

Exit codes: 0 nobody gets in who is to stay out; 1 somebody does: nobody, former
or an insider, and whom --demand names besides; or a waiver is of no use any
more; 3 more was void than shown. Our own is held to all.`, role),
		Args: cli.AtMostOneImage,
		RunE: f.run,
	}
	flags := cmd.Flags()
	cli.RuntimeFlag(flags, &f.cfg.Runtime)
	f.register(flags)
	f.peer.Register(flags, role)
	return cmd
}

func newAuditFlags(role wire.Role) auditFlags {
	return auditFlags{audit: audit.Audit{Role: role}, files: make(map[string]*string)}
}

// register adds the flags of every audit.
func (f *auditFlags) register(flags *pflag.FlagSet) {
	flags.Var(
		(*profileValue)(&f.audit.Profile),
		"profile",
		"whose expectations: rfc5280, spiffe or strict (default: of our own strict, of others rfc5280)",
	)
	flags.StringSliceVar(&f.demand, "demand", nil,
		"who else fails the audit by getting in: wire, authority, honest, good, or all")
	flags.StringSliceVar(&f.audit.Cases, "case", nil, "only the case of this id; may be repeated")
	flags.StringSliceVar(&f.audit.Versions, "version", nil, "only this version of TLS, 1.2 or 1.3")
	flags.StringVar(&f.waivers, "waivers", "", "file of the failures that are accepted, why, and until when")
	flags.StringVar(&f.baseline, "baseline", "",
		"an earlier audit as --report wrote it: what failed in it is told, and fails no more")
	flags.BoolVar(&f.remedies, "remedies", false,
		"audit the peer again with each remedy that its adapter has, and tell what helps")
	flags.BoolVar(&f.list, "list", false, "list the cases that would be tried, and try none")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "a line for every finding")
	f.rec.register(flags, "; with --case")
	for _, format := range formats {
		f.files[format.name] = flags.String(format.name, "", "also write "+format.what+" to this file")
	}
}

func (f *auditFlags) run(cmd *cobra.Command, args []string) error {
	subjects, err := f.subjects(args)
	if err != nil {
		return cli.UsageError{Err: err}
	}
	return f.audited(cmd, subjects)
}

// audited audits the subjects, once all that can be wrong with that is found out.
func (f *auditFlags) audited(cmd *cobra.Command, subjects []*subject) error {
	for _, s := range subjects {
		if err := f.check(s.audit); err != nil {
			return err
		}
	}
	if f.list {
		return f.printList(cmd, subjects[0].audit)
	}
	defer func() {
		for _, s := range subjects {
			s.discard()
		}
	}()
	for _, s := range subjects {
		if err := f.open(s); err != nil {
			return cli.UsageError{Err: err}
		}
	}
	if f.remedies && remedy.Of(subjects[0].audit.Peer) == 0 {
		return cli.UsageError{Err: errors.New("--remedies: the peer has none; its adapter says which there are, in remedies")}
	}
	if err := remedy.Check(subjects[0].audit.Peer); err != nil {
		return cli.UsageError{Err: err}
	}
	if f.rec.path != "" && len(f.audit.Cases) == 0 {
		return cli.UsageError{Err: errors.New("--capture: name the cases that are to be recorded by --case")}
	}
	if err := f.rec.open(&f.cfg); err != nil {
		return err
	}
	defer f.rec.discard()
	if _, image := subjects[0].audit.Peer.(foreign.Image); image {
		if f.cfg.Runtime == sandbox.Processes {
			return cli.UsageError{Err: errors.New("--runtime processes: an image runs in containers alone")}
		}
		f.cfg.Runtime = sandbox.Containers
	}
	return f.carryOut(cmd, subjects)
}

// carryOut audits one subject after the other, in one lab. What is worst of them is the end.
func (f *auditFlags) carryOut(cmd *cobra.Command, subjects []*subject) (err error) {
	columns, _ := console.Size(cmd.ErrOrStderr())
	progress := &console.Progress{
		Out:      cmd.ErrOrStderr(),
		Terminal: console.IsTerminal(cmd.ErrOrStderr()),
		Width:    min(columns, width),
	}
	show := newNarrator(cmd)
	f.cfg.Progress, f.cfg.TTL = show.progress, longTTL
	l, err := lab.Start(cmd.Context(), f.cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close(cmd.Context())) }()
	if err := f.rec.begin(cmd.Context(), l.Facts(), cmd.ErrOrStderr()); err != nil {
		return err
	}
	var verdicts []finding.Status
	for i, s := range subjects {
		s.audit.Progress = func(done, total int, current string) {
			show.hush()
			progress.Update(done, total, current)
		}
		result, err := l.Audit(cmd.Context(), s.audit)
		if err == nil && f.remedies {
			result, err = remedy.Try(cmd.Context(), l, s.audit, result)
		}
		progress.Clear()
		if err != nil {
			return err
		}
		if i > 0 && !cli.WantsJSON(cmd) {
			fmt.Fprintln(cmd.OutOrStdout())
		}
		if err := f.write(cmd, s.files, result); err != nil {
			return err
		}
		verdicts = append(verdicts, result.Verdict())
	}
	if err := f.rec.end(show); err != nil {
		return err
	}
	switch {
	case slices.Contains(verdicts, finding.Failed):
		return cli.ErrFail
	case slices.ContainsFunc(verdicts, func(v finding.Status) bool { return v != finding.Passed }):
		return cli.ErrInconclusive
	default:
		return nil
	}
}

// subject is what is audited: a peer, at one of its ports if it has several.
type subject struct {
	audit audit.Audit
	at    string // ends the names of its files; empty of the first
	files map[string]*cli.Output
}

func (s *subject) discard() {
	for _, file := range s.files {
		file.Discard()
	}
}

// file is where a subject's file is if that is where the first one's is.
func (s *subject) file(path string) string {
	extension := filepath.Ext(path)
	return strings.TrimSuffix(path, extension) + s.at + extension
}

// subjects are what the command line means.
func (f *auditFlags) subjects(args []string) ([]*subject, error) {
	all, err := f.peer.Peers(f.audit.Role, args)
	if err != nil {
		return nil, err
	}
	var subjects []*subject
	for i, meant := range all {
		at := ""
		if image, is := meant.Peer.(foreign.Image); is && i > 0 {
			at = fmt.Sprintf("-%d", image.Adapter.At())
		}
		s, err := f.subject(meant, at)
		if err != nil {
			return nil, err
		}
		subjects = append(subjects, s)
	}
	return subjects, nil
}

// subject is what is audited of a peer that is meant. The names of its files end in at.
func (f *auditFlags) subject(meant cli.Meant, at string) (s *subject, err error) {
	s = &subject{audit: f.audit, at: at, files: make(map[string]*cli.Output)}
	s.audit.Peer, s.audit.Command = meant.Peer, meant.Command
	if s.audit.Demand, err = finding.ParseAttackers(f.demand); err != nil {
		return nil, fmt.Errorf("--demand: %w", err)
	}
	if s.audit.Waivers, err = f.readWaivers(); err != nil {
		return nil, fmt.Errorf("--waivers: %w", err)
	}
	if err := f.readBaseline(s); err != nil {
		return nil, fmt.Errorf("--baseline: %w", err)
	}
	return s, nil
}

// check finds out what is wrong with an audit before anything is started.
func (f *auditFlags) check(alone audit.Audit) error {
	alone.Cases = nil
	if err := alone.Check(); err != nil {
		return cli.UsageError{Err: err}
	}
	for _, id := range f.audit.Cases {
		alone.Cases = []string{id}
		if err := alone.Check(); err != nil {
			return cli.UsageError{Err: fmt.Errorf("%w; mtlslab audit %s --list has all cases", err, f.audit.Role)}
		}
	}
	return nil
}

// printList prints the cases that would be tried.
func (*auditFlags) printList(cmd *cobra.Command, what audit.Audit) error {
	all := what.Plan()
	if cli.WantsJSON(cmd) {
		return cli.PrintJSON(cmd.OutOrStdout(), all)
	}
	for _, c := range all {
		text := fmt.Sprintf("the adversary %s; %s (%s)", c.Summary, c.Expect, c.Cite)
		fmt.Fprintf(cmd.OutOrStdout(), "%s [%s]\n", c.Case, strings.Join(c.Versions, ", "))
		for _, line := range console.Wrap(text, width-len(indentText)) {
			fmt.Fprintln(cmd.OutOrStdout(), indentText+line)
		}
	}
	return nil
}

// readWaivers leaves out those of cases that are not tried now: they are not
// unused because nobody looked.
func (f *auditFlags) readWaivers() (all []finding.Waiver, err error) {
	if f.waivers == "" {
		return nil, nil
	}
	file, err := os.Open(f.waivers)
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // read-only
	all, err = finding.ReadWaivers(f.waivers, file, cases.Known)
	return finding.WaiversOf(all, f.audit.Cases, f.audit.Versions), err
}

// readBaseline reads the earlier audit, if there is one. That of a port besides may be
// missing: it may be a new port.
func (f *auditFlags) readBaseline(s *subject) error {
	if f.baseline == "" {
		return nil
	}
	path := s.file(f.baseline)
	file, err := os.Open(path)
	if s.at != "" && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // read-only
	earlier, err := finding.ReadBaseline(file)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	s.audit.Baseline = &earlier
	return nil
}

// open opens the files that were asked for.
func (f *auditFlags) open(s *subject) error {
	for _, format := range formats {
		path := *f.files[format.name]
		if path == "" {
			continue
		}
		file, err := cli.OpenOutput(s.file(path))
		if err != nil {
			return fmt.Errorf("--%s: %w", format.name, err)
		}
		s.files[format.name] = file
	}
	return nil
}

// write prints the result before all else: a full disk does not take that away.
func (f *auditFlags) write(cmd *cobra.Command, files map[string]*cli.Output, result finding.Audit) error {
	var err error
	if cli.WantsJSON(cmd) {
		err = report.JSON(cmd.OutOrStdout(), result)
	} else {
		out := cmd.OutOrStdout()
		err = report.Text(out, result, report.Options{Verbose: f.verbose, Color: cli.InColor(out)})
	}
	for _, format := range formats {
		if file := files[format.name]; file != nil {
			wrote := file.Write(func(w io.Writer) error { return format.write(w, result) })
			if wrote != nil {
				err = errors.Join(err, fmt.Errorf("--%s: %w", format.name, wrote))
			}
		}
	}
	return err
}

// profileValue is a flag that holds a profile.
type profileValue cases.Profile

var profiles = []string{string(cases.RFC5280), string(cases.SPIFFE), string(cases.Strict)}

func (p *profileValue) Set(s string) error {
	if !slices.Contains(profiles, s) {
		return fmt.Errorf("choose one of %s", strings.Join(profiles, ", "))
	}
	*p = profileValue(s)
	return nil
}

func (p *profileValue) String() string { return string(*p) }
func (p *profileValue) Type() string   { return "profile" }
