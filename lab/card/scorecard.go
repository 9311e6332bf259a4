package card

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/report"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// scorecardLimit is how many bytes a scorecard may have as JSON: some ten times
// what thirty peers make.
const scorecardLimit = 256 << 20

// JSON writes the scorecard as the JSON document that scorecard.schema.json
// describes. The error is the writer's.
func JSON(w io.Writer, sc finding.Scorecard) error {
	sc = arranged(sc)
	sc.Format = finding.Format
	sc.Began = sc.Began.UTC()
	sc.Audits = append([]finding.Audit{}, sc.Audits...) // an empty list, not null
	for i := range sc.Audits {
		a := &sc.Audits[i]
		a.Format = finding.Format
		a.Began = a.Began.UTC()
		a.Controls = append([]finding.Finding{}, a.Controls...)
		a.Findings = append([]finding.Finding{}, a.Findings...)
	}
	for i := range sc.Sent {
		sc.Sent[i].Chain = append([][]byte{}, sc.Sent[i].Chain...)
		for j, der := range sc.Sent[i].Chain {
			if der == nil {
				sc.Sent[i].Chain[j] = []byte{}
			}
		}
	}
	return report.Encode(w, sc)
}

// Read reads what [JSON] wrote. Fields that it does not know are
// of a later program, and no error; another format is.
func Read(r io.Reader) (finding.Scorecard, error) {
	limited := &io.LimitedReader{R: r, N: scorecardLimit}
	decoder := json.NewDecoder(limited)
	var sc finding.Scorecard
	if err := decoder.Decode(&sc); limited.N <= 0 {
		return finding.Scorecard{}, fmt.Errorf("reading the scorecard: more than %d bytes", scorecardLimit)
	} else if err != nil {
		return finding.Scorecard{}, fmt.Errorf("reading the scorecard: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return finding.Scorecard{}, errors.New("reading the scorecard: something follows the document")
	}
	if sc.Format != finding.Format {
		return finding.Scorecard{}, fmt.Errorf(
			"reading the scorecard: it is of format %d, and not %d",
			sc.Format,
			finding.Format,
		)
	}
	return sc, nil
}

// arranged returns a copy in the order that every format lists: servers before clients, of
// each those first that let in the gravest attacker, then by name; findings as in an audit;
// interop by client, server and version; what was sent by case, role and run.
func arranged(sc finding.Scorecard) finding.Scorecard {
	sc.Audits = slices.SortedStableFunc(slices.Values(sc.Audits), func(a, b finding.Audit) int {
		return cmp.Or(
			cmp.Compare(
				b.Role,
				a.Role,
			),
			gravity(a, b),
			cmp.Compare(peerName(a), peerName(b)),
			cmp.Compare(a.Subject, b.Subject),
		)
	})
	for i := range sc.Audits {
		sc.Audits[i].Findings = finding.Ordered(sc.Audits[i].Findings)
	}
	sc.Interop = slices.SortedStableFunc(slices.Values(sc.Interop), func(a, b finding.Interop) int {
		return cmp.Or(
			cmp.Compare(a.Client, b.Client),
			cmp.Compare(a.Server, b.Server),
			cmp.Compare(a.Version, b.Version),
		)
	})
	sc.Sent = slices.SortedStableFunc(slices.Values(sc.Sent), func(a, b finding.Sent) int {
		return cmp.Or(cmp.Compare(a.Case, b.Case), cmp.Compare(a.Role, b.Role), cmp.Compare(a.Run, b.Run))
	})
	return sc
}

// peerName is what a table calls the audited peer: its product, or else the last
// part of the image's name, without digest, or the program's.
func peerName(a finding.Audit) string {
	if a.Product != nil && a.Product.Name != "" {
		return wire.Printable(a.Product.Name)
	}
	name, _, _ := strings.Cut(a.Subject, "@")
	name = name[strings.LastIndexByte(name, '/')+1:]
	return finding.Or(name, finding.Or(a.Subject, "unnamed"))
}

// column is where a table shows a finding: that of its attacker, or "open" where the profile
// asks for nothing.
func column(f finding.Finding) string { return finding.Or(string(f.Attacker), "open") }

// finely is a column by attacker and then by group.
func finely(f finding.Finding) string { return column(f) + ": " + finding.Or(f.Group, "none") }

// columnNames are the columns of a table, of which of says what a finding's is: by attacker,
// gravest first, then as the catalogue has them.
func columnNames(sc finding.Scorecard, of func(finding.Finding) string) (names []string) {
	for _, a := range sc.Audits {
		for _, f := range a.Findings {
			if name := of(f); !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	slices.SortFunc(
		names,
		func(a, b string) int { return cmp.Or(cmp.Compare(rankOf(a), rankOf(b)), cmp.Compare(a, b)) },
	)
	return names
}

// rankOf is how grave a column is. What is open is last.
func rankOf(name string) int {
	attacker, _, _ := strings.Cut(name, ":")
	if attacker == "open" {
		return len(cases.Attackers())
	}
	return slices.Index(cases.Attackers(), cases.Attacker(attacker))
}

// byColumn returns the findings of each of these columns.
func byColumn(findings []finding.Finding, names []string, of func(finding.Finding) string) []finding.Group {
	columns := make([]finding.Group, len(names))
	for i, name := range names {
		columns[i].Name = name
	}
	for _, f := range findings {
		i := slices.Index(names, of(f))
		columns[i].Findings = append(columns[i].Findings, f)
	}
	return columns
}

// gravity compares what gets in: the audit in which a graver attacker does comes first, and
// of two such the one in which he does by more ways.
func gravity(a, b finding.Audit) int {
	of := func(a finding.Audit) map[cases.Attacker]int {
		in := make(map[cases.Attacker]int)
		for _, l := range a.WhoGetsIn() {
			in[l.Attacker] = l.In
		}
		return in
	}
	inA, inB := of(a), of(b)
	for _, attacker := range append([]cases.Attacker{finding.Unnamed}, cases.Attackers()...) {
		if c := cmp.Compare(inB[attacker], inA[attacker]); c != 0 {
			return c
		}
	}
	return 0
}

// The marks of a table by attacker. A number says how many findings failed.
const (
	markPassed       = "·"
	markInconclusive = "?"
	markWaived       = "~"
	markUntried      = "-"
)

// mark is the group's cell in such a table, and the worst that there is in it.
func mark(g finding.Group) (string, finding.Status) {
	n := map[finding.Status]int{}
	for _, f := range g.Findings {
		n[f.Shown()]++
	}
	switch {
	case n[finding.Failed] > 0:
		return fmt.Sprint(n[finding.Failed]), finding.Failed
	case n[finding.Inconclusive] > 0:
		return markInconclusive, finding.Inconclusive
	case n[finding.Waived] > 0:
		return markWaived, finding.Waived
	case n[finding.Passed] > 0:
		return markPassed, finding.Passed
	default:
		return markUntried, finding.Untried
	}
}

// summed is how many audits came to that verdict.
func summed(sc finding.Scorecard, verdict finding.Status) (n int) {
	for _, a := range sc.Audits {
		if a.Verdict() == verdict {
			n++
		}
	}
	return n
}

// crossed counts the interop that were tried, and those that were delivered.
func crossed(sc finding.Scorecard) (delivered, tried int) {
	for _, c := range sc.Interop {
		switch c.Status {
		case finding.Passed:
			delivered++
			tried++
		case finding.Untried:
		default:
			tried++
		}
	}
	return delivered, tried
}

// findingsOf is how many findings the scorecard has.
func findingsOf(sc finding.Scorecard) (n int) {
	for _, a := range sc.Audits {
		n += len(a.Findings)
	}
	return n
}

// sameCase is the findings of one case that have the same status, of every version.
type sameCase struct{ findings []finding.Finding }

// withStatus returns the findings of a status, by case.
func withStatus(a finding.Audit, s finding.Status) []sameCase {
	var all []sameCase
	for _, f := range a.Findings {
		if f.Shown() != s {
			continue
		}
		if n := len(all); n > 0 && all[n-1].findings[0].Case == f.Case {
			all[n-1].findings = append(all[n-1].findings, f)
			continue
		}
		all = append(all, sameCase{[]finding.Finding{f}})
	}
	return all
}

// whatTried says which cases were tried, and in which versions of TLS.
func whatTried(sc finding.Scorecard) string {
	var versions []string
	ids := make(map[string]bool)
	for _, a := range sc.Audits {
		for _, f := range a.Findings {
			ids[f.Case] = true
			if f.Version != "" && !slices.Contains(versions, f.Version) {
				versions = append(versions, f.Version)
			}
		}
	}
	slices.Sort(versions)
	what := "every case of the catalogue"
	if all := len(cases.All()); len(ids) < all {
		what = fmt.Sprintf("%d of the %d cases of the catalogue", len(ids), all)
	}
	in := what + ", in TLS " + wire.Printable(strings.Join(versions, " and "))
	switch {
	case len(versions) == 0:
		return what
	case sc.Thorough || len(versions) == 1:
		return in
	default:
		last := wire.Printable(versions[len(versions)-1])
		return fmt.Sprintf("%s; certificates in %s alone, but for those whose key usage is altered", in, last)
	}
}

// versions are those of TLS: "1.2, 1.3".
func (f sameCase) versions() string {
	var all []string
	for _, one := range f.findings {
		if one.Version != "" {
			all = append(all, wire.Printable(one.Version))
		}
	}
	return strings.Join(all, ", ")
}
