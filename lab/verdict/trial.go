package verdict

import (
	"time"

	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Trial is what there is to judge one case by: an exchange of the audited peer with
// the adversary.
type Trial struct {
	Case    cases.Case
	Rule    cases.Rule
	Audited wire.Role
	Tells   bool // the audited peer gives an account of its own, with its reasons

	// OwnWords says that the audited client says what it says anyway, and not the message:
	// whatever it says is delivered by it.
	OwnWords bool
	// Anonymous says that it shows no certificate that is known here.
	Anonymous bool

	// Mute says that the audited server answers nothing: what is in its log is delivered.
	Mute bool

	Sent  wire.Digest // the message, with its nonce
	Nonce string

	// Account is the audited peer's: its own, or what is known of how it ended and what
	// it logged. Nil if there is none of this exchange.
	Account *wire.Outcome

	// Evidence is what the adversary saw. Without a connection the audited server did not
	// come to serve.
	Evidence attack.Evidence

	// What the answer of an audited server comes to, in its own protocol.
	attack.Reading

	CutShort bool          // the adversary ended in the middle of its message
	Patience time.Duration // how long the adversary waited for the other side
	GoodKey  string        // of the good client's certificate, as [wire.Identity] has it

	// What is wrong with the peer though the exchange came to what it must; empty if nothing is.
	Wrong string
	// Why the trial shows nothing, whatever was seen; empty if it does.
	Void string
	// Why there was no trial after all; empty if there was.
	Untried string
}

// Result is a verdict, held against what the case's rule says.
type Result struct {
	Verdict
	Status finding.Status
	Means  string // of what did not pass, in plain words
}

// Judge decides what the trial came to, and what that means for the case.
func (t Trial) Judge() Result {
	r := Result{Verdict: Verdict{Sent: t.Sent, Nonce: t.Nonce}}
	switch {
	case t.Untried != "":
		r.Status, r.Means = finding.Untried, t.Untried
		return r
	case t.Audited == wire.Server:
		t.judgeServer(&r.Verdict)
	default:
		t.judgeClient(&r.Verdict)
	}
	if t.Void != "" {
		r.inconclusive(t.Void)
		r.Status, r.Means = finding.Inconclusive, t.Void
		return r
	}
	r.Status, r.Means = t.status(r.Verdict)
	return r
}

// altered says whether the audited peer was itself started with other material than
// its own.
func (t Trial) altered() bool { return t.Case.Material != nil }

// startedAlone says whether the server was started for this trial alone: whoever
// answered in its place, once it has ended, is another.
func (t Trial) startedAlone() bool {
	return t.altered() || t.Case.Meanwhile != cases.Nothing || t.Case.Reload != cases.NoReload
}

// byExit decides about a peer that ended, by how it did: a program that cannot work
// with what it was given says so by its exit code.
func (t Trial) byExit(v *Verdict) {
	v.Leaked = v.Leaked || t.Audited == wire.Server && arrived(t.Account, t.Sent)
	switch {
	case v.Leaked:
		v.inconclusive("the message reached it before it ended")
	case t.Account.Kind == wire.Stopped:
		v.inconclusive("the peer ended, and called it a success")
	case t.Account.Reason == wire.Crashed:
		v.inconclusive("the peer crashed: " + t.Account.Detail)
	case !t.altered():
		v.inconclusive("the " + string(t.Audited) + " ended")
	default:
		account := *t.Account
		account.Reason = wire.BadMaterial
		if t.Audited == wire.Server {
			v.Server, v.Client = &account, wire.Outcome{Role: wire.Client, Kind: wire.Unreachable}
		} else {
			v.Client = account
		}
		v.refused(t.Audited, wire.BadMaterial)
	}
}

// ended says whether an account is that of a peer that has exited.
func ended(o *wire.Outcome) bool {
	return o != nil && (o.Reason == wire.Ended || o.Reason == wire.Crashed || o.Kind == wire.Stopped)
}
