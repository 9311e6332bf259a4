package cases_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/wire"
)

var updateReference = flag.Bool("update-reference", false, "write docs/reference/cases.md")

const reference = "../../docs/reference/cases.md"

// TestReference holds the page of all cases against the cases.
//
//	go test ./lab/cases -run Reference -update-reference
func TestReference(t *testing.T) {
	t.Parallel()
	want := page(cases.All())
	if *updateReference {
		if err := os.WriteFile(reference, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(got), want); diff != "" {
		t.Errorf("%s (-) against the cases (+); -update-reference writes it:\n%s", reference, diff)
	}
}

func page(all []cases.Case) string {
	var b strings.Builder
	b.WriteString(`# Cases

Every case is one mutation of a good exchange. ` +
		`An audit tries each in the versions of TLS that it makes sense in, between
controls that must be delivered. This page is made from the cases themselves.

Side is the peer that is put to the test. The attacker is who can carry the case out, by what they must hold, which is
[explained](../explanation/attackers.md); where nobody attacks, a case is good or honest. A profile says what must come
of it: refused, accepted, or either, where the standard leaves it open.
`)
	group := ""
	for _, c := range all {
		if name, _, _ := strings.Cut(c.ID, "/"); name != group {
			group = name
			fmt.Fprintf(&b, "\n## %s\n", group)
		}
		versions := strings.Join(c.In(wire.Versions()), " and ")
		if c.AnyVersion {
			versions = "1.2 or 1.3"
		}
		fmt.Fprintf(&b, "\n### `%s`\n\nThe adversary: %s.\n\n", c.ID, strings.TrimSuffix(c.Summary, "."))
		fmt.Fprintf(&b, "- Side: %s. TLS %s. Attacker: %s.\n", sides(c), versions, c.Attacker)
		for _, profile := range []cases.Profile{cases.RFC5280, cases.SPIFFE, cases.Strict} {
			rule := c.Rules[profile]
			fmt.Fprintf(&b, "- `%s`: %s (%s)\n", profile, rule.Expect, rule.Cite)
		}
		if len(c.Reasons) > 0 {
			fmt.Fprintf(&b, "- Our own peers say: %s.\n", reasons(c))
		}
		fmt.Fprintf(&b, "- What it means if it fails: %s\n", c.Meaning)
	}
	return b.String()
}

func sides(c cases.Case) string {
	var names []string
	for _, role := range c.Roles {
		names = append(names, map[wire.Role]string{wire.Client: "server", wire.Server: "client"}[role])
	}
	return strings.Join(names, " and ")
}

func reasons(c cases.Case) string {
	var words []string
	for _, reason := range c.Reasons {
		words = append(words, "`"+string(reason)+"`")
	}
	return strings.Join(words, ", ")
}
