package peer

import (
	"io"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab/journal"
	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// TestAccountOfAnEarlierConnection shows that an account is not taken for that of
// a later connection from the same port, which the kernel may give again.
func TestAccountOfAnEarlierConnection(t *testing.T) {
	t.Parallel()
	const port = "198.18.0.3:40000"
	began := time.Now()
	earlier := wire.Outcome{Kind: wire.Refused, Reason: wire.Expired, Remote: port, Time: began.Add(-time.Second)}
	later := wire.Outcome{Kind: wire.Refused, Reason: wire.WrongUsage, Remote: port, Time: began.Add(time.Millisecond)}
	for _, test := range []struct {
		says []wire.Outcome
		want wire.Reason // none if it says nothing of the connection
	}{
		{[]wire.Outcome{earlier, later}, wire.WrongUsage},
		{[]wire.Outcome{earlier}, ""},
	} {
		account := journal.New[wire.Outcome]()
		for _, o := range test.says {
			account.Add(o)
		}
		account.End(io.EOF)
		s := &ownServing{program: &program{Process: &sandbox.Process{Stderr: new(sandbox.Tail)}, account: account}}
		got, err := s.Account(t.Context(), Asked{Local: port, Began: began})
		if err != nil {
			t.Fatal(err)
		}
		if (got == nil) != (test.want == "") || got != nil && got.Reason != test.want {
			t.Errorf("got %v, want %q", got, test.want)
		}
	}
}
