package card

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/console"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Manuals writes what published pages come to, as GitHub Flavored Markdown: one row for each
// peer that is set up as a page says, with what it promises and who gets in. The error is the
// writer's.
func Manuals(w io.Writer, sc finding.Scorecard) error {
	sc = arranged(sc)
	m := &markdown{}
	m.line("# Manuals, audited\n")
	m.line("Each row is a product, set up by the settings that a published page names and by no others, and audited: " +
		"what the page")
	m.line(
		"promises its reader, and what came of it. Nobody at the page was asked, and pages change: the day on which each " +
			"was read is",
	)
	m.line("with it. The settings are in `images/manuals`, in our own words.\n")
	m.line("%s, profile %s: %d pages. Command: `%s`; it took %s\n",
		sc.Began.UTC().Format("2 January 2006"), sc.Profile, len(sc.Audits), sc.Command, console.Duration(sc.Took))
	m.heading(len(manualColumns), manualColumns...)
	for _, a := range sc.Audits {
		m.row(manualCells(a)...)
	}
	m.line(
		"\nWho gets in is counted in ways, of those that were tried; [attackers](../explanation/attackers.md) says who " +
			"each is.",
	)
	_, err := w.Write(m.Bytes())
	return err
}

var manualColumns = []string{"page", "read", "sets up", "version", "comes to", "who gets in", "what to look at"}

func manualCells(a finding.Audit) []string {
	var product finding.Product
	if a.Product != nil {
		product = *a.Product
	}
	return []string{
		link(product), finding.Or(product.Read, "-"), string(a.Role) + ": " + prose(product.About, "-"),
		prose(product.Version, "-"), string(a.Promise()), prose(whoOf(a), "-"), prose(product.Hint, "-"),
	}
}

// link leads to a page, whose address is ours.
func link(p finding.Product) string {
	if !strings.HasPrefix(p.Manual, "https://") || strings.ContainsAny(p.Manual, "()<> ") {
		return prose(p.Manual, "-")
	}
	return fmt.Sprintf("[%s](%s)", prose(strings.TrimPrefix(p.Name, "manual-"), "-"), p.Manual)
}

// whoOf says which attackers get in, and in how many ways.
func whoOf(a finding.Audit) string {
	if a.Broke != "" {
		return wire.Printable(a.Broke)
	}
	var all []string
	for _, l := range a.WhoGetsIn() {
		if l.In > 0 && !slices.Contains([]cases.Attacker{cases.Good, cases.Honest}, l.Attacker) {
			all = append(all, fmt.Sprintf("%s %d of %d", l.Attacker, l.In, l.Tried))
		}
	}
	return finding.Or(strings.Join(all, ", "), "nobody who is to stay out")
}
