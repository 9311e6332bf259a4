package finding

import (
	"slices"

	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Shown is what an audit has shown of a product, by case: what is left of it when only that is
// asked.
type Shown struct {
	Peer    string    `json:"peer"`
	Role    wire.Role `json:"role"`
	Version string    `json:"version,omitempty"`
	Setting []string  `json:"setting,omitempty"` // the lines that turn mutual authentication on
	Holds   []string  `json:"holds"`             // cases that came out as demanded
	Fails   []string  `json:"fails,omitempty"`   // cases that did not

	Remedies []Remedy `json:"remedies,omitempty"` // that were seen to work
}

// Shown is what a scorecard has shown of other people's software. Of a case in two versions
// the worse counts.
func (s Scorecard) Shown() []Shown {
	var all []Shown
	for _, a := range s.Audits {
		if a.Product == nil {
			continue
		}
		one := Shown{
			Peer: a.Product.Name, Role: a.Role, Version: a.Product.Version, Setting: a.Product.Authentication,
			Holds: []string{},
		}
		for _, r := range a.Remedies {
			if r.Works() {
				one.Remedies = append(one.Remedies, r)
			}
		}
		for _, findings := range ByCase(a.Findings) {
			has := func(status Status) bool {
				return slices.ContainsFunc(findings, func(f Finding) bool { return f.Status == status })
			}
			switch {
			case findings[0].Expect == cases.MayEither:
			case has(Failed) || has(Waived):
				one.Fails = append(one.Fails, findings[0].Case)
			case has(Passed):
				one.Holds = append(one.Holds, findings[0].Case)
			}
		}
		all = append(all, one)
	}
	return all
}
