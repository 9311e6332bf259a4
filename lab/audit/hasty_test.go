package audit

import (
	"slices"
	"testing"

	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/verdict"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// TestHasty tries again what a client has refused that was seen to speak first, and nothing of one
// that was not.
func TestHasty(t *testing.T) {
	t.Parallel()
	const nonce = "0123456789ab"
	came := func(rule cases.Expectation, kind wire.Kind, heard string) tried {
		return tried{Trial: verdict.Trial{
			Audited: wire.Client, Nonce: nonce, Rule: cases.Rule{Expect: rule},
			Account: &wire.Outcome{Role: wire.Client, Kind: kind},
			Evidence: attack.Evidence{Role: wire.Server, Connections: []attack.Connection{
				{Handshake: true, End: attack.EndEOF, Heard: heard, HeardBytes: len(heard)},
			}},
		}}
	}
	spoke := came(cases.MustRefuse, wire.Failed, nonce)
	refused, good := came(cases.MustRefuse, wire.Failed, ""), came(cases.MustAccept, wire.Delivered, nonce)
	let := came(cases.MustRefuse, wire.Delivered, nonce)
	open := came(cases.MayEither, wire.Failed, "")
	for name, test := range map[string]struct {
		made []tried
		want []int // that are tried again
	}{
		"one spoke":         {[]tried{refused, spoke, good, refused, open}, []int{0, 3}},
		"none did":          {[]tried{refused, good, refused, open}, nil},
		"it let one in":     {[]tried{refused, let, good}, nil},
		"nothing is left":   {[]tried{spoke, good}, nil},
		"a good one is no":  {[]tried{good, open}, nil},
		"a good one failed": {[]tried{came(cases.MustAccept, wire.Failed, nonce), refused}, nil},
		"it broke off":      {[]tried{came(cases.MayEither, wire.Failed, nonce), refused}, nil},
	} {
		plan := make([]trial, len(test.made))
		for i, m := range test.made {
			plan[i].rule = m.Rule
		}
		var asked []int
		err := untilHasty(plan, test.made, func(again []int, enough func(tried, int) bool) error {
			asked = again
			for _, i := range again {
				if enough(refused, i) || !enough(spoke, i) || !hasty(test.made[i]) {
					t.Errorf("%s: trial %d is not what it came to at last", name, i)
				}
			}
			return nil
		})
		if err != nil || !slices.Equal(asked, test.want) {
			t.Errorf("%s: tries %v again, want %v: %v", name, asked, test.want, err)
		}
	}
}
