package verdict_test

import (
	"testing"

	"github.com/mtlslab/mtlslab/lab/verdict"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// TestJudge goes through what two peers can say of one exchange.
func TestExchange(t *testing.T) {
	t.Parallel()
	sent, other := wire.DigestOf("sent"), wire.DigestOf("other")
	good := wire.Identity{URIs: []string{"spiffe://lab/client"}, Key: "good"}
	thief := wire.Identity{URIs: []string{"spiffe://lab/client"}, Key: "thief"}
	receipt := func(id wire.Identity, d wire.Digest) *wire.Receipt {
		return &wire.Receipt{SHA256: d.SHA256, Client: id}
	}
	delivered := func(r *wire.Receipt) wire.Outcome { return wire.Outcome{Kind: wire.Delivered, Receipt: r} }
	received := func(d wire.Digest, id *wire.Identity) *wire.Outcome {
		return &wire.Outcome{Kind: wire.Received, Message: &d, Peer: id}
	}
	says := func(kind wire.Kind, reason wire.Reason) wire.Outcome { return wire.Outcome{Kind: kind, Reason: reason} }
	refused := says(wire.Refused, wire.Expired)
	byServer, byClient := verdict.Refused(wire.Server, wire.Expired), verdict.Refused(wire.Client, wire.Expired)

	for name, test := range map[string]struct {
		client wire.Outcome
		server *wire.Outcome
		want   *verdict.Want // nil: inconclusive
	}{
		"both say delivered": {
			delivered(receipt(good, sent)), received(sent, &good),
			new(verdict.Delivered("spiffe://lab/client")),
		},
		"receipt, but the server is silent":      {delivered(receipt(good, sent)), nil, nil},
		"receipt, but another message arrived":   {delivered(receipt(good, sent)), received(other, &good), nil},
		"receipt for another message":            {delivered(receipt(good, other)), received(sent, &good), nil},
		"receipt names another key":              {delivered(receipt(thief, sent)), received(sent, &good), nil},
		"server verified nobody":                 {delivered(receipt(good, sent)), received(sent, nil), nil},
		"no receipt at all":                      {delivered(nil), received(sent, &good), nil},
		"arrived, and the client heard nothing":  {says(wire.NoReceipt, wire.Timeout), received(sent, &good), nil},
		"arrived, and the client says refused":   {refused, received(sent, &good), nil},
		"server refuses, client hears the alert": {says(wire.RefusedByPeer, ""), &refused, &byServer},
		"server refuses, the alert is lost":      {says(wire.NoReceipt, wire.Disconnected), &refused, &byServer},
		"client refuses, server hears the alert": {refused, new(says(wire.RefusedByPeer, "")), &byClient},
		"client refuses, server says nothing":    {refused, nil, &byClient},
		"timeout on both sides": {
			says(wire.NoReceipt, wire.Timeout), new(says(wire.Failed, wire.Timeout)), nil,
		},
		"timeout, and the server is silent": {says(wire.NoReceipt, wire.Timeout), nil, nil},
		"reset": {
			says(wire.NoReceipt, wire.Disconnected), new(says(wire.Failed, wire.Disconnected)), nil,
		},
		"unreachable":                            {says(wire.Unreachable, ""), nil, nil},
		"client crashed":                         {says(wire.Failed, ""), nil, nil},
		"alert from the server, which denies it": {says(wire.RefusedByPeer, ""), nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := verdict.Exchange{
				Sent:        sent,
				Client:      test.client,
				Server:      test.server,
				ClientTells: true,
				ServerTells: true,
			}.Judge()
			if test.want == nil {
				if v.Decision != verdict.Inconclusive {
					t.Errorf("got %s, want inconclusive", v)
				}
				return
			}
			if diff := v.Diff(*test.want); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestWrongSideOrReasonIsADifference holds Diff to the rule that a refusal by
// the wrong side, or for the wrong reason, is a failure.
func TestWrongSideOrReasonIsADifference(t *testing.T) {
	t.Parallel()
	v := verdict.Verdict{Decision: verdict.WasRefused, By: wire.Server, Reason: wire.Expired}
	for name, want := range map[string]verdict.Want{
		"side":      verdict.Refused(wire.Client, wire.Expired),
		"reason":    verdict.Refused(wire.Server, wire.WrongUsage),
		"no reason": verdict.Refused(wire.Server),
		"delivered": verdict.Delivered("spiffe://lab/client"),
	} {
		if v.Diff(want) == "" {
			t.Errorf("%s: %s passed for %s", name, v, want)
		}
	}
	if diff := v.Diff(verdict.Refused(wire.Server, wire.NotYetValid, wire.Expired)); diff != "" {
		t.Error(diff)
	}
}
