package exercises

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mtlslab/mtlslab/lab/strictyaml"
)

// PlanFile is the name of the file that says what is changed while messages flow.
const PlanFile = "plan.yaml"

// Plan is what a plan file says: what a server and its client begin with, and what is changed.
type Plan struct {
	Learner string  `yaml:"learner"` // whose it is
	Server  Holding `yaml:"server"`
	Client  Holding `yaml:"client"`
	Steps   []Step  `yaml:"steps"`
}

// Holding is what a server or a client has.
type Holding struct {
	Certificate string   `yaml:"certificate"` // of which root: old or new; or of step-ca, which issues for the old
	Trusts      []string `yaml:"trusts"`      // likewise

	Leaf         int      `yaml:"leaf"`         // which of those that it got; the first if zero
	Intermediate string   `yaml:"intermediate"` // of the old root: expiring or next; one that lasts if left out
	Lists        []string `yaml:"lists"`        // of a server: whom its revocation lists name; it has none if left out
	Renews       bool     `yaml:"renews"`       // step-ca renews what it has; else it is enrolled anew, by a token
}

// Step is one change. What is not given stays as it was.
type Step struct {
	Name      string   `yaml:"name"`
	Publishes []string `yaml:"publishes"` // the authority publishes a list of these, which reaches nobody by itself
	Server    *Holding `yaml:"server"`
	Client    *Holding `yaml:"client"`
	Waits     string   `yaml:"waits"` // for one of Awaited
}

// StepCA is the online authority that a plan knows, as what a certificate is of.
const StepCA = "step-ca"

// Awaited is what a step can wait for.
var Awaited = []string{Intermediate, Expiry, TwoThirds}

// What a step can wait for.
const (
	Intermediate = "intermediate" // that the expiring one is over
	Expiry       = "expiry"       // that the first certificate is over that step-ca issued
	TwoThirds    = "two thirds"   // that two thirds are over of what its certificate has left to the client
)

// Roots are those that a plan knows.
var Roots = []string{"old", "new"}

// ReadPlan reads a plan file. What it does not understand is a *[strictyaml.Error].
func ReadPlan(name string, content []byte) (*Plan, error) {
	plan := new(Plan)
	source, err := strictyaml.Read(name, bytes.NewReader(content), plan)
	if err != nil {
		return nil, err
	}
	holdings := map[string]*Holding{"server": &plan.Server, "client": &plan.Client}
	for key, h := range holdings {
		if h.Renews {
			return nil, source.Fault(key+".renews", errors.New("at the beginning there is nothing that could be renewed"))
		}
	}
	seen := make(map[string]bool)
	for i, s := range plan.Steps {
		key := fmt.Sprintf("steps[%d]", i)
		if s.Name == "" || seen[s.Name] {
			return nil, source.Fault(key, errors.New("want a name that no other step has"))
		}
		if s.Waits != "" && !slices.Contains(Awaited, s.Waits) {
			return nil, source.Fault(key+".waits", fmt.Errorf("%q: choose from %s", s.Waits, strings.Join(Awaited, ", ")))
		}
		if s.Waits == Expiry && !plan.Online() {
			return nil, source.Fault(key+".waits", errors.New("step-ca issues nothing in this plan that could be over"))
		}
		seen[s.Name] = true
		holdings[key+".server"], holdings[key+".client"] = s.Server, s.Client
	}
	for key, h := range holdings {
		if h == nil {
			continue
		}
		if err := h.check(); err != nil {
			return nil, source.Fault(key, err)
		}
	}
	return plan, nil
}

// Waits says whether a step waits for that.
func (p *Plan) Waits(what string) bool {
	return slices.ContainsFunc(p.Steps, func(s Step) bool { return s.Waits == what })
}

// ClientOf says whether all that the client ever has is of that.
func (p *Plan) ClientOf(certificate string) bool {
	other := func(s Step) bool { return s.Client != nil && s.Client.Certificate != certificate }
	return p.Client.Certificate == certificate && !slices.ContainsFunc(p.Steps, other)
}

// Online says whether anything in it is of step-ca.
func (p *Plan) Online() bool {
	of := func(h *Holding) bool { return h != nil && h.Certificate == StepCA }
	return of(&p.Server) || of(&p.Client) ||
		slices.ContainsFunc(p.Steps, func(s Step) bool { return of(s.Server) || of(s.Client) })
}

func (h *Holding) check() error {
	roots := slices.Clone(h.Trusts)
	if h.Certificate != StepCA {
		roots = append(roots, h.Certificate)
	}
	for _, root := range roots {
		if !slices.Contains(Roots, root) {
			return fmt.Errorf("%q: certificate is of a root, and trusts are roots: old or new", root)
		}
	}
	if h.Renews && h.Certificate != StepCA {
		return errors.New("renews: only step-ca renews a certificate; another is issued, which leaf counts")
	}
	known := slices.Contains([]string{"", "expiring", "next"}, h.Intermediate)
	if !known || h.Intermediate != "" && h.Certificate != "old" {
		return fmt.Errorf("%q: intermediate is one of the old root: expiring or next", h.Intermediate)
	}
	if len(h.Trusts) == 0 {
		return errors.New("it trusts nobody: give it trusts, old or new")
	}
	return nil
}
