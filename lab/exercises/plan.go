package exercises

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

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
	Certificate string   `yaml:"certificate"` // of which root: old or new
	Trusts      []string `yaml:"trusts"`      // likewise

	Leaf         int      `yaml:"leaf"`         // which of those that it got; the first if zero
	Intermediate string   `yaml:"intermediate"` // of the old root: expiring or next; one that lasts if left out
	Lists        []string `yaml:"lists"`        // of a server: whom its revocation lists name; it has none if left out
}

// Step is one change. What is not given stays as it was.
type Step struct {
	Name      string   `yaml:"name"`
	Publishes []string `yaml:"publishes"` // the authority publishes a list of these, which reaches nobody by itself
	Server    *Holding `yaml:"server"`
	Client    *Holding `yaml:"client"`
	Waits     string   `yaml:"waits"` // until that is over: intermediate, the expiring one
}

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
	seen := make(map[string]bool)
	for i, s := range plan.Steps {
		key := fmt.Sprintf("steps[%d]", i)
		if s.Name == "" || seen[s.Name] {
			return nil, source.Fault(key, errors.New("want a name that no other step has"))
		}
		if s.Waits != "" && s.Waits != "intermediate" {
			return nil, source.Fault(key+".waits", fmt.Errorf("%q: only an intermediate can be waited for", s.Waits))
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

// Waits says whether a step waits for something.
func (p *Plan) Waits() bool {
	return slices.ContainsFunc(p.Steps, func(s Step) bool { return s.Waits != "" })
}

func (h *Holding) check() error {
	for _, root := range append(slices.Clone(h.Trusts), h.Certificate) {
		if !slices.Contains(Roots, root) {
			return fmt.Errorf("%q: certificate is of a root, and trusts are roots: old or new", root)
		}
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
