package finding

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/mtlslab/mtlslab/lab/strictyaml"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Waiver is a failure that somebody accepts, why, and until when. It is not for
// a peer that fails by design: such a peer wants another profile.
type Waiver struct {
	Case    string    // id
	Version string    // of TLS, "1.2" or "1.3"; both if empty
	Role    wire.Role // of the audited peer; either if empty
	Reason  string
	Expires time.Time // midnight UTC at the start of the last day on which it holds

	Where string // file and line, "waivers.yaml:3"
}

// ReadWaivers reads the file of that name:
//
//	waivers:
//	  - case: usage/no-eku
//	    version: "1.2"        # optional: else both
//	    role: server          # optional: else either
//	    reason: legacy clients, to be replaced by then
//	    expires: 2027-01-31   # the last day on which it holds, UTC
//
// Known says which ids are cases; nil takes any. What it does not understand is
// a *[strictyaml.Error], because a waiver that is misread waives the wrong failure.
func ReadWaivers(name string, r io.Reader, known func(id string) bool) ([]Waiver, error) {
	var file struct {
		Waivers []waiverEntry `yaml:"waivers"`
	}
	source, err := strictyaml.Read(name, r, &file)
	switch {
	case errors.Is(err, strictyaml.ErrEmpty):
		return nil, source.Fault("", fmt.Errorf("%w; with nothing to waive, write waivers: []", strictyaml.ErrEmpty))
	case err != nil:
		return nil, err
	case file.Waivers == nil:
		return nil, source.Fault("waivers", errors.New("missing"))
	}
	var waivers []Waiver
	for i, entry := range file.Waivers {
		at := fmt.Sprintf("waivers[%d]", i)
		w, key, err := entry.waiver(known)
		w.Where = fmt.Sprintf("%s:%d", source.File, source.Line(at))
		twin := slices.IndexFunc(waivers, func(o Waiver) bool {
			return o.Case == w.Case && o.Version == w.Version && o.Role == w.Role
		})
		if err == nil && twin >= 0 {
			key, err = "case", fmt.Errorf("%s is waived already, at %s", w.Case, waivers[twin].Where)
		}
		if err != nil {
			return nil, source.Fault(at+"."+key, err)
		}
		waivers = append(waivers, w)
	}
	return waivers, nil
}

// waiverEntry is one as it is written.
type waiverEntry struct {
	Case    string     `yaml:"case"`
	Version *string    `yaml:"version"`
	Role    *wire.Role `yaml:"role"`
	Reason  string     `yaml:"reason"`
	Expires string     `yaml:"expires"`
}

// waiver is what the entry means. An error is about the value of that key.
func (e waiverEntry) waiver(known func(string) bool) (w Waiver, key string, err error) {
	w = Waiver{Case: e.Case, Reason: strings.TrimSpace(e.Reason)}
	if e.Version != nil {
		w.Version = *e.Version
	}
	if e.Role != nil {
		w.Role = *e.Role
	}
	w.Expires, err = time.Parse(time.DateOnly, e.Expires)
	switch {
	case w.Case == "":
		return w, "case", errors.New("missing")
	case known != nil && !known(w.Case):
		return w, "case", fmt.Errorf("there is no case %q", w.Case)
	case e.Version != nil && w.Version != "1.2" && w.Version != "1.3":
		return w, "version", fmt.Errorf("%q is neither 1.2 nor 1.3", w.Version)
	case e.Role != nil && w.Role != wire.Server && w.Role != wire.Client:
		return w, "role", fmt.Errorf("%q is neither %s nor %s", w.Role, wire.Server, wire.Client)
	case w.Reason == "":
		return w, "reason", errors.New("missing")
	case err != nil:
		return w, "expires", fmt.Errorf("%q is not a date such as 2027-01-31", e.Expires)
	}
	return w, "", nil
}

// String names the waiver as a complaint does.
func (w Waiver) String() string {
	text := "waiver of " + wire.Printable(w.Case)
	if w.Version != "" {
		text += " [" + w.Version + "]"
	}
	if w.Role != "" {
		text += " for a " + string(w.Role)
	}
	if w.Where != "" {
		text += " (" + wire.Printable(w.Where) + ")"
	}
	return text
}

func (w Waiver) covers(f Finding) bool {
	return w.Case == f.Case && (w.Version == "" || w.Version == f.Version) && (w.Role == "" || w.Role == f.Role)
}

// expired says whether the waiver's last day, in UTC, is over.
func (w Waiver) expired(now time.Time) bool { return !now.Before(w.Expires.AddDate(0, 0, 1)) }

// Waive returns the audit with those failures waived that a waiver covers; where
// several do, the first gives the reason. A waiver that has expired waives nothing
// and is complained about, and so is one that covers no failure, unless it is for
// the other role: one file may serve both audits. An audit of some of the cases
// must be given the waivers of those only.
func (a Audit) Waive(waivers []Waiver, now time.Time) Audit {
	failed := slices.Clone(a.Findings)
	a.Findings = slices.Clone(a.Findings)
	a.Complaints = slices.Clone(a.Complaints)
	for _, w := range waivers {
		if w.Role != "" && w.Role != a.Role {
			continue
		}
		if w.expired(now) {
			a.Complaints = append(a.Complaints, fmt.Sprintf("%s expired on %s", w, w.Expires.Format(time.DateOnly)))
			continue
		}
		used := false
		for i, f := range failed {
			if f.Status != Failed || !w.covers(f) {
				continue
			}
			used = true
			if a.Findings[i].Status == Failed {
				a.Findings[i].Status = Waived
				a.Findings[i].Waiver = fmt.Sprintf("%s (until %s)", w.Reason, w.Expires.Format(time.DateOnly))
			}
		}
		if !used {
			a.Complaints = append(a.Complaints, fmt.Sprintf("%s is unused: %s", w, w.whyUnused(failed)))
		}
	}
	return a
}

func (w Waiver) whyUnused(findings []Finding) string {
	i := slices.IndexFunc(findings, w.covers)
	if i < 0 {
		return "this audit has no such finding"
	}
	return "nothing that it covers failed; the first is " + string(findings[i].Status)
}

// WaiversOf leaves out the waivers of what is not tried, where only some cases or versions
// are: they are not unused because nobody looked.
func WaiversOf(all []Waiver, cases, versions []string) (of []Waiver) {
	tried := func(all []string, one string) bool { return len(all) == 0 || one == "" || slices.Contains(all, one) }
	for _, w := range all {
		if tried(cases, w.Case) && tried(versions, w.Version) {
			of = append(of, w)
		}
	}
	return of
}
