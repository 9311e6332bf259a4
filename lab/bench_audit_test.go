package lab_test

import (
	"runtime"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mtlslab/mtlslab/images"
	"github.com/mtlslab/mtlslab/lab"
	"github.com/mtlslab/mtlslab/lab/audit"
	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// BenchmarkAudit measures what one further case costs: the slope between an
// audit of few cases and one of many, in containers. A client's is held against
// a bare exec of the same program, which only prints its version.
//
//	go test -run '^$' -bench Audit -benchtime 3x ./lab
func BenchmarkAudit(b *testing.B) {
	for _, role := range []wire.Role{wire.Server, wire.Client} {
		b.Run(string(role), func(b *testing.B) {
			l, err := lab.Start(b.Context(), lab.Config{Runtime: sandbox.Containers})
			if err != nil {
				b.Skip(err)
			}
			defer func() {
				if err := l.Close(b.Context()); err != nil {
					b.Error(err)
				}
			}()
			ids := certificateCases(role)
			few, many := ids[:10], ids[:min(100, len(ids))]
			auditOf(b, l, role, few) // what is started once is not a case's
			var cost, exec time.Duration
			for b.Loop() {
				short, n := auditOf(b, l, role, few)
				long, m := auditOf(b, l, role, many)
				cost += (long - short) / time.Duration(m-n)
				if role == wire.Client {
					exec += bareExecs(b, l, m) / time.Duration(m)
				}
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(cost.Seconds()*1e3/float64(b.N), "ms/case")
			if role == wire.Client {
				b.ReportMetric(exec.Seconds()*1e3/float64(b.N), "ms/exec")
				b.ReportMetric(cost.Seconds()/exec.Seconds(), "case/exec")
			}
		})
	}
}

// certificateCases are the ids of those that need no start of their own.
func certificateCases(role wire.Role) []string {
	opponent := wire.Client
	if role == wire.Client {
		opponent = wire.Server
	}
	var ids []string
	for _, c := range cases.All() {
		if c.Mutation != nil && len(c.Roles) > 0 && (c.Roles[0] == opponent || len(c.Roles) > 1) {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

func auditOf(b *testing.B, l *lab.Lab, role wire.Role, ids []string) (time.Duration, int) {
	b.Helper()
	result, err := l.Audit(b.Context(), audit.Audit{Role: role, Cases: ids})
	if err != nil {
		b.Fatal(err)
	}
	return result.Took, len(result.Findings)
}

// bareExecs has the engine run the client in a container that is kept open, as many at
// once as an audit does.
func bareExecs(b *testing.B, l *lab.Lab, n int) time.Duration {
	b.Helper()
	in, err := sandbox.IsolatedOf(l.Sandbox())
	if err != nil {
		b.Fatal(err)
	}
	made, err := images.Ensure(b.Context(), in.Engine(), peer.ClientSource)
	if err != nil {
		b.Fatal(err)
	}
	open, err := in.StartImage(b.Context(), sandbox.ImageProgram{Hostname: "bare-" + sandbox.NewID(), Ref: made[0].Ref})
	if err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	group, ctx := errgroup.WithContext(b.Context())
	group.SetLimit(1 + runtime.GOMAXPROCS(0))
	for range n {
		group.Go(func() error {
			_, _, err := in.Exec(ctx, open, []string{"/client", "-version"})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		b.Fatal(err)
	}
	took := time.Since(began)
	if err := open.Stop(b.Context()); err != nil {
		b.Fatal(err)
	}
	return took
}
