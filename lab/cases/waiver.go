package cases

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

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

// WaiverError is a fault in a file of waivers.
type WaiverError struct {
	File string
	Line int    // from 1; 0 if the fault is the file's as a whole
	Key  string // that is wrong or missing, if the fault is one key's
	Err  error
}

func (e *WaiverError) Error() string {
	where := e.File
	if e.Line > 0 {
		where = fmt.Sprintf("%s:%d", e.File, e.Line)
	}
	if e.Key != "" {
		where += ": " + e.Key
	}
	return wire.Printable(where + ": " + e.Err.Error())
}

func (e *WaiverError) Unwrap() error { return e.Err }

// waiversLimit is how many bytes a file of waivers may have.
const waiversLimit = 1 << 20

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
// an error, a *WaiverError, because a waiver that is misread waives the wrong
// failure.
func ReadWaivers(name string, r io.Reader, known func(id string) bool) ([]Waiver, error) {
	if known == nil {
		known = func(string) bool { return true }
	}
	p := waiverParser{file: name, known: known}
	root, err := p.document(r)
	if err != nil {
		return nil, err
	}
	top, err := p.mapping(root, "waivers")
	if err != nil {
		return nil, err
	}
	list, ok := top["waivers"]
	switch {
	case !ok:
		return nil, p.fault(root, "waivers", "missing")
	case list.Tag == "!!null":
		return nil, nil
	case list.Kind != yaml.SequenceNode:
		return nil, p.fault(list, "waivers", "want a list")
	}
	var waivers []Waiver
	for _, node := range list.Content {
		w, err := p.waiver(node)
		if err != nil {
			return nil, err
		}
		twin := slices.IndexFunc(waivers, func(o Waiver) bool {
			return o.Case == w.Case && o.Version == w.Version && o.Role == w.Role
		})
		if twin >= 0 {
			return nil, p.fault(node, "case", "%s is waived already, at %s", w.Case, waivers[twin].Where)
		}
		waivers = append(waivers, w)
	}
	return waivers, nil
}

// waiverParser walks the nodes by hand, because decoding into a struct gives
// neither the line of a key that is missing nor that of a value that is wrong.
type waiverParser struct {
	file  string
	known func(string) bool
}

func (p waiverParser) fault(at *yaml.Node, key, format string, args ...any) error {
	return &WaiverError{File: p.file, Line: at.Line, Key: key, Err: fmt.Errorf(format, args...)}
}

func (p waiverParser) document(r io.Reader) (*yaml.Node, error) {
	whole := func(err error) error { return &WaiverError{File: p.file, Err: err} }
	content, err := io.ReadAll(io.LimitReader(r, waiversLimit+1))
	if err != nil {
		return nil, whole(err)
	}
	if len(content) > waiversLimit {
		return nil, whole(fmt.Errorf("more than %d bytes", waiversLimit))
	}
	decoder := yaml.NewDecoder(strings.NewReader(string(content)))
	var doc, second yaml.Node
	if err := decoder.Decode(&doc); errors.Is(err, io.EOF) || err == nil && len(doc.Content) == 0 {
		return nil, whole(errors.New("empty; with nothing to waive, write waivers: []"))
	} else if err != nil {
		return nil, whole(err)
	}
	if err := decoder.Decode(&second); err == nil {
		return nil, p.fault(&second, "", "a second document")
	} else if !errors.Is(err, io.EOF) {
		return nil, whole(err)
	}
	return doc.Content[0], nil
}

// mapping returns the values by key, of which it takes only those named, once
// each. An anchor, alias or merge key is no scalar key or value, and so refused.
func (p waiverParser) mapping(node *yaml.Node, keys ...string) (map[string]*yaml.Node, error) {
	if node.Kind != yaml.MappingNode {
		return nil, p.fault(node, "", "want keys and values: %s", strings.Join(keys, ", "))
	}
	values := map[string]*yaml.Node{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		if key.Kind != yaml.ScalarNode || !slices.Contains(keys, key.Value) {
			return nil, p.fault(key, key.Value, "unknown key; known are %s", strings.Join(keys, ", "))
		}
		if values[key.Value] != nil {
			return nil, p.fault(key, key.Value, "given twice")
		}
		values[key.Value] = value
	}
	return values, nil
}

func (p waiverParser) waiver(node *yaml.Node) (Waiver, error) {
	values, err := p.mapping(node, "case", "version", "role", "reason", "expires")
	if err != nil {
		return Waiver{}, err
	}
	w := Waiver{Where: fmt.Sprintf("%s:%d", p.file, node.Line)}
	for _, field := range []struct {
		key      string
		required bool
		set      func(value string) error
	}{
		{"case", true, w.setCase(p.known)},
		{"version", false, w.setVersion},
		{"role", false, w.setRole},
		{"reason", true, func(value string) error { w.Reason = value; return nil }},
		{"expires", true, w.setExpires},
	} {
		value, ok := values[field.key]
		if !ok {
			if field.required {
				return Waiver{}, p.fault(node, field.key, "missing")
			}
			continue
		}
		// The text counts, not YAML's type: 1.2 is meant as "1.2".
		text := strings.TrimSpace(value.Value)
		if value.Kind != yaml.ScalarNode || value.Tag == "!!null" || text == "" {
			return Waiver{}, p.fault(value, field.key, "want one value, not empty")
		}
		if err := field.set(text); err != nil {
			return Waiver{}, p.fault(value, field.key, "%w", err)
		}
	}
	return w, nil
}

func (w *Waiver) setCase(known func(string) bool) func(string) error {
	return func(id string) error {
		w.Case = id
		if !known(id) {
			return fmt.Errorf("there is no case %q", id)
		}
		return nil
	}
}

func (w *Waiver) setVersion(value string) error {
	w.Version = value
	if value != "1.2" && value != "1.3" {
		return fmt.Errorf("%q is neither 1.2 nor 1.3", value)
	}
	return nil
}

func (w *Waiver) setRole(value string) error {
	w.Role = wire.Role(value)
	if w.Role != wire.Server && w.Role != wire.Client {
		return fmt.Errorf("%q is neither %s nor %s", value, wire.Server, wire.Client)
	}
	return nil
}

func (w *Waiver) setExpires(value string) (err error) {
	w.Expires, err = time.Parse(time.DateOnly, value)
	if err != nil {
		return fmt.Errorf("%q is not a date such as 2027-01-31", value)
	}
	return nil
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

// Controlled says whether the good exchanges before and after the cases were all
// delivered; if not, the audit shows nothing.
func (a Audit) Controlled() bool {
	return len(a.Controls) >= 2 && !slices.ContainsFunc(a.Controls, func(f Finding) bool {
		return f.Status != Passed || f.Decision != "delivered"
	})
}

// Verdict is the audit's: failed if a finding is or there are complaints; else
// inconclusive if a finding is, nothing was tried, or the controls were not
// delivered; else passed. What could not be tried counts neither way.
func (a Audit) Verdict() Status {
	tried := len(a.Findings) - a.Count(Untried)
	switch accepted := a.Count(Passed) + a.Count(Waived); {
	case a.Count(Failed) > 0 || len(a.Complaints) > 0:
		return Failed
	case tried == 0 || accepted < tried || !a.Controlled():
		return Inconclusive
	default:
		return Passed
	}
}
