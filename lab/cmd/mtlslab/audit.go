package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mtlslab/mtlslab/lab"
	"github.com/mtlslab/mtlslab/lab/audit"
	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/cmd/cli"
	"github.com/mtlslab/mtlslab/lab/console"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/peer"
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
	verbose  bool
	list     bool
	files    map[string]*string // a path by format
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
				Err: fmt.Errorf("say which side is audited: mtlslab audit server, or mtlslab audit client"),
			}
		},
	}
	cmd.AddCommand(newAuditOf(wire.Server), newAuditOf(wire.Client))
	return cmd
}

func newAuditOf(role wire.Role) *cobra.Command {
	f := auditFlags{audit: audit.Audit{Role: role}, files: make(map[string]*string)}
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
	flags.Var(
		(*profileValue)(&f.audit.Profile),
		"profile",
		"whose expectations: rfc5280, spiffe or strict (default: of our own strict, of others rfc5280)",
	)
	flags.StringSliceVar(&f.demand, "demand", nil,
		"who else fails the audit by getting in: wire, authority, honest, good, or all")
	flags.StringSliceVar(&f.audit.Cases, "case", nil, "only the case of this id; may be repeated")
	flags.StringSliceVar(&f.audit.Versions, "version", nil, "only this version of TLS, 1.2 or 1.3")
	f.peer.Register(flags, role)
	flags.StringVar(&f.waivers, "waivers", "", "file of the failures that are accepted, why, and until when")
	flags.StringVar(&f.baseline, "baseline", "",
		"an earlier audit as --report wrote it: what failed in it is told, and fails no more")
	flags.BoolVar(&f.list, "list", false, "list the cases that would be tried, and try none")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "a line for every finding")
	for _, format := range formats {
		f.files[format.name] = flags.String(format.name, "", "also write "+format.what+" to this file")
	}
	return cmd
}

func (f *auditFlags) run(cmd *cobra.Command, args []string) (err error) {
	if f.audit.Peer, f.audit.Command, err = f.peer.Peer(f.audit.Role, args); err != nil {
		return cli.UsageError{Err: err}
	}
	if err := f.check(); err != nil {
		return err
	}
	if f.list {
		return f.printList(cmd)
	}
	files, err := f.open()
	defer func() {
		for _, file := range files {
			file.Discard()
		}
	}()
	if err != nil {
		return cli.UsageError{Err: err}
	}
	if _, image := f.audit.Peer.(peer.Image); image {
		if f.cfg.Runtime == sandbox.Processes {
			return cli.UsageError{Err: errors.New("--runtime processes: an image runs in containers alone")}
		}
		f.cfg.Runtime = sandbox.Containers
	}
	columns, _ := console.Size(cmd.ErrOrStderr())
	progress := &console.Progress{
		Out:      cmd.ErrOrStderr(),
		Terminal: console.IsTerminal(cmd.ErrOrStderr()),
		Width:    min(columns, width),
	}
	show := newNarrator(cmd)
	f.cfg.Progress, f.cfg.TTL = show.progress, longTTL
	f.audit.Progress = func(done, total int, current string) {
		show.hush()
		progress.Update(done, total, current)
	}

	l, err := lab.Start(cmd.Context(), f.cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close(cmd.Context())) }()
	result, err := l.Audit(cmd.Context(), f.audit)
	progress.Clear()
	if err != nil {
		return err
	}
	if err := f.write(cmd, files, result); err != nil {
		return err
	}
	switch result.Verdict() {
	case finding.Passed:
		return nil
	case finding.Failed:
		return cli.ErrFail
	default:
		return cli.ErrInconclusive
	}
}

// check finds out what is wrong with the command line before anything is started.
func (f *auditFlags) check() error {
	var err error
	if f.audit.Demand, err = finding.ParseAttackers(f.demand); err != nil {
		return cli.UsageError{Err: fmt.Errorf("--demand: %w", err)}
	}
	if err := f.readBaseline(); err != nil {
		return cli.UsageError{Err: fmt.Errorf("--baseline: %w", err)}
	}
	alone := f.audit
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
	return f.readWaivers()
}

// printList prints the cases that would be tried.
func (f *auditFlags) printList(cmd *cobra.Command) error {
	all := f.audit.Plan()
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
func (f *auditFlags) readWaivers() error {
	if f.waivers == "" {
		return nil
	}
	file, err := os.Open(f.waivers)
	if err != nil {
		return cli.UsageError{Err: fmt.Errorf("--waivers: %w", err)}
	}
	defer file.Close() //nolint:errcheck // read-only
	waivers, err := finding.ReadWaivers(f.waivers, file, func(id string) bool {
		_, known := cases.Find(id)
		return known
	})
	if err != nil {
		return cli.UsageError{Err: fmt.Errorf("--waivers: %w", err)}
	}
	for _, w := range waivers {
		tried := func(all []string, one string) bool { return len(all) == 0 || one == "" || slices.Contains(all, one) }
		if tried(f.audit.Cases, w.Case) && tried(f.audit.Versions, w.Version) {
			f.audit.Waivers = append(f.audit.Waivers, w)
		}
	}
	return nil
}

// readBaseline reads the earlier audit, if there is one.
func (f *auditFlags) readBaseline() error {
	if f.baseline == "" {
		return nil
	}
	file, err := os.Open(f.baseline)
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // read-only
	earlier, err := finding.ReadBaseline(file)
	if err != nil {
		return fmt.Errorf("%s: %w", f.baseline, err)
	}
	f.audit.Baseline = &earlier
	return nil
}

// open opens the files that were asked for, by their formats.
func (f *auditFlags) open() (map[string]*cli.Output, error) {
	files := make(map[string]*cli.Output)
	for _, format := range formats {
		path := *f.files[format.name]
		if path == "" {
			continue
		}
		file, err := cli.OpenOutput(path)
		if err != nil {
			return files, fmt.Errorf("--%s: %w", format.name, err)
		}
		files[format.name] = file
	}
	return files, nil
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
