package audit

import (
	"context"

	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/verdict"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// hastyTries is how often a case is tried of a client that has spoken before it refuses, now and
// then: one that does so every other time, or every third, is hardly ever missed.
const hastyTries = 12

// hasty says whether a client said its message to whom it had to refuse, and then called it a
// failure. Whether it has by the time that it refuses is chance, and may be so in each case that it
// refuses. Who breaks off in the middle of a good exchange was right to speak.
func hasty(t tried) bool {
	if t.Rule.Expect != cases.MustRefuse || t.Untried != "" || t.Void != "" || t.OwnWords ||
		t.Account == nil || t.Account.Kind == wire.Delivered {
		return false
	}
	came := t.Judge()
	return came.Leaked && came.Status == finding.Failed
}

// hastily tries what a hasty client has refused until it has spoken, or often enough.
func (r *round) hastily(ctx context.Context, plan []trial, made []tried) error {
	if r.audit.Role != wire.Client || r.traits.Tells {
		return nil
	}
	return untilHasty(plan, made, func(refused []int, again func(tried, int) bool) error {
		return lane{refused, r.room().Size()}.run(ctx, func(i int) error {
			for range hastyTries {
				next, err := r.inTurn(ctx, plan[i], nil)
				if err != nil || again(next, i) {
					return err
				}
			}
			return nil
		})
	})
}

// untilHasty has all that was refused be tried anew, where anything was hasty. again is told what
// came of one, and says whether that is enough.
func untilHasty(plan []trial, made []tried, try func(refused []int, again func(tried, int) bool) error) error {
	var refused []int
	spoke := false
	for i, t := range made {
		spoke = spoke || hasty(t)
		if plan[i].rule.Expect == cases.MustRefuse && t.Untried == "" && t.Judge().Decision == verdict.WasRefused {
			refused = append(refused, i)
		}
	}
	if !spoke {
		return nil
	}
	return try(refused, func(next tried, i int) bool {
		if !hasty(next) {
			return false
		}
		made[i] = next
		return true
	})
}
