package finding

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// ReadBaseline reads an earlier audit, as `mtlslab audit --json` or --report wrote it.
func ReadBaseline(r io.Reader) (Audit, error) {
	var a Audit
	switch err := json.NewDecoder(r).Decode(&a); {
	case err != nil:
		return Audit{}, fmt.Errorf("it is no audit as --report writes one: %w", err)
	case a.Format != Format:
		return Audit{}, fmt.Errorf(
			"it is of format %d, and this mtlslab writes %d: write it anew by --report",
			a.Format,
			Format,
		)
	case len(a.Findings) == 0:
		return Audit{}, errors.New("it has no findings")
	case !a.Controlled():
		return Audit{}, errors.New("its controls were not all delivered, so it shows nothing")
	}
	return a, nil
}

// Fits says why a baseline is none for an audit of that role and profile; nil if it is.
func (a Audit) Fits(earlier Audit) error {
	switch {
	case earlier.Role != a.Role:
		return fmt.Errorf("it is of a %s, and this audit of a %s", earlier.Role, a.Role)
	case earlier.Profile != a.Profile:
		return fmt.Errorf("it is by the profile %s, and this audit by %s", earlier.Profile, a.Profile)
	default:
		return nil
	}
}

// Since returns the audit with those failures known that an earlier one had, and those of
// cases that the earlier one had not: a newer mtlslab brought them, and they are told until
// a new baseline takes them in. What the earlier audit saw pass, or could not show, is new.
func (a Audit) Since(earlier Audit) Audit {
	type key struct{ id, version string }
	before, cases := make(map[key]Finding), make(map[string]bool)
	for _, f := range earlier.Findings {
		before[key{f.Case, f.Version}] = f
		cases[f.Case] = true
	}
	findings := append([]Finding{}, a.Findings...)
	for i, f := range findings {
		was, is := before[key{f.Case, f.Version}]
		switch {
		case f.Status != Failed:
		case is && (was.Status == Failed || was.Status == Waived):
			findings[i].Known = "it stood in the baseline of " + earlier.Began.UTC().Format("2006-01-02")
		case !cases[f.Case]:
			findings[i].Known = "the baseline does not know the case yet"
		}
	}
	a.Findings = findings
	a.Incidents = append([]Incident{}, a.Incidents...)
	for n, i := range a.Incidents {
		was := func(j Incident) bool { return j.Kind == i.Kind && j.Case == i.Case && j.Version == i.Version }
		if slices.ContainsFunc(earlier.Incidents, was) {
			a.Incidents[n].Known = "it stood in the baseline of " + earlier.Began.UTC().Format("2006-01-02")
		}
	}
	return a
}
