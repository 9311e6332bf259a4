package lab

import (
	"context"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// TestAccountOfAnEarlierConnection shows that an account is not taken for that of
// a later connection from the same port, which the kernel may give again.
func TestAccountOfAnEarlierConnection(t *testing.T) {
	t.Parallel()
	const port = "198.18.0.3:40000"
	began := time.Now()
	account := newJournal[wire.Outcome]()
	account.entries = []wire.Outcome{
		{Kind: wire.Refused, Reason: wire.Expired, Remote: port, Time: began.Add(-time.Second)},
		{Kind: wire.Refused, Reason: wire.WrongUsage, Remote: port, Time: began.Add(time.Millisecond)},
	}
	s := &server{peer: &peer{process: &process{stderr: new(tail)}, account: account}}
	v := Verdict{Client: wire.Outcome{Kind: wire.NoReceipt, Local: port}}
	if got := s.accountOf(context.Background(), v, began); got == nil || got.Reason != wire.WrongUsage {
		t.Errorf("got %v, want the account of this connection", got)
	}

	account.entries, account.ended = account.entries[:1], errSilent
	if got := s.accountOf(context.Background(), v, began); got != nil {
		t.Errorf("got %s, which is of an earlier connection", got.Reason)
	}
}
