package labtest

import (
	"bytes"
	"cmp"
	"os"
	"strings"
	"testing"

	"github.com/mtlslab/mtlslab/lab/audit"
	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/report"
)

// AuditOption changes what an audit tries, or what it demands.
type AuditOption func(*audits)

type audits struct {
	audit   audit.Audit
	waivers string
	then    []func(*testing.T, finding.Audit)
}

// Profile is whose expectations hold. Without it those of rfc5280 do.
func Profile(p cases.Profile) AuditOption { return func(a *audits) { a.audit.Profile = p } }

// Demand names attackers who fail the test by getting in, besides nobody, former and insider.
func Demand(who ...cases.Attacker) AuditOption {
	return func(a *audits) { a.audit.Demand = append(a.audit.Demand, who...) }
}

// Only tries the cases of these ids, and no others.
func Only(ids ...string) AuditOption {
	return func(a *audits) { a.audit.Cases = append(a.audit.Cases, ids...) }
}

// Versions are those of TLS in which it is tried, "1.2" or "1.3"; both without it.
func Versions(versions ...string) AuditOption {
	return func(a *audits) { a.audit.Versions = versions }
}

// Waivers is a file of the failures that are accepted, why, and until when, as
// `mtlslab audit --waivers` reads it.
func Waivers(file string) AuditOption { return func(a *audits) { a.waivers = file } }

// Then is told what was found, once the subtests are over, to write it to a file for example:
// see package report.
func Then(do func(*testing.T, finding.Audit)) AuditOption {
	return func(a *audits) { a.then = append(a.then, do) }
}

// Audit puts a subject to the test, in a subtest of its name that runs beside the others of
// the test: below that is one for each attacker, and below those one for each case. A case
// that lets in whom it must not fails; one of which nothing is demanded is logged; one that
// could not be tried is skipped. Where -run names cases, only those are tried.
func Audit(t *testing.T, l *Lab, s Subject, options ...AuditOption) {
	t.Helper()
	t.Run(s.name, func(t *testing.T) {
		t.Parallel()
		what := audits{audit: audit.Audit{Role: s.role}}
		for _, o := range options {
			o(&what)
		}
		p, in := s.in(l, t)
		what.audit.Peer = p
		if err := what.audit.Check(); err != nil {
			t.Fatal(err)
		}
		if what.audit.Cases = wanted(t.Name(), what.audit.Plan()); len(what.audit.Cases) == 0 {
			t.Skip("-run names none of its cases")
		}
		what.readWaivers(t)
		result, err := in.Audit(t.Context(), what.audit)
		if err != nil {
			t.Fatal(err)
		}
		tell(t, result)
		for _, then := range what.then {
			then(t, result)
		}
	})
}

func (a *audits) readWaivers(t *testing.T) {
	t.Helper()
	if a.waivers == "" {
		return
	}
	file, err := os.Open(a.waivers)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close() //nolint:errcheck // read-only
	all, err := finding.ReadWaivers(a.waivers, file, cases.Known)
	if err != nil {
		t.Fatal(err)
	}
	a.audit.Waivers = finding.WaiversOf(all, a.audit.Cases, a.audit.Versions)
}

// tell has subtests say what was found, and then the test what is not of one case.
func tell(t *testing.T, a finding.Audit) {
	t.Helper()
	for _, of := range finding.ByAttacker(a.Findings) {
		t.Run(attackerName(cases.Attacker(of.Name)), func(t *testing.T) {
			for _, all := range finding.ByCase(of.Findings) {
				t.Run(all[0].Case, func(t *testing.T) { tellCase(t, a, all) })
			}
		})
	}
	var text bytes.Buffer
	if err := report.Text(&text, a, report.Options{}); err != nil {
		t.Error(err)
	}
	t.Log("\n" + text.String())
	if verdict := a.Verdict(); verdict != finding.Passed {
		t.Errorf("the audit %s", map[finding.Status]string{
			finding.Failed: "failed", finding.Inconclusive: "is inconclusive: more was void than shown",
		}[verdict])
	}
}

// attackerName is that of a subtest. Where either will do there is no attacker.
func attackerName(a cases.Attacker) string { return cmp.Or(string(a), "either") }

// tellCase is what came of one case: what is the same in both versions of TLS once.
func tellCase(t *testing.T, a finding.Audit, all []finding.Finding) {
	t.Helper()
	if len(all) == 2 && same(all[0], all[1]) {
		both := all[0]
		both.Version += ", " + all[1].Version
		all = []finding.Finding{both}
	}
	var void []string
	for _, f := range all {
		switch f.Shown() {
		case finding.Failed:
			if a.Fails(f) {
				t.Error(said(f))
			} else {
				t.Log("told, and demanded of nobody\n" + said(f))
			}
		case finding.Waived:
			t.Log("waived: " + f.Waiver + "\n" + said(f))
		case finding.Passed:
			t.Logf("%s: %s", f.Title(), f.Outcome())
		default:
			void = append(void, f.Title()+": "+finding.Or(f.Means, finding.NothingShown))
		}
	}
	if len(void) == len(all) {
		t.Skip(strings.Join(void, "\n"))
	}
}

// same says whether there is no more to say of two findings than of one.
func same(a, b finding.Finding) bool {
	a.Version, b.Version = "", ""
	return a.Shown() == b.Shown() && a.Known == b.Known && a.Waiver == b.Waiver && said(a) == said(b)
}

// said is what a person needs who has to act on a finding.
func said(f finding.Finding) string {
	lines := []string{f.Title() + ": " + f.Outcome()}
	for _, part := range f.Parts() {
		if part.Label != "repeat" { // it is that of another front door
			lines = append(lines, part.Label+": "+part.Text)
		}
	}
	return strings.Join(lines, "\n")
}
