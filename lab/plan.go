package lab

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Audit says which peer is audited and against what.
type Audit struct {
	Role     wire.Role // the audited peer's part; wire.Server or wire.Client
	Peer     Peer      // our own program if zero; its Material is the audit's
	Profile  cases.Profile
	Cases    []string // ids; every case if empty
	Versions []string // of TLS; "1.2" and "1.3" if empty
	Waivers  []finding.Waiver
	Command  string // that repeats the audit, without its profile; "mtlslab audit server" or client if empty

	// Once tries cases of certificates in the highest of the versions alone, but for
	// those that are judged by version. It halves the audit.
	Once bool

	Progress func(done, total int, current string)
}

// Subject is what a report calls the audited peer.
func (a Audit) Subject() string {
	name := a.Peer.Name()
	if name == ownName {
		name += " " + string(a.Role)
	}
	return name
}

// whole is the audit with what it leaves open filled in.
func (a Audit) whole() Audit {
	a.Profile = cmp.Or(a.Profile, cases.Strict)
	if len(a.Versions) == 0 {
		a.Versions = wire.Versions()
	}
	if a.Progress == nil {
		a.Progress = func(int, int, string) {}
	}
	return a
}

// Check says what keeps an audit from being made: a role, profile, version or case
// that there is not, an adapter of the other role, or that nothing would be tried. One
// list of cases may serve both roles.
func (a Audit) Check() error {
	a = a.whole()
	switch {
	case a.Role != wire.Server && a.Role != wire.Client:
		return fmt.Errorf("role %q: choose %s or %s", a.Role, wire.Server, wire.Client)
	case !slices.Contains(cases.Profiles(), a.Profile):
		return fmt.Errorf("profile %q: choose %s", a.Profile, listed(cases.Profiles()))
	case a.Peer.Adapter != nil && a.Peer.Adapter.Role != a.Role:
		return fmt.Errorf("%s: its adapter is that of a %s, and a %s is to be audited", a.Peer.Adapter.Name, a.Peer.Adapter.Role, a.Role)
	}
	for _, version := range a.Versions {
		if !slices.Contains(wire.Versions(), version) {
			return fmt.Errorf("version %q: choose %s", version, listed(wire.Versions()))
		}
	}
	for i, id := range a.Cases {
		c, known := cases.Find(id)
		if !known {
			return fmt.Errorf("case %q: there is none of that id", id)
		}
		if last := i == len(a.Cases)-1; last && len(a.trials()) == 0 {
			return fmt.Errorf("case %q: %s", id, a.whyUntried(c))
		}
	}
	return nil
}

// whyUntried says why a case is none of the audit's trials.
func (a Audit) whyUntried(c cases.Case) string {
	switch {
	case !slices.Contains(c.Roles, a.Role.Other()):
		return fmt.Sprintf("it is no case of a %s, but of a %s", a.Role, a.Role.Other())
	default:
		return fmt.Sprintf("it is tried in TLS %s alone", listed(c.Versions))
	}
}

// Planned is a case that an audit tries.
type Planned struct {
	Case     string            `json:"case"`    // id
	Summary  string            `json:"summary"` // what the adversary does, or with what the peer is started
	Versions []string          `json:"versions"`
	Expect   cases.Expectation `json:"expect"`
	Cite     string            `json:"cite"`
}

// Plan lists the cases that the audit tries, in the order of the catalogue.
func (a Audit) Plan() []Planned {
	var all []Planned
	for _, t := range a.whole().trials() {
		if last := len(all) - 1; last >= 0 && all[last].Case == t.ID {
			all[last].Versions = append(all[last].Versions, t.version)
			continue
		}
		all = append(all, Planned{t.ID, t.Summary, []string{t.version}, t.rule.Expect, t.rule.Cite})
	}
	return all
}

// trials lists what is to be tried, in the order of the catalogue.
func (a Audit) trials() []trial {
	var all []trial
	for _, c := range cases.All() {
		if !slices.Contains(c.Roles, a.Role.Other()) || len(a.Cases) > 0 && !slices.Contains(a.Cases, c.ID) {
			continue
		}
		for _, version := range a.versionsOf(c) {
			all = append(all, trial{
				Case: c, version: version, rule: c.Rules[a.Profile], lists: slices.Contains(c.Needs, cases.RevocationLists),
			})
		}
	}
	return all
}

// versionsOf are those in which the audit tries the case.
func (a Audit) versionsOf(c cases.Case) []string {
	versions := c.In(a.Versions)
	if a.Once && c.Mutation != nil && !c.ByVersion && len(versions) > 0 {
		return versions[len(versions)-1:]
	}
	return versions
}

// without is the audit with no trial in the versions that its peer does not speak. A
// case that is tried in one version alone is tried in another.
func (a Audit) without(silent func(version string) bool, plan []trial) []trial {
	spoken := a
	spoken.Versions = slices.DeleteFunc(slices.Clone(a.Versions), silent)
	plan = slices.Clone(plan)
	for i, t := range plan {
		if instead := spoken.versionsOf(t.Case); silent(t.version) && len(a.versionsOf(t.Case)) == 1 && len(instead) == 1 {
			plan[i].version = instead[0]
		}
	}
	return plan
}

// listed joins words for a person.
func listed[T ~string](words []T) string {
	texts := make([]string, len(words))
	for i, word := range words {
		texts[i] = string(word)
	}
	return strings.Join(texts, " or ")
}
