package verdict_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/verdict"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// What the trials of these tests are about.
const (
	nonce    = "8c359cc509de"
	message  = "Hello, server! (" + nonce + ")"
	patience = 10 * time.Second
)

var (
	sent   = wire.DigestOf(message)
	good   = &wire.Identity{URIs: []string{"spiffe://lab/client"}, Key: "good"}
	refuse = cases.Rule{Expect: cases.MustRefuse}
	accept = cases.Rule{Expect: cases.MustAccept}
	either = cases.Rule{Expect: cases.MayEither}
)

// told is a trial of our own peer, which gives an account of itself.
func told(audited wire.Role, rule cases.Rule, account *wire.Outcome, c attack.Connection) verdict.Trial {
	return verdict.Trial{
		Case: cases.Case{Meaning: "let in", Reasons: []wire.Reason{wire.Expired}}, Rule: rule,
		Audited: audited, Tells: true, Sent: sent, Nonce: nonce, Account: account, Patience: patience, GoodKey: good.Key,
		Evidence: attack.Evidence{Connections: []attack.Connection{c}},
	}
}

// seen is a trial of somebody else's peer, of which only what it does is known.
func seen(audited wire.Role, rule cases.Rule, account *wire.Outcome, c attack.Connection) verdict.Trial {
	t := told(audited, rule, account, c)
	t.Tells = false
	return t
}

// with changes a trial.
func with(t verdict.Trial, change func(*verdict.Trial)) verdict.Trial {
	change(&t)
	return t
}

func says(role wire.Role, kind wire.Kind, reason wire.Reason) *wire.Outcome {
	return &wire.Outcome{Role: role, Kind: kind, Reason: reason}
}

func end(e attack.Ending) attack.Connection { return attack.Connection{End: e, Handshake: true} }

func alert() attack.Connection {
	return attack.Connection{End: attack.EndAlert, Alert: wire.NewAlert(42), Handshake: true}
}

// heard is a connection of an audited client, on which it said something.
func heard(words string) attack.Connection {
	return attack.Connection{
		End: attack.EndCloseNotify, Handshake: true, Heard: words + "\n", HeardBytes: len(words) + 1, Sent: true, Peer: good,
	}
}

// answered is a connection to an audited server that answered so.
func answered(words string) attack.Connection {
	return attack.Connection{End: attack.EndDone, Handshake: true, Sent: true, Heard: words, HeardBytes: len(words)}
}

// receipt is the answer of our own server.
func receipt() string {
	line, err := json.Marshal(wire.Receipt{SHA256: sent.SHA256, Client: *good})
	if err != nil {
		panic(err) // of texts alone
	}
	return string(line)
}

var receivedIt = &wire.Outcome{Role: wire.Server, Kind: wire.Received, Message: &sent, Peer: good}

// TestRules holds every rule of judgement, in both directions where it has two: those of
// docs/decisions/0003 and 0011.
func TestRules(t *testing.T) {
	t.Parallel()
	const (
		delivered    = verdict.WasDelivered
		refused      = verdict.WasRefused
		inconclusive = verdict.Inconclusive
		S, C         = wire.Server, wire.Client
	)
	deliveredIt := func(t *verdict.Trial) { t.Delivered = true }
	altered := func(t *verdict.Trial) { t.Case.Material = func(m wire.Material) wire.Material { return m } }
	afterTrust := func(t *verdict.Trial) {
		t.Case.AfterTrust, t.Case.Reasons = true, []wire.Reason{wire.BadReceipt}
	}
	none := attack.Connection{}
	for _, test := range []struct {
		rule     string
		trial    verdict.Trial
		decision verdict.Decision
		status   finding.Status
	}{
		// 1. By delivery, not by handshake.
		{
			"a handshake that completes delivers nothing",
			told(S, accept, nil, end(attack.EndEOF)), inconclusive, finding.Inconclusive,
		},
		{
			"delivered is that the nonce arrived and its receipt came back",
			with(told(S, accept, receivedIt, answered(receipt())), deliveredIt), delivered, finding.Passed,
		},
		{
			"arrived without a receipt is not delivered, and fails all the same",
			told(S, refuse, receivedIt, end(attack.EndEOF)), inconclusive, finding.Failed,
		},
		{
			"a receipt of a server that received nothing is not delivered, and fails all the same",
			with(told(S, refuse, nil, answered(receipt())), deliveredIt), inconclusive, finding.Failed,
		},
		{
			"an impostor that is sent the nonce has won",
			told(C, refuse, says(C, wire.NoReceipt, wire.BadReceipt), heard(message)), inconclusive, finding.Failed,
		},
		{
			"it has won too where the client says that it refused",
			told(C, refuse, says(C, wire.Refused, wire.Expired), heard(message)), inconclusive, finding.Failed,
		},
		{
			"an impostor that is said anything over TLS has won",
			told(C, refuse, says(C, wire.Refused, wire.Expired), heard("HELO")), refused, finding.Failed,
		},
		{
			"another's client is judged by what the adversary heard",
			seen(C, accept, says(C, wire.Delivered, ""), heard(message)), delivered, finding.Passed,
		},
		{
			"another's client that calls delivered what never arrived shows nothing",
			seen(C, accept, says(C, wire.Delivered, ""), alert()), inconclusive, finding.Inconclusive,
		},
		{
			"another's client whose message arrives without its certificate is not let in by that",
			with(seen(C, accept, says(C, wire.Delivered, ""), heard(message)),
				func(t *verdict.Trial) { t.Evidence.Connections[0].Peer = nil }), inconclusive, finding.Inconclusive,
		},
		{
			"another's server that logs the message and does not answer has let it in",
			seen(S, refuse, receivedIt, end(attack.EndTimeout)), inconclusive, finding.Failed,
		},
		{
			"another's server that answers has let it in",
			with(seen(S, refuse, nil, answered("OK")), deliveredIt), delivered, finding.Failed,
		},

		// 2. A refusal needs evidence.
		{
			"its own reason is evidence",
			told(S, refuse, says(S, wire.Refused, wire.Expired), end(attack.EndEOF)), refused, finding.Passed,
		},
		{
			"an alert is evidence of another's",
			seen(S, refuse, nil, alert()), refused, finding.Passed,
		},
		{
			"an alert is no evidence of our own, which would say why",
			told(S, refuse, nil, alert()), inconclusive, finding.Inconclusive,
		},
		{
			"an answer in its own protocol is evidence of another's",
			with(seen(S, refuse, nil, answered("403")), func(t *verdict.Trial) { t.Refused = true }), refused, finding.Passed,
		},
		{
			"an answer that nobody knows shows nothing",
			seen(S, refuse, nil, answered("what?")), inconclusive, finding.Inconclusive,
		},
		{
			"a timeout is no refusal by our own server",
			told(S, refuse, says(S, wire.Failed, wire.Timeout), end(attack.EndTimeout)), inconclusive, finding.Inconclusive,
		},
		{
			"a timeout is no refusal by our own client",
			told(C, refuse, says(C, wire.NoReceipt, wire.Timeout), end(attack.EndTimeout)), inconclusive, finding.Inconclusive,
		},
		{
			"a timeout is no refusal by another's server",
			seen(S, refuse, nil, end(attack.EndTimeout)), inconclusive, finding.Inconclusive,
		},
		{
			"a timeout is no refusal by another's client",
			seen(C, refuse, says(C, wire.Failed, wire.Timeout), alert()), inconclusive, finding.Inconclusive,
		},
		{
			"a client that waits as long as the adversary does has not refused",
			seen(C, refuse, says(C, wire.Failed, wire.Ended), end(attack.EndTimeout)), inconclusive, finding.Inconclusive,
		},
		{
			"a server that closes late may have lost its patience",
			with(seen(S, refuse, nil, end(attack.EndEOF)),
				func(t *verdict.Trial) { t.Evidence.Connections[0].Took = patience }), inconclusive, finding.Inconclusive,
		},
		{
			"a server that closes at once, between good exchanges, has refused",
			seen(S, refuse, nil, end(attack.EndReset)), refused, finding.Passed,
		},
		{
			"a reset is no refusal by our own server",
			told(S, refuse, says(S, wire.Failed, wire.Disconnected), end(attack.EndReset)), inconclusive, finding.Inconclusive,
		},
		{
			"a server that ended has not refused",
			seen(S, refuse, says(S, wire.Failed, wire.Ended), end(attack.EndEOF)), inconclusive, finding.Inconclusive,
		},
		{
			"a client that crashes has not refused",
			seen(C, refuse, says(C, wire.Failed, wire.Crashed), alert()), inconclusive, finding.Inconclusive,
		},
		{
			"a client that makes no connection has not refused",
			with(seen(C, refuse, says(C, wire.Failed, wire.Ended), none),
				func(t *verdict.Trial) { t.Evidence.Connections = nil }), inconclusive, finding.Inconclusive,
		},
		{
			"a client that ends by its own exit code, having said nothing, has refused",
			seen(C, refuse, says(C, wire.Failed, wire.Ended), end(attack.EndEOF)), refused, finding.Passed,
		},
		{
			"connections that nobody looked at may hold anything",
			with(seen(C, refuse, says(C, wire.Failed, wire.Ended), end(attack.EndEOF)),
				func(t *verdict.Trial) { t.Evidence.Dropped = 1 }), inconclusive, finding.Inconclusive,
		},
		{
			"the adversary's own limits are no refusal",
			seen(S, refuse, nil, end(attack.EndGaveUp)), inconclusive, finding.Inconclusive,
		},
		{
			"what is void shows nothing, whatever was seen",
			with(seen(S, refuse, nil, alert()), func(t *verdict.Trial) { t.Void = "it serves nobody" }),
			inconclusive, finding.Inconclusive,
		},
		{
			"what is void does not fail either",
			with(told(S, refuse, receivedIt, answered(receipt())), func(t *verdict.Trial) { t.Void = "it is another" }),
			inconclusive, finding.Inconclusive,
		},
		{
			"what was not tried counts neither way",
			with(seen(S, refuse, nil, alert()), func(t *verdict.Trial) { t.Untried = "it takes no lists" }),
			"", finding.Untried,
		},

		// 3. and 5. The right side, for the right reason.
		{
			"refused for another reason fails",
			told(S, refuse, says(S, wire.Refused, wire.WrongName), alert()), refused, finding.Failed,
		},
		{
			"another's reason is its own affair",
			seen(S, refuse, nil, alert()), refused, finding.Passed,
		},
		{
			"where the other side refused, nothing was tried",
			told(S, refuse, nil, attack.Connection{End: attack.EndGaveUp}), inconclusive, finding.Inconclusive,
		},
		{
			"a good peer turned away fails",
			told(S, accept, says(S, wire.Refused, wire.Expired), alert()), refused, finding.Failed,
		},
		{
			"a rule of either asks for no refusal",
			told(S, either, says(S, wire.Refused, wire.Expired), alert()), refused, finding.Passed,
		},
		{
			"a rule of either asks for no delivery",
			with(told(S, either, receivedIt, answered(receipt())), deliveredIt), delivered, finding.Passed,
		},
		{
			"a rule of either still wants an answer",
			seen(S, either, nil, end(attack.EndTimeout)), inconclusive, finding.Inconclusive,
		},
		{
			"what comes after trust fails where a client calls it delivered",
			with(told(C, refuse, says(C, wire.Delivered, ""), heard(message)), afterTrust), inconclusive, finding.Failed,
		},
		{
			"what comes after trust passes where a client says why it does not",
			with(told(C, refuse, says(C, wire.NoReceipt, wire.BadReceipt), heard(message)), afterTrust),
			inconclusive, finding.Passed,
		},

		// Material of its own that is no good.
		{
			"a peer that ends on material that is no good has refused",
			with(with(told(S, refuse, says(S, wire.Failed, wire.Ended), none), altered),
				func(t *verdict.Trial) { t.Evidence.Connections = nil }), refused, finding.Failed, // not for [wire.Expired]
		},
		{
			"a peer that crashes on it has not",
			with(with(told(S, refuse, says(S, wire.Failed, wire.Crashed), none), altered),
				func(t *verdict.Trial) { t.Evidence.Connections = nil }), inconclusive, finding.Inconclusive,
		},
		{
			"a peer that ends and calls that a success has not",
			with(with(told(S, refuse, says(S, wire.Stopped, ""), none), altered),
				func(t *verdict.Trial) { t.Evidence.Connections = nil }), inconclusive, finding.Inconclusive,
		},
		{
			"a peer that neither listens nor ends has not",
			with(with(told(S, refuse, nil, none), altered),
				func(t *verdict.Trial) { t.Evidence.Connections = nil }), inconclusive, finding.Inconclusive,
		},
	} {
		t.Run(test.rule, func(t *testing.T) {
			t.Parallel()
			got := test.trial.Judge()
			if got.Decision != test.decision || got.Status != test.status {
				t.Errorf("got %q, %s (%s), want %q, %s", got.Decision, got.Status, got.Means, test.decision, test.status)
			}
			if (got.Status == finding.Passed) != (got.Means == "") {
				t.Errorf("%s means %q", got.Status, got.Means)
			}
		})
	}
}
