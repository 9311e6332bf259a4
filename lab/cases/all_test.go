package cases_test

import (
	"crypto/x509"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// groups by the letter of the catalogue that their cases come from, most often.
var groups = []string{
	"identity", "chain", "validity", "usage", "constraints", "crypto", "revocation",
	"protocol", "resumption", "open", "reload", "framing", "http", "operational",
}

var profiles = []cases.Profile{cases.RFC5280, cases.SPIFFE, cases.Strict}

var caseID = regexp.MustCompile(`^([a-z]+)/[a-z0-9]+([.-][a-z0-9]+)*$`)

func TestCasesAreWellFormed(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, c := range cases.All() {
		if seen[c.ID] {
			t.Errorf("%s: there are two of that id", c.ID)
		}
		seen[c.ID] = true
		parts := caseID.FindStringSubmatch(c.ID)
		if parts == nil || !slices.Contains(groups, parts[1]) {
			t.Errorf("%s: want an id of a known group", c.ID)
		}
		set := 0
		for _, is := range []bool{c.Mutation != nil, c.Attack != nil, c.Material != nil, c.Meanwhile != "", c.Reload != ""} {
			if is {
				set++
			}
		}
		if set == 0 || set > 1 && parts[1] != "resumption" && parts[1] != "http" && parts[1] != "open" {
			t.Errorf("%s: %d of mutation, attack and material are set", c.ID, set)
		}
		if c.Summary == "" || strings.HasSuffix(c.Summary, ".") || strings.Contains(c.Summary, "\n") {
			t.Errorf("%s: summary %q: want a line with no full stop", c.ID, c.Summary)
		}
		if !strings.HasSuffix(c.Meaning, ".") {
			t.Errorf("%s: meaning %q: want sentences", c.ID, c.Meaning)
		}
		checkRoles(t, c)
	}
}

func checkRoles(t *testing.T, c cases.Case) {
	t.Helper()
	known := []wire.Role{wire.Client, wire.Server}
	if len(c.Roles) == 0 || len(slices.Compact(slices.Sorted(slices.Values(c.Roles)))) != len(c.Roles) ||
		slices.ContainsFunc(c.Roles, func(r wire.Role) bool { return !slices.Contains(known, r) }) {
		t.Errorf("%s: roles %q", c.ID, c.Roles)
	}
	for _, version := range c.Versions {
		if _, err := wire.ParseVersion(version); err != nil {
			t.Errorf("%s: %v", c.ID, err)
		}
	}
	if c.Rules[cases.Strict].Expect == cases.MustRefuse && c.Mutation != nil && len(c.Reasons) == 0 {
		t.Errorf("%s: no reason for our own peers to refuse it", c.ID)
	}
}

// citation is a place that can be looked up, and where it is no standard's, what
// was decided and why.
var citation = regexp.MustCompile(`^(` + strings.Join([]string{
	`RFC \d{4}, ([A-Z]|\d+)(\.\d+)*( \([a-z]\)(\(\d\))?)?`,
	`CVE-\d{4}-\d{4,}`,
	`RUSTSEC-\d{4}-\d{4}`,
	`(X509-SVID|SPIFFE-ID), \d+(\.\d+)*`,
	`NIST (SP|FIPS) [0-9A-Z-]+, [A-Z0-9.]+`,
	`policy: \S.{10,120}`,
}, "|") + `)$`)

func TestRules(t *testing.T) {
	t.Parallel()
	for _, c := range cases.All() {
		if got := slices.Sorted(maps.Keys(c.Rules)); !slices.Equal(got, slices.Sorted(slices.Values(profiles))) {
			t.Errorf("%s has rules for %q", c.ID, got)
		}
		for profile, rule := range c.Rules {
			if !citation.MatchString(rule.Cite) {
				t.Errorf("%s, %s: nobody can look up %q", c.ID, profile, rule.Cite)
			}
			if !slices.Contains([]cases.Expectation{cases.MustRefuse, cases.MustAccept, cases.MayEither}, rule.Expect) {
				t.Errorf("%s, %s: expectation %q", c.ID, profile, rule.Expect)
			}
		}
		base, strict := c.Rules[cases.RFC5280].Expect, c.Rules[cases.Strict].Expect
		if base == cases.MustRefuse && strict != cases.MustRefuse ||
			base == cases.MustAccept && strict == cases.MustRefuse {
			t.Errorf("%s: rfc5280 says %s and strict %s: strict demands all that rfc5280 does", c.ID, base, strict)
		}
	}
}

// Every case says who carries it out, and one that must be refused names an attacker, or
// what is to be honest.
func TestAttackers(t *testing.T) {
	t.Parallel()
	for _, c := range cases.All() {
		if !slices.Contains(cases.Attackers(), c.Attacker) {
			t.Errorf("%s: attacker %q", c.ID, c.Attacker)
		}
		for profile, rule := range c.Rules {
			refused, good := rule.Expect == cases.MustRefuse, c.Attacker == cases.Good
			if refused && good {
				t.Errorf("%s: %s has it refused, and nobody attacks", c.ID, profile)
			}
			want := map[cases.Expectation]cases.Attacker{cases.MustRefuse: c.Attacker, cases.MustAccept: cases.Good}[rule.Expect]
			if c.Attacker == cases.Honest && rule.Expect == cases.MustAccept {
				want = cases.Honest
			}
			if got := c.AttackerUnder(rule); got != want {
				t.Errorf("%s: under %s the attacker is %q", c.ID, profile, got)
			}
		}
		refusedBy := func(p cases.Profile) bool { return c.Rules[p].Expect == cases.MustRefuse }
		if c.Attacker != cases.Good && c.Attacker != cases.Honest && !slices.ContainsFunc(profiles, refusedBy) {
			t.Errorf("%s: no profile has %s refused", c.ID, c.Attacker)
		}
	}
}

func TestOrderIsDeterministic(t *testing.T) {
	t.Parallel()
	ids := func() (ids []string) {
		for _, c := range cases.All() {
			ids = append(ids, c.ID)
		}
		return ids
	}
	first := ids()
	if !slices.Equal(first, ids()) {
		t.Error("the order differs from one call to the next")
	}
	group := func(id string) int { return slices.Index(groups, strings.Split(id, "/")[0]) }
	if !slices.IsSortedFunc(first, func(a, b string) int { return group(a) - group(b) }) {
		t.Error("the groups are not together, or not in their order")
	}
}

// TestEnough counts what an audit of both sides tries.
func TestEnough(t *testing.T) {
	t.Parallel()
	count, combinations := map[string]int{}, map[string]int{}
	all, total := 0, 0
	for _, c := range cases.All() {
		group, _, _ := strings.Cut(c.ID, "/")
		count[group]++
		combinations[group] += len(c.Roles) * len(c.In(wire.Versions()))
		all++
		total += len(c.Roles) * len(c.In(wire.Versions()))
	}
	for _, group := range groups {
		t.Logf("%-12s %3d cases %4d combinations", group, count[group], combinations[group])
	}
	t.Logf("%-12s %3d cases %4d combinations", "all", all, total)
	if all < 100 || total < 250 {
		t.Errorf("%d cases and %d combinations, want at least 100 and 250", all, total)
	}
}

// A case that is of a client's name alone says the same of its URI as of any other field.
func TestNamed(t *testing.T) {
	t.Parallel()
	authority, err := pki.New(pki.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases.All() {
		if c.Named == "" {
			continue
		}
		forged, err := authority.Forge(cases.Control(wire.Client), c.Mutation(cases.Control(wire.Client)))
		if err != nil {
			t.Fatal(err)
		}
		leaf, err := x509.ParseCertificate(forged.Chain[0])
		if err != nil || len(leaf.URIs) != 1 || leaf.URIs[0].String() != wire.FieldURI.Of(c.Named) {
			t.Errorf("%s: %q, %v; want %s", c.ID, leaf.URIs, err, wire.FieldURI.Of(c.Named))
		}
	}
}
