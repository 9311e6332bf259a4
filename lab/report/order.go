package report

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// ordered returns the findings by case, role and version.
func ordered(findings []finding.Finding) []finding.Finding {
	return slices.SortedStableFunc(slices.Values(findings), func(a, b finding.Finding) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Case, b.Case),
			cmp.Compare(a.Role, b.Role), cmp.Compare(a.Version, b.Version))
	})
}

// group is the findings of one group.
type group struct {
	name     string
	findings []finding.Finding
}

// groups returns the findings of each group, by name.
func groups(findings []finding.Finding) []group {
	var all []group
	for _, f := range ordered(findings) {
		if n := len(all); n == 0 || all[n-1].name != f.Group {
			all = append(all, group{name: f.Group})
		}
		last := &all[len(all)-1]
		last.findings = append(last.findings, f)
	}
	return all
}

func (g group) count(s finding.Status) int { return finding.Audit{Findings: g.findings}.Count(s) }

// cases is how many different cases the group has.
func (g group) cases() int {
	ids := map[string]bool{}
	for _, f := range g.findings {
		ids[f.Case] = true
	}
	return len(ids)
}

// took is the sum, in which findings made at the same time count each.
func (g group) took() (total time.Duration) {
	for _, f := range g.findings {
		total += f.Took
	}
	return total
}

// status is the finding's; if that is none of the known, nothing was shown.
func status(f finding.Finding) finding.Status {
	switch f.Status {
	case finding.Passed, finding.Failed, finding.Waived, finding.Untried:
		return f.Status
	default:
		return finding.Inconclusive
	}
}

// title names a finding: its case and the version of TLS.
func title(f finding.Finding) string {
	if f.Version == "" {
		return wire.Printable(f.Case)
	}
	return fmt.Sprintf("%s [%s]", wire.Printable(f.Case), wire.Printable(f.Version))
}

// control is the control of that index as a finding to show. Their cases need not
// differ, so it is named by its place.
func control(a finding.Audit, i int) finding.Finding {
	f := a.Controls[i]
	f.Case = fmt.Sprintf("control %d of %d", i+1, len(a.Controls))
	return f
}

// uncontrolled says why the controls as a whole prove nothing, if there was no audit
// or there are too few of them; those that were not delivered speak for themselves.
func uncontrolled(a finding.Audit) string {
	if a.Broke != "" {
		return "the peer was not put to the test: " + wire.Printable(a.Broke)
	}
	if len(a.Controls) < 2 {
		return "the good exchange was not tried both before and after the cases, so they prove nothing"
	}
	return ""
}

// unproven says why the findings prove nothing, if the controls do not.
func unproven(a finding.Audit) string {
	if why := uncontrolled(a); why != "" || a.Controlled() {
		return why
	}
	return fmt.Sprintf(
		"%d of %s delivered, so the findings prove nothing",
		delivered(a),
		plural(len(a.Controls), "control"),
	)
}

// unreachable is what an untried finding means that says nothing itself.
const unreachable = "the peer has no way to be put into the case"

// account is one part of what is said of a finding.
type account struct{ label, text string }

// accounts is what a person needs who has to act on a finding that did not pass.
func accounts(f finding.Finding) []account {
	means := f.Means
	switch s := status(f); {
	case means == "" && s == finding.Inconclusive:
		means = "nothing was shown, neither way"
	case means == "" && s == finding.Untried:
		means = unreachable
	}
	return []account{
		{"client saw", or(f.Client, "nothing")},
		{"server saw", or(f.Server, "nothing")},
		{"it means", or(means, f.Summary)},
		{"citation", or(f.Cite, "none")},
		{"repeat", or(f.Repeat, "none")},
	}
}

// or is a text for people, or what stands in for an empty one.
func or(text, instead string) string { return wire.Printable(cmp.Or(text, instead)) }

// outcome is what happened, in a few words.
func outcome(f finding.Finding) string {
	text := or(f.Decision, string(status(f)))
	if f.By != "" {
		text += " by the " + wire.Printable(string(f.By))
	}
	if f.Reason != "" {
		text += ", " + wire.Printable(string(f.Reason))
	}
	return text
}

// expected is what must come of a case, in a few words.
func expected(e cases.Expectation) string {
	switch e {
	case cases.MustRefuse:
		return "to be refused"
	case cases.MustAccept:
		return "to be accepted"
	case cases.MayEither:
		return "either"
	default:
		return string(e)
	}
}
