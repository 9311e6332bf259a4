package verdict_test

import (
	"testing"

	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/verdict"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// FuzzJudge holds what must never be, whatever a peer says and an adversary saw.
func FuzzJudge(f *testing.F) {
	f.Add(uint(0), uint(0), uint(0), uint(0), uint(0), message)
	f.Add(uint(1), uint(2), uint(3), uint(4), uint(5), receipt())
	f.Add(uint(7), uint(7), uint(0xff), uint(3), uint(1), "")
	f.Fuzz(func(t *testing.T, kind, reason, flags, ending, expect uint, words string) {
		trial := trialOf(kind, reason, flags, ending, expect, words)
		got := trial.Judge()
		never(t, trial, got)
		for _, tells := range [][2]bool{{true, true}, {true, false}, {false, true}, {false, false}} {
			x := verdict.Exchange{Sent: sent, Nonce: nonce, ClientTells: tells[0], ServerTells: tells[1]}
			if trial.Account != nil && trial.Account.Role == wire.Client {
				x.Client = *trial.Account
			} else {
				x.Server = trial.Account
			}
			v := x.Judge()
			if v.Decision == verdict.WasRefused && !v.Reason.Refuses() {
				t.Errorf("%+v: %s", x, v)
			}
			if v.Decision == verdict.WasDelivered && tells[1] && !v.Leaked {
				t.Errorf("%+v: delivered, and the server has not received it", x)
			}
		}
	})
}

// never is what no trial may come to.
func never(t *testing.T, trial verdict.Trial, got verdict.Result) {
	t.Helper()
	timedOut := trial.Account != nil && trial.Account.Reason == wire.Timeout && trial.Account.Kind != wire.Refused
	passed := got.Status == finding.Passed
	arrived := trial.Audited == wire.Client && trial.Evidence.Heard(nonce) ||
		trial.Account != nil && trial.Account.Message != nil && trial.Account.Message.SHA256 == sent.SHA256
	switch refused := got.Decision == verdict.WasRefused; {
	case refused && (got.Reason == wire.Timeout || got.Reason == wire.Disconnected || got.Reason == wire.Crashed):
		t.Errorf("%+v: refused, for %s", trial, got.Reason)
	case refused && got.By == trial.Audited && timedOut && (trial.Tells || trial.Audited == wire.Client):
		t.Errorf("%+v: a timeout passes for a refusal", trial)
	case refused && !trial.Tells && trial.Audited == wire.Server && trial.Evidence.Last().End == attack.EndTimeout &&
		trial.Evidence.Last().Alert == nil && !trial.Refused && trial.Case.Material == nil &&
		trial.Case.Meanwhile == cases.Nothing:
		t.Errorf("%+v: silence passes for a refusal", trial)
	case passed && arrived && trial.Rule.Expect == cases.MustRefuse && !trial.Case.AfterTrust:
		t.Errorf("%+v: the message leaked, and the case passes", trial)
	case got.Decision == verdict.WasDelivered && !arrived && !trial.Delivered:
		t.Errorf("%+v: delivered, and nobody has the nonce", trial)
	case passed && trial.Void != "":
		t.Errorf("%+v: it is void, and passes", trial)
	case got.Status == finding.Failed && got.Means == "":
		t.Errorf("%+v: it fails, and nothing says why", trial)
	}
}

// trialOf makes a trial of numbers: any combination of what there is.
func trialOf(kind, reason, flags, ending, expect uint, words string) verdict.Trial {
	kinds := []wire.Kind{
		wire.Received, wire.Delivered, wire.Refused, wire.RefusedByPeer, wire.Unreachable, wire.NoReceipt, wire.Failed,
		wire.Stopped,
	}
	reasons := []wire.Reason{
		"", wire.Expired, wire.WrongName, wire.Timeout, wire.Disconnected, wire.Crashed, wire.Ended, wire.BadReceipt,
	}
	endings := []attack.Ending{
		attack.EndCloseNotify, attack.EndEOF, attack.EndReset, attack.EndAlert, attack.EndTimeout, attack.EndNotTLS,
		attack.EndUnreachable, attack.EndHungUp, attack.EndGaveUp, attack.EndDone,
	}
	rules := []cases.Rule{refuse, accept, either}
	bit := func(n uint) bool { return flags>>n&1 == 1 }
	role := wire.Server
	if bit(0) {
		role = wire.Client
	}
	account := says(role, kinds[kind%uint(len(kinds))], reasons[reason%uint(len(reasons))])
	if account.Kind == wire.Received && role == wire.Server {
		account.Message, account.Peer = &sent, good
	}
	c := attack.Connection{
		End: endings[ending%uint(len(endings))], Handshake: bit(1), Sent: bit(2), Heard: words, HeardBytes: len(words),
		Peer: good,
	}
	if c.End == attack.EndAlert {
		c.Alert = wire.NewAlert(byte(kind & 0xff))
	}
	trial := told(role, rules[expect%uint(len(rules))], account, c)
	trial.Tells, trial.CutShort = bit(3), bit(4)
	trial.Case.AfterTrust = bit(5)
	if bit(6) {
		trial.Case.Meanwhile = cases.ForgetsTrust
	}
	if bit(7) {
		trial.Case.Material = func(m wire.Material) wire.Material { return m }
	}
	trial.Delivered, trial.Refused = bit(8) && role == wire.Server, bit(9)
	if bit(10) {
		trial.Account = nil
	}
	if bit(11) {
		trial.Evidence.Connections = nil
	}
	if bit(12) {
		trial.Void = "void"
	}
	return trial
}
