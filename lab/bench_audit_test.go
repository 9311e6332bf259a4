package lab

import (
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mtlslab/mtlslab/lab/cases"
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
			l, err := Start(b.Context(), Config{Runtime: Containers})
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
			audit(b, l, role, few) // what is started once is not a case's
			var cost, exec time.Duration
			for b.Loop() {
				short, n := audit(b, l, role, few)
				long, m := audit(b, l, role, many)
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

func audit(b *testing.B, l *Lab, role wire.Role, ids []string) (time.Duration, int) {
	b.Helper()
	result, err := l.Audit(b.Context(), Audit{Role: role, Cases: ids})
	if err != nil {
		b.Fatal(err)
	}
	return result.Took, len(result.Findings)
}

// bareExecs has the engine run the client in its held container, as many at once
// as an audit does.
func bareExecs(b *testing.B, l *Lab, n int) time.Duration {
	b.Helper()
	host, ok := l.host.(*containerHost)
	if !ok {
		b.Fatal("no containers")
	}
	client, err := host.hold(b.Context(), program{source: clientSource})
	if err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	group, ctx := errgroup.WithContext(b.Context())
	group.SetLimit(cap(l.runs))
	for range n {
		group.Go(func() error {
			_, _, err := host.execute(ctx, client.id, slices.Concat(client.entrypoint, []string{"-version"}))
			return err
		})
	}
	if err := group.Wait(); err != nil {
		b.Fatal(err)
	}
	return time.Since(began)
}
