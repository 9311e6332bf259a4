package learn_test

import (
	"context"
	"testing"

	"github.com/mtlslab/mtlslab/lab"
	"github.com/mtlslab/mtlslab/lab/audit"
	"github.com/mtlslab/mtlslab/lab/exercises"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/learn"
	"github.com/mtlslab/mtlslab/lab/sandbox"
)

// BenchmarkCheck is how long a learner waits for an answer, of each exercise as it is solved.
func BenchmarkCheck(b *testing.B) {
	for _, e := range exercises.All() {
		b.Run(e.ID, func(b *testing.B) {
			for b.Loop() {
				if err := checkSolved(b.Context(), e); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// checkSolved checks a solved exercise in a lab of its own, as the command does.
func checkSolved(ctx context.Context, e exercises.Exercise) error {
	const learner = "ada-c0ffee"
	files, err := exercises.Apply(e.For(learner).Start, e.For(learner).Solution)
	if err != nil {
		return err
	}
	extra, _, err := learn.Prepare(ctx, e, learner)
	if err != nil {
		return err
	}
	for name, content := range extra {
		files[name] = string(content)
	}
	k := learn.Checker{Audit: func(ctx context.Context, what audit.Audit) (finding.Audit, error) {
		l, err := lab.Start(ctx, lab.Config{Runtime: sandbox.Processes})
		if err != nil {
			return finding.Audit{}, err
		}
		defer l.Close(ctx) //nolint:errcheck // nothing of it stays
		return l.Audit(ctx, what)
	}}
	_, err = k.Check(ctx, e, learner, files)
	return err
}
