package finding

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Ordered returns the findings by case, role and version.
func Ordered(findings []Finding) []Finding {
	return slices.SortedStableFunc(slices.Values(findings), func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Case, b.Case),
			cmp.Compare(a.Role, b.Role), cmp.Compare(a.Version, b.Version))
	})
}

// Group is the findings of one group.
type Group struct {
	Name     string
	Findings []Finding
}

// Groups returns the findings of each group, by name.
func Groups(findings []Finding) []Group {
	var all []Group
	for _, f := range Ordered(findings) {
		if n := len(all); n == 0 || all[n-1].Name != f.Group {
			all = append(all, Group{Name: f.Group})
		}
		last := &all[len(all)-1]
		last.Findings = append(last.Findings, f)
	}
	return all
}

// ByAttacker returns the findings of each attacker, gravest first, and last those of cases
// of which the profile asks nothing, in a group of no name.
func ByAttacker(findings []Finding) []Group {
	of := make(map[cases.Attacker]*Group)
	for _, all := range ByCase(findings) {
		attacker := attackerIn(all)
		if of[attacker] == nil {
			of[attacker] = &Group{Name: string(attacker)}
		}
		of[attacker].Findings = append(of[attacker].Findings, all...)
	}
	var groups []Group
	for _, attacker := range append(everyAttacker(), "") {
		if of[attacker] != nil {
			groups = append(groups, *of[attacker])
		}
	}
	return groups
}

// Count is how many of its findings have that status.
func (g Group) Count(s Status) int { return Audit{Findings: g.Findings}.Count(s) }

// Cases is how many different cases the group has.
func (g Group) Cases() int {
	ids := map[string]bool{}
	for _, f := range g.Findings {
		ids[f.Case] = true
	}
	return len(ids)
}

// Took is the sum, in which findings made at the same time count each.
func (g Group) Took() (total time.Duration) {
	for _, f := range g.Findings {
		total += f.Took
	}
	return total
}

// Shown is the finding's status; if that is none of the known, nothing was shown.
func (f Finding) Shown() Status {
	switch f.Status {
	case Passed, Failed, Waived, Untried:
		return f.Status
	default:
		return Inconclusive
	}
}

// Title names a finding: its case and the version of TLS.
func (f Finding) Title() string {
	if f.Version == "" {
		return wire.Printable(f.Case)
	}
	return fmt.Sprintf("%s [%s]", wire.Printable(f.Case), wire.Printable(f.Version))
}

// Control is the control of that index as a finding to show. Their cases need not
// differ, so it is named by its place.
func (a Audit) Control(i int) Finding {
	f := a.Controls[i]
	f.Case = fmt.Sprintf("control %d of %d", i+1, len(a.Controls))
	return f
}

// Uncontrolled says why the controls as a whole prove nothing, if there was no audit
// or there are too few of them; those that were not delivered speak for themselves.
func (a Audit) Uncontrolled() string {
	if a.Broke != "" {
		return "the peer was not put to the test: " + wire.Printable(a.Broke)
	}
	if len(a.Controls) < 2 {
		return "the good exchange was not tried both before and after the cases, so they prove nothing"
	}
	return ""
}

// Unproven says why the findings prove nothing, if the controls do not.
func (a Audit) Unproven() string {
	if why := a.Uncontrolled(); why != "" || a.Controlled() {
		return why
	}
	return fmt.Sprintf(
		"%d of %s delivered, so the findings prove nothing",
		a.Delivered(),
		controlsOf(len(a.Controls)),
	)
}

// NothingShown is what an inconclusive finding means that says nothing itself.
const NothingShown = "nothing was shown, neither way"

// NoWay is what an untried finding means that says nothing itself.
const NoWay = "the peer has no way to be put into the case"

// Part is one part of what is said of a
type Part struct {
	Label string `json:"label"`
	Text  string `json:"text"`
}

// Parts are what a person needs who has to act on a finding that did not pass.
func (f Finding) Parts() []Part {
	means := f.Means
	switch s := f.Shown(); {
	case means == "" && s == Inconclusive:
		means = NothingShown
	case means == "" && s == Untried:
		means = NoWay
	}
	parts := []Part{
		{"client saw", Or(f.Client, "nothing")},
		{"server saw", Or(f.Server, "nothing")},
		{"it means", Or(means, f.Summary)},
		{"differs", Or(f.Differs, "in what is done: "+cmp.Or(f.Summary, "nothing"))},
		{"citation", Or(f.Cite, "none")},
		{"repeat", Or(f.Repeat, "none")},
	}
	return parts
}

// Accepted says why a failure fails nothing: a waiver's reason, or how it is known; "" if it
// does, or is none.
func (f Finding) Accepted() string {
	switch f.Status {
	case Waived:
		return cmp.Or(f.Waiver, "no reason given")
	case Failed:
		return f.Known
	default:
		return ""
	}
}

// Or is a text for people, or what stands in for an empty one.
func Or(text, instead string) string { return wire.Printable(cmp.Or(text, instead)) }

// Outcome is what happened, in a few words.
func (f Finding) Outcome() string {
	text := Or(f.Decision, string(f.Shown()))
	if f.By != "" {
		text += " by the " + wire.Printable(string(f.By))
	}
	if f.Reason != "" {
		text += ", " + wire.Printable(string(f.Reason))
	}
	return text
}

// Expected is what must come of a case, in a few words.
func Expected(e cases.Expectation) string {
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

// Delivered is how many controls were.
func (a Audit) Delivered() int { return Audit{Findings: a.Controls}.Count(Passed) }

func controlsOf(n int) string {
	if n == 1 {
		return "1 control"
	}
	return fmt.Sprintf("%d controls", n)
}

// Sum says in a few words each, the gravest first, who gets in of those who must not and of
// the others, and how much is void.
func (a Audit) Sum() []string {
	var in, told []string
	out := false
	for _, l := range a.WhoGetsIn() {
		name := string(l.Attacker)
		switch {
		case l.Demanded && l.In > 0:
			in = append(in, fmt.Sprintf("%s (%d of %d)", name, l.In, l.Tried))
		case l.In > 0:
			told = append(told, fmt.Sprintf("%s %d", name, l.In))
		case l.Demanded && l.Tried > 0:
			out = true
		}
	}
	var words []string
	switch {
	case len(in) > 0:
		words = append(words, "in: "+strings.Join(in, ", "))
	case out || a.Whole().Tried > 0:
		words = append(words, "all as demanded")
	}
	if len(told) > 0 {
		words = append(words, "told: "+strings.Join(told, ", "))
	}
	if n := a.CountIncidents(Crash); n > 0 {
		words = append([]string{fmt.Sprintf("crashes: %d", n)}, words...)
	}
	if n := a.CountIncidents(LockOut); n > 0 {
		words = append(words, "locks out")
	}
	if whole := a.Whole(); whole.Void > 0 {
		words = append(words, fmt.Sprintf("void: %d", whole.Void))
	}
	if len(words) == 0 {
		return []string{"nothing was shown"}
	}
	return words
}
