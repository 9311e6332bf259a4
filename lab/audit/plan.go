package audit

import (
	"fmt"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// trial is one case in one version of TLS, or a control.
type trial struct {
	cases.Case
	version string
	rule    cases.Rule
	forged  *pki.Forged
	lists   bool // the peer is to have revocation lists
}

// plan lists the trials with their certificates forged: what they need the peer to
// trust must be known before it starts.
func (a Audit) plan(chains *Chains, as guise) ([]trial, error) {
	plan := a.trials()
	group := new(errgroup.Group)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, t := range plan {
		group.Go(func() (err error) {
			if plan[i].forged, err = chains.of(t.Case, as); err != nil {
				return fmt.Errorf("case %s: %w", t.ID, err)
			}
			return nil
		})
	}
	return plan, group.Wait()
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

// without is the plan with no trial in the versions that the peer does not speak. A
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

// alone says whether the audited server is started for this trial alone.
func (t trial) alone() bool {
	return t.Material != nil || t.Meanwhile != cases.Nothing || t.Reload != cases.NoReload
}

// attack is what the case does on the wire, as if all else were honest.
func (t trial) attack() attack.Attack {
	var a attack.Attack
	if t.Attack != nil {
		t.Attack(&a)
	}
	return a
}

// ahead says whether something of no peer's protocol is sent before the handshake, with
// the message after it.
func (t trial) ahead() bool {
	with := attack.Attack{Message: "message"}
	if t.Attack != nil {
		t.Attack(&with)
	}
	return len(with.Preface) > 0 && !with.NoTLS && with.Message != ""
}

// resumes says whether the message is sent more than once, by one who may.
func (t trial) resumes() bool { return t.attack().Resume != nil || t.Meanwhile != cases.Nothing }

// expires says whether the adversary's certificate does, in the course of the trial.
func (t trial) expires() bool { return t.waits() || t.Meanwhile == cases.StaysAsItIs }

// waits says whether the trial waits for something of its own, for seconds.
func (t trial) waits() bool {
	resume := t.attack().Resume
	return resume != nil && resume.AfterExpiry
}

// demand is the state that the audited peer has to be put into.
func (t trial) demand(role wire.Role) peer.Demand {
	return peer.Demand{
		Lists:     slices.Contains(t.Needs, cases.RevocationLists),
		Admission: role == wire.Server && slices.Contains(t.Needs, cases.Admission),
		HTTP:      t.Head != nil,
		Stays:     t.Stays,
		Store:     slices.Contains(t.Needs, cases.SystemStore),
		Open:      slices.Contains(t.Needs, cases.OpenHost),
		Guest:     t.Meanwhile == cases.StrikesOff,
		Altered:   t.Material != nil,
		Another:   role == wire.Server && t.alone(),
		Reload:    t.Meanwhile.Reloads() || t.Reload != cases.NoReload,
		Unheard:   t.attack().HangUp,
		Ahead:     t.ahead(),
		Opinion:   t.Refuses || t.AfterTrust,
	}
}
