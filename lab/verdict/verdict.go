// Package verdict says what an exchange came to: delivered, refused by whom and why, or
// inconclusive. It is given what both sides say and what the adversary saw, and returns
// a verdict.
//
// It exists so that every rule of judgement stands in one place and can be tried
// without a peer. It is pure: no clock, no file, no connection, no goroutine. It does
// not know how a peer was run, only whether that gives an account of its own.
package verdict

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// Decision is what an exchange came to.
type Decision string

// The decisions. Only the first two say anything about authentication.
const (
	WasDelivered Decision = "delivered"    // the message arrived, and its receipt came back
	WasRefused   Decision = "refused"      // one side would not go on, and said why
	Inconclusive Decision = "inconclusive" // a timeout, a crash, a reset: nobody refused anybody
)

// Verdict is the lab's judgement of one exchange, with the accounts that it was
// taken from.
type Verdict struct {
	Decision Decision    `json:"decision"`
	By       wire.Role   `json:"by,omitempty"`     // of refused: the side that verified
	Reason   wire.Reason `json:"reason,omitempty"` // of refused: as that side gives it
	Why      string      `json:"why,omitempty"`    // of inconclusive, for people

	Identity string        `json:"identity,omitempty"` // of delivered: the client that the server verified
	Leaked   bool          `json:"leaked"`             // the server's application has the message
	Nonce    string        `json:"nonce"`              // fresh, and part of the message
	Sent     wire.Digest   `json:"sent"`
	Client   wire.Outcome  `json:"client"`
	Server   *wire.Outcome `json:"server,omitempty"` // nil if it gave no account of this connection
	Ready    time.Duration `json:"ready_ns"`         // until the server listened and the client waited
	Took     time.Duration `json:"took_ns"`          // until both accounts were in

	Listening wire.Outcome `json:"listening"`            // the server's account of its start
	LastLines []string     `json:"last_lines,omitempty"` // of what is not delivered: the end of what the server wrote
}

func (v *Verdict) inconclusive(why string) {
	v.Decision, v.By, v.Reason, v.Why = Inconclusive, "", "", why
}

// refused takes a reason that is none for a refusal for what it is: a peer that calls a
// timeout a refusal has refused nobody.
func (v *Verdict) refused(by wire.Role, reason wire.Reason) {
	if !reason.Refuses() {
		v.inconclusive(fmt.Sprintf("the %s says that it refused, for %q: that is no refusal", by, reason))
		return
	}
	v.Decision, v.By, v.Reason, v.Why = WasRefused, by, reason, ""
}

// Want is what a verdict must be. Make one with [Delivered] or [Refused].
type Want struct {
	decision Decision
	identity string
	by       wire.Role
	reasons  []wire.Reason
}

// Delivered wants the message to arrive from a client verified to have that URI
// or DNS name. Without a name, whom the server verified is not asked: somebody
// else's does not tell.
func Delivered(identity string) Want { return Want{decision: WasDelivered, identity: identity} }

// Refused wants that side to refuse for that reason, or for one of several
// where the standards leave a choice.
func Refused(by wire.Role, reasons ...wire.Reason) Want {
	return Want{decision: WasRefused, by: by, reasons: reasons}
}

// Diff says how a verdict differs from what was wanted, with what each side
// saw, or returns "" if it does not. The right decision by the wrong side or
// for the wrong reason is a difference.
func (v Verdict) Diff(want Want) string {
	if v.meets(want) {
		return ""
	}
	return fmt.Sprintf("got %s, want %s\nclient: %s\nserver: %s", v, want, Account(&v.Client), Account(v.Server))
}

func (v Verdict) meets(want Want) bool {
	if v.Decision != want.decision {
		return false
	}
	if want.decision == WasDelivered {
		return want.identity == "" || v.verified(want.identity)
	}
	return !v.Leaked && v.By == want.by && slices.Contains(want.reasons, v.Reason)
}

// verified says whether the server tells that it verified a client of that name,
// and the client, if it was given a receipt, that it was.
func (v Verdict) verified(name string) bool {
	server := v.Server != nil && v.Server.Peer != nil && v.Server.Peer.Has(name)
	return server && (v.Client.Receipt == nil || v.Client.Receipt.Client.Has(name))
}

// String is the verdict in a few words.
func (v Verdict) String() string {
	switch v.Decision {
	case WasDelivered:
		return strings.TrimSuffix("delivered from "+v.Identity, " from ")
	case WasRefused:
		return fmt.Sprintf("refused by the %s, %s", v.By, v.Reason)
	default:
		return fmt.Sprintf("inconclusive: %s", v.Why)
	}
}

// String is what is wanted in a few words.
func (w Want) String() string {
	if w.decision == WasDelivered {
		return strings.TrimSuffix("delivered from "+w.identity, " from ")
	}
	reasons := make([]string, len(w.reasons))
	for i, reason := range w.reasons {
		reasons[i] = string(reason)
	}
	return fmt.Sprintf("refused by the %s, %s", w.by, strings.Join(reasons, " or "))
}

// Account is one side's account on one line, for people.
func Account(o *wire.Outcome) string {
	if o == nil {
		return "gave no account"
	}
	words := []string{strings.ReplaceAll(string(o.Kind), "_", " ")}
	if o.Reason != "" {
		words = append(words, string(o.Reason))
	}
	if o.Alert != nil {
		words = append(words, fmt.Sprintf("alert %d", o.Alert.Code))
	}
	if o.Peer != nil {
		words = append(words, "verified "+o.Peer.String())
	}
	text := strings.Join(words, ", ")
	if o.Detail != "" {
		text += ": " + wire.Printable(o.Detail)
	}
	return text
}
