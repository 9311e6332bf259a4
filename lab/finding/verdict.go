package finding

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mtlslab/mtlslab/lab/cases"
)

// Demands are the attackers that fail an audit where they get in, unless it is said
// otherwise.
func Demands() []cases.Attacker { return []cases.Attacker{cases.Nobody, cases.Former, cases.Insider} }

// ParseAttackers reads a list of attackers, of which "all" is every one.
func ParseAttackers(names []string) (list []cases.Attacker, err error) {
	for _, name := range names {
		switch attacker := cases.Attacker(strings.TrimSpace(name)); {
		case attacker == "all":
			list = append(list, cases.Attackers()...)
		case !slices.Contains(cases.Attackers(), attacker):
			return nil, fmt.Errorf("%q is no attacker: choose of %s", name, joined(cases.Attackers()))
		default:
			list = append(list, attacker)
		}
	}
	return list, nil
}

func joined(attackers []cases.Attacker) string {
	words := []string{"all"}
	for _, a := range attackers {
		words = append(words, string(a))
	}
	return strings.Join(words, ", ")
}

// demands says whether an attacker may not get in. A failure of which nobody says who
// profits is one of anybody's.
func (a Audit) demands(attacker cases.Attacker) bool {
	if !slices.Contains(cases.Attackers(), attacker) {
		return true
	}
	if a.Demands == nil {
		return slices.Contains(Demands(), attacker)
	}
	return slices.Contains(a.Demands, attacker)
}

// Fails says whether a finding fails the audit: it failed, nobody knew, and that nobody
// gets in so is demanded.
func (a Audit) Fails(f Finding) bool { return f.lets() && a.demands(f.Attacker) }

// Controlled says whether the good exchanges before and after the cases were all
// delivered; if not, the audit shows nothing.
func (a Audit) Controlled() bool {
	return len(a.Controls) >= 2 && !slices.ContainsFunc(a.Controls, func(f Finding) bool {
		return f.Status != Passed || f.Decision != "delivered"
	})
}

// Verdict is the audit's: failed if somebody gets in who must not, or there are
// complaints; else inconclusive if more was void than shown, of what is demanded or of
// all, nothing was tried, or the controls were not delivered; else passed. What could not
// be tried counts neither way.
func (a Audit) Verdict() Status {
	switch {
	case slices.ContainsFunc(a.Findings, a.Fails) || slices.ContainsFunc(a.Incidents, Incident.Fails):
		return Failed
	case len(a.Complaints) > 0:
		return Failed
	case !a.Controlled() || a.mostlyVoid():
		return Inconclusive
	default:
		return Passed
	}
}

// mostlyVoid says whether less was shown than was not.
func (a Audit) mostlyVoid() bool {
	whole := a.Whole()
	return whole.Tried == 0 || whole.Void > whole.Tried || slices.ContainsFunc(a.WhoGetsIn(), func(l Line) bool {
		return l.Demanded && l.Void > l.Tried
	})
}
