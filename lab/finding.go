package lab

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/wire"
)

func (r *auditor) findings(trials []trial, results []result) []finding.Finding {
	findings := make([]finding.Finding, len(trials))
	for i, t := range trials {
		findings[i] = r.finding(t, results[i])
	}
	return findings
}

// finding holds a verdict against what the profile says of the case.
func (r *auditor) finding(t trial, v result) finding.Finding {
	group, _, _ := strings.Cut(t.ID, "/")
	f := finding.Finding{
		Case: t.ID, Group: group, Summary: t.Summary, Role: r.audit.Role, Version: t.version,
		Expect: t.rule.Expect, Cite: t.rule.Cite,
		Decision: string(v.Decision), By: v.By, Reason: v.Reason,
		Client: Account(&v.Client), Server: Account(v.Server),
		Repeat: r.repeat(t),
		Took:   v.Took,
	}
	if r.visitor != nil && v.Server == nil {
		f.Server = "gives no account of its own"
	}
	if v.untried != "" {
		f.Status, f.Means, f.Decision, f.Client, f.Server = finding.Untried, v.untried, "", "", ""
		return f
	}
	f.Status, f.Means = r.status(t, v)
	return f
}

// repeat is the command that tries the trial again.
func (r *auditor) repeat(t trial) string {
	command := cmp.Or(r.audit.Command, "mtlslab audit "+string(r.audit.Role))
	if r.audit.Profile != cases.Strict {
		command += " --profile " + string(r.audit.Profile)
	}
	return fmt.Sprintf("%s --case %s --version %s -v", command, t.ID, t.version)
}

// status says what a verdict means for a case, and of what did not pass why.
func (r *auditor) status(t trial, v result) (finding.Status, string) {
	refused := v.Decision == WasRefused && v.By == r.audit.Role && !v.Leaked || r.endedAsAllowed(t, v)
	switch {
	case t.AfterTrust && v.Client.Kind != wire.Delivered && v.Client.Reason != wire.Timeout && r.stoodFirm(t, v):
		return finding.Passed, ""
	case (v.Leaked || v.Client.Kind == wire.Delivered && r.believable(v)) && t.rule.Expect == cases.MustRefuse:
		return finding.Failed, t.Meaning
	case v.spoke && t.rule.Expect == cases.MustRefuse:
		return finding.Failed, fmt.Sprintf("whatever the %s did afterwards, it had spoken to the %s before: %s", r.audit.Role, r.audit.Role.Other(), t.Meaning)
	case v.Decision == WasDelivered && t.rule.Expect != cases.MustRefuse:
		return finding.Passed, ""
	case r.visitor != nil && v.Leaked && t.rule.Expect == cases.MayEither:
		return finding.Passed, "" // it took the message, though it could not or would not say so
	case refused && t.rule.Expect == cases.MustAccept:
		return finding.Failed, fmt.Sprintf("the %s turned away a peer that it must let in%s", r.audit.Role, r.why(v))
	case refused && t.rule.Expect == cases.MustRefuse && !r.forTheRightReason(t, v):
		return finding.Failed, fmt.Sprintf("it was refused, but for %s, where only %s shows that the fault was seen", v.Reason, listed(t.Reasons))
	case refused:
		return finding.Passed, ""
	case v.Decision == WasRefused:
		return finding.Inconclusive, fmt.Sprintf("the %s was the one to refuse, so the %s was not put to the test", v.By, r.audit.Role)
	default:
		return finding.Inconclusive, v.Why
	}
}

// stoodFirm says whether a client that was answered wrongly saw it: our own says why,
// and of another all that is known is that it was answered.
func (r *auditor) stoodFirm(t trial, v result) bool {
	if r.visitor != nil {
		return v.answered
	}
	return slices.Contains(t.Reasons, v.Client.Reason)
}

// believable says whether a message can have been delivered that its client calls
// delivered. There are clients that call everything a success.
func (r *auditor) believable(v result) bool {
	return r.visitor == nil || r.audit.Role == wire.Server || v.answered
}

// endedAsAllowed tells of a case which lists an ending that is no refusal, such
// as a message cut short, among the reasons it may end for.
func (r *auditor) endedAsAllowed(t trial, v result) bool {
	account := v.Server
	if r.audit.Role == wire.Client {
		account = &v.Client
	}
	return account != nil && !v.Leaked && v.Client.Kind != wire.Delivered && account.Reason != "" &&
		slices.Contains([]wire.Kind{wire.Failed, wire.NoReceipt}, account.Kind) && slices.Contains(t.Reasons, account.Reason)
}

// why is the reason that our own peers give. How another's refused says nothing
// of why.
func (r *auditor) why(v result) string {
	if r.visitor != nil {
		return ""
	}
	return ", for " + string(v.Reason)
}

func (r *auditor) forTheRightReason(t trial, v result) bool {
	return r.visitor != nil || len(t.Reasons) == 0 || slices.Contains(t.Reasons, v.Reason) || r.endedAsAllowed(t, v)
}

// anyPort is an address of the same host whose port the system chooses.
func anyPort(address string) string {
	host, _, _ := net.SplitHostPort(address) // the runtime's own
	return net.JoinHostPort(host, "0")
}
