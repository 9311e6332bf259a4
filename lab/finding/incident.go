package finding

import "github.com/mtlslab/mtlslab/lab/cases"

// Incident is what became of a peer while it was put to the test. What was tried meanwhile
// was tried again, where it could be.
type Incident struct {
	Kind IncidentKind `json:"kind"`
	Says string       `json:"says"` // what was seen, in plain words

	// What brought it about, if one case did, alone and more than once.
	Case     string         `json:"case,omitempty"`
	Version  string         `json:"version,omitempty"`  // of TLS; several with commas
	Attacker cases.Attacker `json:"attacker,omitempty"` // who can carry it out
	Differs  string         `json:"differs,omitempty"`  // as in [Finding]
	Repeat   string         `json:"repeat,omitempty"`

	Known string `json:"known,omitempty"` // why it is told and fails nothing
}

// IncidentKind says which kind of incident it is.
type IncidentKind string

// The kinds.
const (
	Crash   IncidentKind = "crash"    // it ended, or a part of it did, or it served nobody from then on
	LockOut IncidentKind = "lock-out" // it turned everybody away after so many refusals

	ClockApart IncidentKind = "clock" // its clock is apart from the lab's
)

// Title names the incident: its kind, and the case that brings it about.
func (i Incident) Title() string {
	if i.Case == "" {
		return string(i.Kind)
	}
	return string(i.Kind) + " by " + Finding{Case: i.Case, Version: i.Version}.Title()
}

// CountIncidents is how many there were of a kind.
func (a Audit) CountIncidents(kind IncidentKind) (n int) {
	for _, i := range a.Incidents {
		if i.Kind == kind {
			n++
		}
	}
	return n
}

// Fails says whether the incident fails an audit. A crash does; that a peer locks an address
// out is told.
func (i Incident) Fails() bool { return i.Kind == Crash && i.Known == "" }
