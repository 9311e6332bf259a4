package audit

import (
	"context"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/verdict"
)

// TestExpiredTooSoon has a trial made again whose certificate may have expired before it was
// shown: with one that lives longer, and once. What is void for another reason stays so.
func TestExpiredTooSoon(t *testing.T) {
	t.Parallel()
	pair, err := pki.NewPair(pki.Config{})
	if err != nil {
		t.Fatal(err)
	}
	brief := trial{Case: cases.Case{ID: "stays", Meanwhile: cases.StaysAsItIs}}
	for name, test := range map[string]struct {
		trial trial
		needs time.Duration // the life with which it is served; never if zero
		tries int
		void  bool
	}{
		"served with a brief one":   {brief, time.Millisecond, 1, false},
		"served with a longer one":  {brief, cases.BriefLife + 1, 2, false},
		"never served":              {brief, 0, 2, true},
		"void, and nothing expires": {trial{Case: cases.Case{ID: "other"}}, 0, 1, true},
	} {
		r := &round{Auditor: &Auditor{Pair: pair, Timeout: time.Minute}, patience: newPatience(time.Second)}
		r.patience.slowest = time.Millisecond
		tries := 0
		made, err := r.patiently(t.Context(), test.trial, func(_ context.Context, v *verdict.Trial) error {
			tries++
			if test.needs == 0 || r.patience.life() < test.needs {
				v.Void = "not served"
			}
			return nil
		})
		if err != nil || tries != test.tries || (made.Void != "") != test.void {
			t.Errorf("%s: %d tries, void %q, %v", name, tries, made.Void, err)
		}
	}
}
