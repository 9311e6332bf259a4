package card

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/console"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/report"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Markdown writes the scorecard as GitHub Flavored Markdown, for a page of
// a repository: counts of each peer, how many failed by group, the differences from
// the standard case by case with what either side saw, and the interop. What a
// peer said can become neither markup nor a link. The error is the writer's.
func Markdown(w io.Writer, sc finding.Scorecard) error {
	sc = arranged(sc)
	m := &markdown{}
	m.head(sc)
	m.peers(sc)
	m.heat(sc)
	m.differences(sc)
	m.inconclusive(sc)
	m.interop(sc)
	_, err := w.Write(m.Bytes())
	return err
}

// markdown is a page in the making.
type markdown struct{ bytes.Buffer }

func (m *markdown) line(format string, args ...any) { fmt.Fprintf(m, format+"\n", args...) }

// row is one of a table.
func (m *markdown) row(cells ...string) { m.line("| %s |", strings.Join(cells, " | ")) }

// heading begins a table, whose columns are numbers but for the first few.
func (m *markdown) heading(words int, cells ...string) {
	m.row(cells...)
	m.WriteByte('|')
	for i := range cells {
		if i < words {
			m.WriteString(" --- |")
		} else {
			m.WriteString(" ---: |")
		}
	}
	m.WriteByte('\n')
}

// markup replaces what could be markup by character references, which never are
// (CommonMark 0.31.2, 2.5), and breaks what would be taken for a link or a mention.
// A reference for the pipe does in a table what a backslash does not after another.
var markup = strings.NewReplacer(
	"&", "&amp;", "<", "&lt;", ">", "&gt;", "|", "&#124;", "`", "&#96;", `\`, "&#92;", "*", "&#42;", "_", "&#95;",
	"[", "&#91;", "]", "&#93;", "{", "&#123;", "}", "&#125;", "~", "&#126;", "#", "&#35;", "!", "&#33;", "$", "&#36;",
	"@", "&#64;", "://", "&#58;//", "www.", "www&#46;",
)

// prose is a text within a line of Markdown or a cell of a table. It must not begin
// a line, where a hyphen or a number would begin a list.
func prose(text, instead string) string {
	return markup.Replace(strings.TrimSpace(finding.Or(text, instead)))
}

// linked is prose in which addresses lead somewhere: of what an adapter says, whose author is not who is audited.
func linked(text string) string {
	var all strings.Builder
	rest := wire.Printable(text)
	for at := address.FindStringIndex(rest); at != nil; at = address.FindStringIndex(rest) {
		all.WriteString(markup.Replace(rest[:at[0]]) + "<" + rest[at[0]:at[1]] + ">")
		rest = rest[at[1]:]
	}
	return all.String() + markup.Replace(rest)
}

// address is what is an autolink between angle brackets (CommonMark 0.31.2, 6.5), without what ends the sentence.
var address = regexp.MustCompile(`https://[^\s<>()|]*[^\s<>()|.,;:]`)

// code is a text as a code span outside of a table, in more backticks than it has
// itself (CommonMark 0.31.2, 6.1).
func code(text string) string {
	text = wire.Printable(text)
	longest, run := 0, 0
	for _, r := range text {
		if r == '`' {
			run++
			longest = max(longest, run)
			continue
		}
		run = 0
	}
	fence := strings.Repeat("`", longest+1)
	if strings.HasPrefix(text, "`") || strings.HasSuffix(text, "`") ||
		strings.HasPrefix(text, " ") && strings.HasSuffix(text, " ") && strings.Trim(text, " ") != "" {
		text = " " + text + " "
	}
	return fence + text + fence
}

func (m *markdown) head(sc finding.Scorecard) {
	m.line("# Mutual TLS scorecard\n")
	m.line(
		"%s, profile %s: %s, %s. %d passed, %d failed, %d inconclusive.\n",
		sc.Began.UTC().Format("2 January 2006"),
		prose(
			string(sc.Profile),
			"unnamed",
		),
		console.Plural(len(sc.Audits), "peer"),
		console.Plural(findingsOf(sc), "finding"),
		summed(sc, finding.Passed),
		summed(sc, finding.Failed),
		summed(sc, finding.Inconclusive),
	)
	m.line("- Command: %s; it took %s", code(finding.Or(sc.Command, "none")), console.Duration(sc.Took))
	m.line("- Tried: %s", whatTried(sc))
	m.line("- Engine: %s", prose(sc.Engine, "unnamed"))
}

func (m *markdown) peers(sc finding.Scorecard) {
	m.line("\n## Peers\n")
	if len(sc.Audits) == 0 {
		m.line("None.")
		return
	}
	m.line(
		"Of each attacker by how many ways he gets in, of those that were tried; of good and honest, how many are",
	)
	m.line("wrong. Void is of how many cases nothing was shown. The gravest come first.\n")
	heads := []string{"peer", "role", "version", "TLS library", "digest", "size", "verdict", "controls"}
	for _, attacker := range cases.Attackers() {
		heads = append(heads, string(attacker))
	}
	m.heading(7, append(heads, "void", "untried")...)
	for _, a := range sc.Audits {
		product := finding.Product{}
		if a.Product != nil {
			product = *a.Product
		}
		cells := []string{
			prose(peerName(a), ""), prose(string(a.Role), "peer"), prose(product.Version, "unknown"),
			prose(
				product.Library,
				"unknown",
			), prose(report.ShortDigest(product.Digest), "none"), prose(sizeOf(product), "unknown"),
			string(a.Verdict()), fmt.Sprintf("%d of %d", a.Delivered(), len(a.Controls)),
		}
		for _, attacker := range cases.Attackers() {
			cells = append(cells, ways(a, attacker))
		}
		whole := a.Whole()
		m.row(append(cells, fmt.Sprint(whole.Void), fmt.Sprint(whole.Untried))...)
	}
}

// ways is by how many ways an attacker gets in, of how many.
func ways(a finding.Audit, attacker cases.Attacker) string {
	for _, l := range a.WhoGetsIn() {
		switch {
		case l.Attacker != attacker || l.Tried == 0:
		case l.In > 0:
			return fmt.Sprintf("**%d** of %d", l.In, l.Tried)
		default:
			return fmt.Sprintf("0 of %d", l.Tried)
		}
	}
	return markUntried
}

func (m *markdown) heat(sc finding.Scorecard) {
	if len(sc.Audits) == 0 {
		return
	}
	m.line("\n## By attacker, then group\n")
	m.line("A number is how many findings failed; %s all passed, %s inconclusive, %s waived, %s untried.\n",
		markPassed, prose(markInconclusive, ""), prose(markWaived, ""), markUntried)
	names := columnNames(sc, finely)
	m.heading(2, slices.Concat([]string{"peer", "role"}, escapeAll(names))...)
	for _, a := range sc.Audits {
		cells := []string{prose(peerName(a), ""), prose(string(a.Role), "peer")}
		for _, g := range byColumn(a.Findings, names, finely) {
			mark, s := mark(g)
			if s == finding.Failed {
				mark = "**" + mark + "**"
			} else {
				mark = prose(mark, "")
			}
			cells = append(cells, mark)
		}
		m.row(cells...)
	}
}

// differences lists what failed, and what keeps an audit from being believed.
func (m *markdown) differences(sc finding.Scorecard) {
	m.line("\n## Differences from the standard\n")
	m.line(
		"The cases in which a peer did other than the profile demands, by who gets in. What each is, what was expected " +
			"and where that",
	)
	m.line("is written, `mtlslab explain CASE` says; what either side saw is in the page beside this one.")
	none := true
	for _, a := range sc.Audits {
		all := withStatus(a, finding.Failed)
		if len(all) == 0 && a.Controlled() && len(a.Complaints) == 0 {
			continue
		}
		none = false
		m.line("\n### %s %s\n", section(a).head, prose(peerName(a), ""))
		if why := a.Unproven(); why != "" {
			m.line("Void: %s.\n", prose(why, ""))
		}
		if a.Product != nil && a.Product.Hint != "" && len(all) > 0 {
			m.line("Hint: %s\n", prose(a.Product.Hint, ""))
		}
		for _, part := range append(report.Remedies(a), report.Reports(a)...) {
			text := linked(part.Text)
			if part.Label == report.NoRemedy { // it may tell what the peer said
				text = prose(part.Text, "")
			}
			m.line("- %s: %s", strings.ToUpper(part.Label[:1])+part.Label[1:], text)
		}
		for _, complaint := range a.Complaints {
			m.line("- Complaint: %s", prose(complaint, ""))
		}
		for _, attacker := range columnNames(sc, column) {
			m.difference(attacker, a, all)
		}
	}
	if none {
		m.line("\nNone.")
	}
}

// inconclusive lists what was not shown, and why.
func (m *markdown) inconclusive(sc finding.Scorecard) {
	head := "\n## Inconclusive\n"
	for _, a := range sc.Audits {
		for _, f := range withStatus(a, finding.Inconclusive) {
			if head != "" {
				m.line("%s", head)
				head = ""
			}
			first := f.findings[0]
			m.line(
				"- %s %s, %s, TLS %s: %s",
				section(a).head,
				prose(peerName(a), ""),
				code(finding.Or(first.Case, "unnamed")),
				prose(f.versions(), "any version"),
				prose(first.Means, "why is not said"),
			)
		}
	}
}

// difference lists the cases by which an attacker gets in; of one that fails in some versions of
// TLS alone, in which.
func (m *markdown) difference(attacker string, a finding.Audit, failed []sameCase) {
	var ids []string
	for _, f := range failed {
		first := f.findings[0]
		if column(first) != attacker {
			continue
		}
		tried := 0
		for _, one := range a.Findings {
			if one.Case == first.Case && one.Status != finding.Untried {
				tried++
			}
		}
		id := code(finding.Or(first.Case, "unnamed"))
		if versions := f.versions(); len(f.findings) < tried && versions != "" {
			id += " in TLS " + prose(versions, "")
		}
		ids = append(ids, id)
	}
	if len(ids) > 0 {
		m.line("- %s, by %s: %s", prose(attacker, ""), console.Plural(len(ids), "case"), strings.Join(ids, ", "))
	}
}

// interop prints the clients down and the servers across.
func (m *markdown) interop(sc finding.Scorecard) {
	if len(sc.Interop) == 0 {
		return
	}
	delivered, tried := crossed(sc)
	m.line("\n## Interop\n")
	m.line(
		"Plain exchanges with nobody in between, clients down and servers across: %d of %d delivered. "+
			"A mark for each version of TLS,",
		delivered,
		tried,
	)
	m.line("%s.\n", strings.Join(interopVersions(sc), " and "))
	grid := gridOf(sc)
	m.heading(1, slices.Concat([]string{"client"}, escapeAll(grid.servers))...)
	for _, client := range grid.clients {
		cells := []string{prose(client, "unnamed")}
		for _, server := range grid.servers {
			var marks []string
			for _, c := range grid.of[[2]string{client, server}] {
				marks = append(marks, prose(interopMark(c), ""))
			}
			cells = append(cells, strings.Join(marks, " "))
		}
		m.row(cells...)
	}
	for i, w := range wrongInterops(sc) {
		if i == 0 {
			m.WriteByte('\n')
		}
		m.line(
			"- %s to %s: %s, %s",
			code(strings.Join(w.clients, ", ")),
			code(w.server+" ["+w.version+"]"),
			w.status,
			code(w.saw),
		)
	}
}

func escapeAll(names []string) (escaped []string) {
	for _, name := range names {
		escaped = append(escaped, prose(name, "unnamed"))
	}
	return escaped
}
