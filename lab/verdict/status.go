package verdict

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// status says what a verdict means for a case, and of what did not pass why.
func (t Trial) status(v Verdict) (finding.Status, string) {
	expect := t.Rule.Expect
	refused := v.Decision == WasRefused && v.By == t.Audited && !v.Leaked || t.endedAsAllowed(v)
	switch {
	case t.Case.Refuses:
		return t.honest(v)
	case t.Case.AfterTrust && t.stoodFirm(v):
		return finding.Passed, ""
	case (v.Leaked || v.Client.Kind == wire.Delivered && t.believable()) && expect == cases.MustRefuse:
		return finding.Failed, t.Case.Meaning
	case t.spoke() && expect == cases.MustRefuse:
		return finding.Failed, fmt.Sprintf("whatever the %s did afterwards, it had spoken to the %s before: %s",
			t.Audited, t.Audited.Other(), t.Case.Meaning)
	case v.Decision == WasDelivered && expect != cases.MustRefuse && t.Wrong != "":
		return finding.Failed, t.Wrong + ": " + t.Case.Meaning
	case v.Decision == WasDelivered && expect != cases.MustRefuse:
		return finding.Passed, ""
	case !t.Tells && v.Leaked && expect == cases.MayEither:
		return finding.Passed, "" // it took the message, though it could not or would not say so
	case refused && expect == cases.MustAccept:
		return finding.Failed, fmt.Sprintf("the %s turned away a peer that it must let in%s", t.Audited, t.reasonOf(v))
	case refused && expect == cases.MustRefuse && !t.forTheRightReason(v):
		return finding.Failed, fmt.Sprintf("it was refused, but for %s, where only %s shows that the fault was seen",
			v.Reason, anyOf(t.Case.Reasons))
	case refused:
		return finding.Passed, ""
	case v.Decision == WasRefused:
		return finding.Inconclusive, fmt.Sprintf(
			"the %s was the one to refuse, so the %s was not put to the test",
			v.By,
			t.Audited,
		)
	default:
		return finding.Inconclusive, v.Why
	}
}

// honest says of a client that was refused, in so many words, whether it calls its message
// delivered all the same.
func (t Trial) honest(v Verdict) (finding.Status, string) {
	refused := func(c attack.Connection) bool { return c.AlertSent != nil }
	switch {
	case v.Client.Kind == wire.Delivered:
		return finding.Failed, t.Case.Meaning
	case v.Client.Reason == wire.Timeout || !slices.ContainsFunc(t.Evidence.Connections, refused):
		return finding.Inconclusive, "the adversary did not come to refuse it, or the client did not end"
	default:
		return finding.Passed, ""
	}
}

// stoodFirm says whether a client did not call delivered what a server answered wrongly
// that it had every reason to trust. Our own says why, and of another all that is known
// is that it was answered.
func (t Trial) stoodFirm(v Verdict) bool {
	switch {
	case v.Client.Kind == wire.Delivered || v.Client.Reason == wire.Timeout:
		return false
	case t.Tells:
		return slices.Contains(t.Case.Reasons, v.Client.Reason)
	default:
		return t.answered()
	}
}

// believable says whether a message can have been delivered that its client calls
// delivered. There are clients that call everything a success.
func (t Trial) believable() bool { return t.Tells || t.Audited == wire.Server || t.answered() }

// answered says whether the audited client was said something, over TLS or without it,
// by an adversary that it had taken for its server.
func (t Trial) answered() bool {
	return t.Audited == wire.Client && slices.ContainsFunc(t.Evidence.Connections, func(c attack.Connection) bool {
		return c.Sent && (c.HeardBytes > 0 || c.Plain)
	})
}

// spoke says whether the audited peer had something to say, over TLS, to an adversary
// that had not earned it. Neither side has anything to say before it has verified the
// other; but many a protocol begins with a greeting of the server's.
func (t Trial) spoke() bool {
	overTLS := func(c attack.Connection) bool { return c.Handshake && c.HeardBytes > 0 }
	if t.Audited == wire.Server {
		return t.Tells && !t.CutShort && overTLS(t.Evidence.Last())
	}
	return !t.Case.AfterTrust && slices.ContainsFunc(t.Evidence.Connections, overTLS)
}

// endedAsAllowed tells of a case which lists an ending that is no refusal, such
// as a message cut short, among the reasons it may end for.
func (t Trial) endedAsAllowed(v Verdict) bool {
	account := v.Server
	if t.Audited == wire.Client {
		account = &v.Client
	}
	return account != nil && !v.Leaked && v.Client.Kind != wire.Delivered && account.Reason != "" &&
		slices.Contains(
			[]wire.Kind{wire.Failed, wire.NoReceipt},
			account.Kind,
		) && slices.Contains(t.Case.Reasons, account.Reason)
}

// reasonOf is the reason that our own peers give. How another's refused says nothing
// of why.
func (t Trial) reasonOf(v Verdict) string {
	if !t.Tells {
		return ""
	}
	return ", for " + string(v.Reason)
}

func (t Trial) forTheRightReason(v Verdict) bool {
	return !t.Tells || len(t.Case.Reasons) == 0 || slices.Contains(t.Case.Reasons, v.Reason) || t.endedAsAllowed(v)
}

// anyOf joins reasons for a person.
func anyOf(reasons []wire.Reason) string {
	texts := make([]string, len(reasons))
	for i, reason := range reasons {
		texts[i] = string(reason)
	}
	return strings.Join(texts, " or ")
}
