package finding

import (
	"cmp"
	"slices"

	"github.com/mtlslab/mtlslab/lab/cases"
)

// Line is what came of all the ways in which one attacker can try to get in, in every
// version of TLS that they were tried in.
type Line struct {
	Attacker cases.Attacker `json:"attacker"`
	Demanded bool           `json:"demanded"` // that he gets in fails the audit
	Tried    int            `json:"tried"`    // cases of which something was shown in a version at least
	In       int            `json:"in"`       // of these, how many let him in; of good and honest, how many are wrong
	Void     int            `json:"void"`     // cases of which nothing was shown in any version
	Untried  int            `json:"untried"`  // cases that the peer could not be put into
	Accepted int            `json:"accepted"` // cases that let him in as is known: waived, or in the baseline
}

// Unnamed stands in for an attacker where a failure says none.
const Unnamed cases.Attacker = "unnamed"

// everyAttacker lists them all, gravest first.
func everyAttacker() []cases.Attacker { return append([]cases.Attacker{Unnamed}, cases.Attackers()...) }

// WhoGetsIn is a line for each attacker of whom there is a finding, gravest first.
func (a Audit) WhoGetsIn() []Line {
	of := make(map[cases.Attacker]*Line)
	for _, all := range ByCase(a.Findings) {
		if attacker := attackerIn(all); attacker != "" {
			if of[attacker] == nil {
				of[attacker] = &Line{Attacker: attacker, Demanded: a.demands(attacker)}
			}
			of[attacker].add(all)
		}
	}
	var lines []Line
	for _, attacker := range everyAttacker() {
		if of[attacker] != nil {
			lines = append(lines, *of[attacker])
		}
	}
	return lines
}

// attackerIn is whose line the findings of a case count in; "" if they count in none: either
// will do.
func attackerIn(all []Finding) cases.Attacker {
	attacker := all[0].Attacker
	switch {
	case slices.Contains(cases.Attackers(), attacker):
		return attacker
	case slices.ContainsFunc(all, Finding.lets):
		return Unnamed
	default:
		return ""
	}
}

// Whole is the line of all cases, whoever their attacker is.
func (a Audit) Whole() Line {
	var whole Line
	for _, all := range ByCase(a.Findings) {
		whole.add(all)
	}
	return whole
}

// add counts one case, of which the findings are those of its versions.
func (l *Line) add(findings []Finding) {
	has := func(is func(Finding) bool) bool { return slices.ContainsFunc(findings, is) }
	switch {
	case has(Finding.lets):
		l.Tried++
		l.In++
	case has(func(f Finding) bool { return f.Status == Failed || f.Status == Waived }):
		l.Tried++
		l.Accepted++
	case has(func(f Finding) bool { return f.Status == Passed }):
		l.Tried++
	case has(func(f Finding) bool { return f.Shown() == Inconclusive }):
		l.Void++
	default:
		l.Untried++
	}
}

// lets says whether a failure is one that nobody knew.
func (f Finding) lets() bool { return f.Status == Failed && f.Known == "" }

// ByCase puts the findings of a case together, in the order of the catalogue's groups.
func ByCase(findings []Finding) [][]Finding {
	var all [][]Finding
	for _, f := range Ordered(findings) {
		if last := len(all) - 1; last >= 0 && all[last][0].Case == f.Case && all[last][0].Role == f.Role {
			all[last] = append(all[last], f)
			continue
		}
		all = append(all, []Finding{f})
	}
	return all
}

// Fault is what a peer does wrong, by which one attacker gets in: the cases that say the
// same of it.
type Fault struct {
	Attacker cases.Attacker
	Means    string      // what is wrong, in plain words
	Cases    [][]Finding // the failed findings of each case, by version
}

// First is the finding that stands for all.
func (f Fault) First() Finding { return f.Cases[0][0] }

// Faults are what the failures come to that nobody knew, gravest first, and of those of
// one attacker first what most cases show. Where an attacker gets in by most of the ways that
// were tried there is no more to say than that.
func (a Audit) Faults() []Fault {
	var all []Fault
	for _, line := range a.WhoGetsIn() {
		one := a.faultsOf(line.Attacker)
		if 2*line.In > line.Tried && len(one) > 1 && line.In >= wholesale {
			one = together(one)
		}
		all = append(all, one...)
	}
	return all
}

// wholesale is by how many ways an attacker must get in to be let in whatever he does.
const wholesale = 5

// plain are the cases that show best what it is to let an attacker in whatever he does.
var plain = []string{"protocol/no-client-certificate", "chain/self-signed", "identity/other-host", "usage/other-role"}

func (a Audit) faultsOf(attacker cases.Attacker) []Fault {
	var all []Fault
	for _, findings := range ByCase(a.Findings) {
		if attackerIn(findings) != attacker {
			continue
		}
		failed := slices.DeleteFunc(findings, func(f Finding) bool { return !f.lets() })
		if len(failed) == 0 {
			continue
		}
		means := cmp.Or(failed[0].Means, failed[0].Summary)
		i := slices.IndexFunc(all, func(f Fault) bool { return f.Means == means })
		if i < 0 {
			i = len(all)
			all = append(all, Fault{Attacker: attacker, Means: means})
		}
		all[i].Cases = append(all[i].Cases, failed)
	}
	slices.SortStableFunc(all, func(a, b Fault) int { return cmp.Compare(len(b.Cases), len(a.Cases)) })
	return all
}

// together is one fault of many.
func together(faults []Fault) []Fault {
	whole := Fault{Attacker: faults[0].Attacker, Means: LetIn(faults[0].Attacker)}
	for _, f := range faults {
		whole.Cases = append(whole.Cases, f.Cases...)
	}
	slices.SortStableFunc(whole.Cases, func(a, b []Finding) int {
		rank := func(all []Finding) int {
			if i := slices.Index(plain, all[0].Case); i >= 0 {
				return i
			}
			return len(plain)
		}
		return cmp.Compare(rank(a), rank(b))
	})
	return []Fault{whole}
}

// attackers is what is said of each.
var attackers = map[cases.Attacker]struct{ holds, in string }{
	Unnamed: {"what nobody has said", "Somebody is let in who must not be."},
	cases.Nobody: {
		"nothing that the authority gave",
		"Anybody on the network is let in: there is no authentication.",
	},
	cases.Former: {"what is good at another time", "Whoever was let go, or was robbed, stays in."},
	cases.Insider: {
		"a good certificate of somebody or something else",
		"Every holder of any certificate is everybody.",
	},
	cases.Wire: {"a place between two good peers", "What two good peers agree on can be broken or cut short."},
	cases.Authority: {
		"an authority, or a certificate that none may issue",
		"One authority's mistake or theft opens all.",
	},
	cases.Honest: {"nothing: what it says must be true", "What it says of itself cannot be relied on."},
	cases.Good:   {"a good certificate", "Good peers are turned away."},
}

// Holds is what an attacker must hold, in a few words.
func Holds(a cases.Attacker) string { return attackers[a].holds }

// LetIn is what it comes to where an attacker gets in whatever he does.
func LetIn(a cases.Attacker) string { return attackers[a].in }
