package cases_test

import (
	"testing"

	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/pki"
)

// BenchmarkForgeAll forges every certificate case in every role, as an audit of
// both sides does before the peer starts. RSA keys are made in the first round.
func BenchmarkForgeAll(b *testing.B) {
	all := certificateCases()
	authority, err := pki.New(pki.Config{})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		for _, c := range all {
			for _, role := range c.Roles {
				if _, err := authority.Forge(cases.Control(role), c.Mutation(cases.Control(role))); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
}
