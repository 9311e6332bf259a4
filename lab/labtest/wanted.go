package labtest

import (
	"flag"
	"regexp"
	"slices"
	"strings"

	"github.com/mtlslab/mtlslab/lab/audit"
)

// wanted are the ids of those cases of a plan whose subtests, below the test of that name,
// the flag -run names; none means all.
func wanted(test string, plan []audit.Planned) []string {
	run := flag.Lookup("test.run")
	if run == nil {
		return ids(plan)
	}
	return wantedBy(run.Value.String(), test, plan)
}

// wantedBy is wanted of a pattern, which names one element after the other, as go test reads
// it. Of alternatives, and of what is no pattern, all is wanted: go test itself then leaves out
// what it has to.
func wantedBy(pattern, test string, plan []audit.Planned) []string {
	elements := strings.Split(pattern, "/")
	above := strings.Count(test, "/") + 1
	if len(elements) <= above || strings.ContainsAny(pattern, "|[") {
		return ids(plan)
	}
	var below []*regexp.Regexp
	for _, element := range elements[above:] {
		compiled, err := regexp.Compile(element)
		if err != nil {
			return ids(plan)
		}
		below = append(below, compiled)
	}
	return ids(slices.DeleteFunc(slices.Clone(plan), func(p audit.Planned) bool {
		parts := strings.Split(attackerName(p.Attacker)+"/"+p.Case, "/")
		for i, element := range below[:min(len(parts), len(below))] {
			if !element.MatchString(parts[i]) {
				return true
			}
		}
		return false
	}))
}

func ids(plan []audit.Planned) []string {
	var all []string
	for _, p := range plan {
		all = append(all, p.Case)
	}
	return all
}
