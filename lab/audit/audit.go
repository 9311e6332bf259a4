// Package audit tries all cases of a profile against one peer, between controls that must
// be delivered, and says what it found.
//
// It exists so that a refusal means something: each case differs from a good exchange in
// one thing, and the good exchange is made before and after. It starts peers and the
// adversary by the rooms below and judges nothing itself. It is not for peers that are
// used for anything else meanwhile.
package audit

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Audit says which peer is audited and against what.
type Audit struct {
	Role     wire.Role        // the audited peer's part; wire.Server or wire.Client
	Peer     peer.Peer        // our own program if nil
	Profile  cases.Profile    // the peer's own if empty
	Demand   []cases.Attacker // who fails it by getting in, besides those by whom the peer is measured
	Cases    []string         // ids; every case if empty
	Versions []string         // of TLS; "1.2" and "1.3" if empty
	Waivers  []finding.Waiver
	Baseline *finding.Audit // an earlier audit: what failed in it is known; none if nil
	Command  string         // that repeats the audit, without its profile; "mtlslab audit server" or client if empty

	// Once tries cases of certificates in the highest of the versions alone, but for
	// those that are judged by version. It halves the audit.
	Once bool

	// Beside says that there are other audits at the same time, so that this one takes one container where it
	// would be over sooner with two.
	Beside bool

	Progress func(done, total int, current string)

	because string // why it is that profile, if nobody has chosen it
}

// Subject is what a report calls the audited peer.
func (a Audit) Subject() string {
	name := a.whole().Peer.Name()
	if name == peer.OwnName {
		name += " " + string(a.Role)
	}
	return name
}

// whole is the audit with what it leaves open filled in.
func (a Audit) whole() Audit {
	if a.Peer == nil {
		a.Peer = peer.Own{}
	}
	usual := measureOf(a.Peer.Traits())
	if a.Profile == "" {
		a.Profile, a.because = usual.profile, usual.because
	}
	a.Demand = append(usual.demands, a.Demand...)
	if len(a.Versions) == 0 {
		a.Versions = wire.Versions()
	}
	if a.Progress == nil {
		a.Progress = func(int, int, string) {}
	}
	return a
}

// measure is by what a peer is measured, unless somebody says otherwise.
type measure struct {
	profile cases.Profile
	because string           // in words, why it is that one
	demands []cases.Attacker // who fails an audit by getting in
}

// measureOf holds a peer that gives its reasons, as our own do, to all there is, and
// anybody's to what the standards demand of it.
func measureOf(t peer.Traits) measure {
	if t.Tells {
		return measure{cases.Strict, "to which our own pair is held", cases.Attackers()}
	}
	return measure{cases.RFC5280, "what the standards demand of anybody's software", finding.Demands()}
}

// Check says what keeps an audit from being made: a role, profile, version or case
// that there is not, a host that no certificate can be for, an adapter of the other role, or that
// nothing would be tried. One list of cases may serve both roles.
func (a Audit) Check() error {
	a = a.whole()
	switch {
	case a.Role != wire.Server && a.Role != wire.Client:
		return fmt.Errorf("role %q: choose %s or %s", a.Role, wire.Server, wire.Client)
	case !slices.Contains(cases.Profiles(), a.Profile):
		return fmt.Errorf("profile %q: choose %s", a.Profile, listed(cases.Profiles()))
	}
	if host := a.Peer.Traits().ServerName; a.Role == wire.Client && host != "" {
		if err := pki.CheckHost(host); err != nil {
			return fmt.Errorf("the host that it calls: %w", err)
		}
	}
	if a.Baseline != nil {
		if err := (finding.Audit{Role: a.Role, Profile: a.Profile}).Fits(*a.Baseline); err != nil {
			return fmt.Errorf("the baseline: %w", err)
		}
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
	Case     string            `json:"case"` // id
	Attacker cases.Attacker    `json:"attacker,omitempty"`
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
		all = append(all, Planned{t.ID, t.AttackerUnder(t.rule), t.Summary, []string{t.version}, t.rule.Expect, t.rule.Cite})
	}
	return all
}

// listed joins words for a person.
func listed[T ~string](words []T) string {
	texts := make([]string, len(words))
	for i, word := range words {
		texts[i] = string(word)
	}
	return strings.Join(texts, " or ")
}
