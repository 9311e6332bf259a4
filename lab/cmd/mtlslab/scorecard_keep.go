package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mtlslab/mtlslab/lab/card"
	"github.com/mtlslab/mtlslab/lab/cmd/cli"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/report"
)

// partFile is what an interrupted scorecard leaves. It is gone when that is whole.
const partFile = "scorecard.part.json"

var scorecardFiles = []output{
	{"scorecard.json", card.JSON},
	{"README.md", card.Markdown},
	{"scorecard.html", card.HTML},
	{"shown.json", report.WriteShown},
}

// output is one file that a scorecard is written to.
type output struct {
	name  string
	write func(io.Writer, finding.Scorecard) error
}

// outputs are those of this scorecard.
func (f *scorecardFlags) outputs() []output {
	if f.manuals {
		return []output{{"manuals.json", card.JSON}, {"manuals.md", card.Manuals}}
	}
	return scorecardFiles
}

// open opens the files of the scorecard, if any are to be written.
func (f *scorecardFlags) open() ([]*cli.Output, error) {
	if f.out == "" {
		return nil, nil
	}
	if err := os.MkdirAll(f.out, 0o755); err != nil { //nolint:gosec // reports are for everybody
		return nil, err
	}
	var files []*cli.Output
	for _, file := range f.outputs() {
		opened, err := cli.OpenOutput(filepath.Join(f.out, file.name))
		if err != nil {
			return files, err
		}
		files = append(files, opened)
	}
	return files, nil
}

// writing does something with the files of the scorecard, of which none is left half written.
func (f *scorecardFlags) writing(do func([]*cli.Output) error) error {
	files, err := f.open()
	defer func() {
		for _, file := range files {
			file.Discard()
		}
	}()
	if err != nil {
		return cli.UsageError{Err: fmt.Errorf("--out: %w", err)}
	}
	return do(files)
}

// takeUp finds what an interrupted run of the same command has found out about the
// same peers, and says so.
func (r *round) takeUp(out io.Writer) {
	if r.part == "" || r.fresh {
		return
	}
	file, err := os.Open(r.part)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	var before finding.Scorecard
	if err == nil {
		before, err = card.Read(file)
		_ = file.Close() // it was read
	}
	switch {
	case err != nil:
		fmt.Fprintf(out, "mtlslab: what an interrupted run has found is of no use: %v\n", err)
		return
	case before.Command != r.card.Command || before.Built != r.card.Built:
		fmt.Fprintf(out, "mtlslab: %s is of another command or build of mtlslab: nothing is taken up\n", r.part)
		return
	}
	taken := r.take(before)
	fmt.Fprintf(out, "mtlslab: %d of %d audits are taken up from %s\n", taken, len(r.contenders), r.part)
}

// take takes up the audits of peers that are the same still, with what was sent in
// them, and returns how many they are.
func (r *round) take(before finding.Scorecard) int {
	taken := 0
	for i := range r.contenders {
		c := &r.contenders[i]
		at := slices.IndexFunc(before.Audits, func(a finding.Audit) bool {
			mine := a.Role == c.audit.Role && a.Subject == c.audit.Subject() && len(a.Findings) > 0 &&
				(a.Product == nil) == (c.product == nil)
			return mine &&
				(a.Product == nil || a.Product.Digest == c.product.Digest && a.Product.Adapter == c.product.Adapter)
		})
		if at >= 0 {
			c.known = &before.Audits[at]
			r.card.Audits[i] = *c.known
			taken++
		}
	}
	if taken > 0 {
		r.card.Took, r.card.Sent = before.Took, before.Sent
	}
	return taken
}

// keeping is when what is known was written last, and what of it is not: to write all at each audit would
// take longer each time.
type keeping struct {
	at     time.Time
	took   time.Duration
	behind bool
	sent   []finding.Sent
}

// keepingShare is how many times what it took to write all goes by before that is done again.
const keepingShare = 20

// finish notes one audit, and keeps all that is known so far, now or before long.
func (r *round) finish(i int, a finding.Audit, broke error, sent []finding.Sent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	name := r.contenders[i].label()
	if broke != nil {
		r.card.Audits[i].Broke = broke.Error()
		r.board.Broke(name, broke)
		return
	}
	r.card.Audits[i] = a
	r.done(name, a)
	r.keep.sent, r.keep.behind = sent, true
	if time.Since(r.keep.at) >= keepingShare*r.keep.took {
		r.keepAll()
	}
}

// keepAll keeps what is known so far. r.mu is held.
func (r *round) keepAll() {
	if r.part == "" || !r.keep.behind {
		return
	}
	began := time.Now()
	part := r.card
	part.Sent, part.Took = slices.Concat(part.Sent, r.keep.sent), part.Took+time.Since(part.Began)
	part.Audits = slices.DeleteFunc(
		slices.Clone(part.Audits),
		func(a finding.Audit) bool { return len(a.Findings) == 0 },
	)
	if err := cli.ReplaceFile(r.part, func(w io.Writer) error { return card.JSON(w, part) }); err != nil {
		r.board.Broke("keeping what is found", err)
	}
	r.keep.at, r.keep.took, r.keep.behind = time.Now(), time.Since(began), false
}

// kept tells whoever interrupted a scorecard that its audits are not lost.
func (r *round) kept(out io.Writer) {
	r.mu.Lock()
	r.keepAll()
	r.mu.Unlock()
	if r.part == "" {
		return
	}
	if _, err := os.Stat(r.part); err == nil {
		fmt.Fprintf(out, "mtlslab: what was found is kept in %s; the same command takes it up\n", r.part)
	}
}

// write prints the scorecard before it writes it: a full disk does not take that
// away.
func (r *round) write(cmd *cobra.Command, files []*cli.Output) error {
	var err error
	if cli.WantsJSON(cmd) {
		err = card.JSON(cmd.OutOrStdout(), r.card)
	} else {
		err = card.Text(
			cmd.OutOrStdout(), r.card, report.Options{Verbose: r.verbose, Color: cli.InColor(cmd.OutOrStdout())},
		)
	}
	outputs := r.outputs()
	for i, file := range files {
		if wrote := file.Write(func(w io.Writer) error { return outputs[i].write(w, r.card) }); wrote != nil {
			err = errors.Join(err, fmt.Errorf("--out: %w", wrote))
		}
	}
	if err != nil {
		return err
	}
	if r.part != "" {
		if err := os.Remove(r.part); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("--out: %w", err)
		}
	}
	if slices.ContainsFunc(r.card.Audits, func(a finding.Audit) bool { return a.Broke != "" }) {
		return cli.ErrInconclusive
	}
	return nil
}

// commandLine is the command as it can be given again.
func commandLine(cmd *cobra.Command, names []string) string {
	words := []string{"mtlslab scorecard"}
	for _, name := range []string{"profile", "version", "case", "no-exchanges", "thorough", "manuals", "remedies",
		"shard"} {
		switch flag := cmd.Flags().Lookup(name); {
		case !flag.Changed:
		case flag.Value.String() == "true":
			words = append(words, "--"+name)
		default:
			words = append(words, "--"+name+"="+cli.Quoted(strings.Trim(flag.Value.String(), "[]")))
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
