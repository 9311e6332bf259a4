package audit

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/verdict"
)

func (r *round) findings(trials []trial, results []tried) []finding.Finding {
	findings := make([]finding.Finding, len(trials))
	for i, t := range trials {
		findings[i] = r.finding(t, results[i])
	}
	return findings
}

// finding is what came of a trial, as a report has it.
func (r *round) finding(t trial, of tried) finding.Finding {
	group, _, _ := strings.Cut(t.ID, "/")
	f := finding.Finding{
		Case: t.ID, Group: group, Summary: t.Summary, Role: r.audit.Role, Version: t.version,
		Attacker: t.AttackerUnder(
			t.rule,
		), Expect: t.rule.Expect, Cite: t.rule.Cite, Differs: r.differs(t), Repeat: r.repeat(t), Took: of.took,
	}
	v := of.Judge()
	f.Status, f.Means = v.Status, v.Means
	if v.Status == finding.Untried {
		return f
	}
	if v.Status != finding.Passed {
		f.Steps = r.steps(t, of.Trial)
	}
	f.Decision, f.By, f.Reason = string(v.Decision), v.By, v.Reason
	f.Client, f.Server = verdict.Account(&v.Client), verdict.Account(v.Server)
	if !r.traits.Tells && v.Server == nil {
		f.Server = "gives no account of its own"
	}
	return f
}

// differs is in what the adversary's certificates differ from the good ones.
func (r *round) differs(t trial) string {
	good, err := r.Chains.good(r.guise())
	if err != nil || t.Mutation == nil && len(t.forged.ExtraRoots) == 0 {
		return ""
	}
	return cmp.Or(finding.Difference(good.Chain, t.forged.Chain), "keys and signatures")
}

// repeat is the command that tries the trial again.
func (r *round) repeat(t trial) string {
	command := cmp.Or(r.audit.Command, "mtlslab audit "+string(r.audit.Role))
	if r.audit.Profile != measureOf(r.traits).profile {
		command += " --profile " + string(r.audit.Profile)
	}
	return fmt.Sprintf("%s --case %s --version %s -v", command, t.ID, t.version)
}
