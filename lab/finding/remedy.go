package finding

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mtlslab/mtlslab/lab/cases"
)

// Remedy is a setting that is said to help, and what an audit of the peer with it has shown.
type Remedy struct {
	Setting string `json:"setting"`
	Source  string `json:"source"` // where it is written that it helps

	Mends []string `json:"mends,omitempty"` // cases that failed without it, and pass with it
	Fails []string `json:"fails,omitempty"` // cases for which it was tried, and that fail with it as without
	Worse []string `json:"worse,omitempty"` // cases that passed without it, and do not with it
	// Costs are good peers that are turned away with it, and were let in without it as anybody was.
	Costs []string `json:"costs,omitempty"`

	// Wrong is what was said of the remedy and is not so; empty if all is.
	Wrong string `json:"wrong,omitempty"`
}

// Works says whether the remedy mends something and makes nothing worse: who refuses everybody
// has mended nothing.
func (r Remedy) Works() bool { return len(r.Mends) > 0 && len(r.Worse) == 0 && r.Wrong == "" }

// Why says in a sentence why a remedy is none.
func (r Remedy) Why() string {
	const most = 3
	first := func(ids []string) string {
		if len(ids) > most {
			return fmt.Sprintf("%s and %d more", strings.Join(ids[:most], ", "), len(ids)-most)
		}
		return strings.Join(ids, ", ")
	}
	switch {
	case r.Wrong != "":
		return r.Wrong
	case len(r.Worse) > 0:
		return "with it " + first(r.Worse) + " no longer pass"
	case len(r.Fails) > 0:
		return "with it " + first(r.Fails) + " fail as before"
	default:
		return "with it all is as before"
	}
}

// Grave are the attackers of whom each way in wants a remedy.
func Grave() []cases.Attacker { return []cases.Attacker{cases.Nobody, cases.Former, cases.Insider} }

// Compare says what a peer with a remedy does otherwise than without it. Of a case in several
// versions of TLS all count: it is mended if none fails any more. The remedy says for which cases
// it should be, and those for which it was tried in vain; each is an id, or a group with a final
// slash. That a peer which let anybody in let good ones in as well is no merit of it: where it
// does not go on to, that is a cost of the remedy, and not a fault.
func (r Remedy) Compare(without, with Audit, mends, fails []string) Remedy {
	open := slices.ContainsFunc(without.Findings, func(f Finding) bool { return f.Case == stranger && f.lets() })
	good := 0
	now := make(map[string]outcome)
	for _, findings := range ByCase(with.Findings) {
		now[findings[0].Case] = outcomeOf(findings)
	}
	for _, findings := range ByCase(without.Findings) {
		id, then := findings[0].Case, outcomeOf(findings)
		grave := slices.Contains(Grave(), attackerIn(findings))
		after := now[id]
		if attackerIn(findings) == cases.Good && after == well {
			good++
		}
		switch {
		case then == well && after == bad && open && attackerIn(findings) == cases.Good:
			r.Costs = append(r.Costs, id)
		case then == bad && after == well:
			r.Mends = append(r.Mends, id)
		case then == well && after == void && either(findings):
			// Nothing is demanded of it, so that nothing was shown makes it no worse.
		case then == well && after != well && after != unasked:
			r.Worse = append(r.Worse, id)
		case then == bad && grave && among(fails, id):
			r.Fails = append(r.Fails, id)
		}
	}
	if good < len(r.Costs) { // it refuses most of them: that it refuses others too is no merit
		r.Worse, r.Costs = append(r.Worse, r.Costs...), nil
	}
	if r.Wrong = r.wrong(mends, fails); !without.Controlled() || !with.Controlled() {
		r.Wrong = "the good exchange was not always delivered, so nothing was shown"
	}
	return r
}

// either says whether the peer may do either in a case.
func either(findings []Finding) bool {
	return !slices.ContainsFunc(findings, func(f Finding) bool { return f.Expect != cases.MayEither })
}

// stranger is the case of who is let in where anybody is.
const stranger = "chain/other-authority"

// wrong holds what is said of a remedy against what was seen.
func (r Remedy) wrong(mends, fails []string) string {
	for _, said := range mends {
		if !slices.ContainsFunc(r.Mends, func(id string) bool { return among([]string{said}, id) }) {
			return fmt.Sprintf("it is said to mend %s, and does not", said)
		}
	}
	for _, id := range r.Mends {
		if among(fails, id) {
			return fmt.Sprintf("it is said to have been tried for %s in vain, and mends it", id)
		}
	}
	return ""
}

// among says whether a case is one of a list of ids, and of groups with a final slash.
func among(list []string, id string) bool {
	return slices.ContainsFunc(list, func(one string) bool {
		return one == id || strings.HasSuffix(one, "/") && strings.HasPrefix(id, one)
	})
}

// outcome is what the findings of one case come to.
type outcome int

const (
	unasked outcome = iota // nobody asked, or it cannot be
	well
	void // nothing was shown
	bad
)

func outcomeOf(findings []Finding) outcome {
	worst := unasked
	for _, f := range findings {
		one := map[Status]outcome{Failed: bad, Waived: bad, Inconclusive: void, Passed: well}[f.Shown()]
		worst = max(worst, one)
	}
	return worst
}

// Open are the cases by which somebody grave gets in and for which no remedy was seen to work, of
// those that were tried.
func (a Audit) Open() (all []string) {
	for _, findings := range ByCase(a.Findings) {
		id := findings[0].Case
		if !slices.ContainsFunc(findings, Finding.lets) || !slices.Contains(Grave(), attackerIn(findings)) {
			continue
		}
		if !slices.ContainsFunc(a.Remedies, func(r Remedy) bool { return r.Works() && slices.Contains(r.Mends, id) }) {
			all = append(all, id)
		}
	}
	return all
}

// RemediesFor are those that were seen to mend one of the cases.
func (a Audit) RemediesFor(ids []string) (all []Remedy) {
	for _, r := range a.Remedies {
		if r.Works() && slices.ContainsFunc(ids, func(id string) bool { return slices.Contains(r.Mends, id) }) {
			all = append(all, r)
		}
	}
	return all
}
