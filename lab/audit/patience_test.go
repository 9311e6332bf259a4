package audit

import (
	"context"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/verdict"
	"github.com/mtlslab/mtlslab/lab/wire"
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

// TestKilledTooSoon has a client tried again that was killed before it ended by itself, where it was
// given less than the full time; and once only, where it hangs.
func TestKilledTooSoon(t *testing.T) {
	t.Parallel()
	pair, err := pki.NewPair(pki.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		needs time.Duration // to end; never if zero
		tries []int         // in each of three trials
	}{
		"quick":         {time.Second, []int{1, 1, 1}},
		"slow for once": {8 * time.Second, []int{2, 2, 2}},
		"it never ends": {0, []int{2, 1, 1}},
	} {
		r := &round{Auditor: &Auditor{Pair: pair, Timeout: time.Minute}, patience: newPatience(10 * time.Second)}
		r.patience.slowest = time.Millisecond
		for i, want := range test.tries {
			tries := 0
			_, err := r.patiently(t.Context(), trial{}, func(_ context.Context, v *verdict.Trial) error {
				tries++
				v.Audited, v.Account = wire.Client, &wire.Outcome{Role: wire.Client, Kind: wire.Failed}
				if test.needs == 0 || v.Patience < test.needs {
					v.Account.Reason = wire.Timeout
				}
				return nil
			})
			if err != nil || tries != want {
				t.Errorf("%s: trial %d was made %d times, want %d: %v", name, i, tries, want, err)
			}
		}
	}
}
