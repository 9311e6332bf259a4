package exercises

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/mtlslab/mtlslab/lab/strictyaml"
)

//go:embed all:[0-9]*
var embedded embed.FS

// Exercise is a lab in a broken state that a learner mends.
type Exercise struct {
	ID      string   `yaml:"-"` // "02-mutual", of its directory
	Title   string   `yaml:"title"`
	Minutes int      `yaml:"minutes"` // that it takes
	Kind    Kind     `yaml:"kind"`
	Needs   string   `yaml:"needs"`  // besides mtlslab itself, for people; nothing if empty
	Engine  bool     `yaml:"engine"` // it can be checked in containers alone
	Hints   []string `yaml:"hints"`  // symptom, where to look, concept

	// Certificates are those of others than the learner, who attack or are let in.
	Certificates map[string]Certificate `yaml:"certificates"`
	Others       map[string]Holding     `yaml:"others"` // of Plans: further clients, by name
	Claims       []Claim                `yaml:"claims"`
	Questions    []Question             `yaml:"questions"` // of Reading

	Given    Attempt   `yaml:"given"` // how it fails before anything is mended
	Solution []Edit    `yaml:"solution"`
	Wrong    []Attempt `yaml:"wrong"`  // plausible fixes that are none
	Cheats   []Attempt `yaml:"cheats"` // and ways round it

	Page  string            `yaml:"-"`
	Start map[string]string `yaml:"-"` // content by file
}

// Kind is what a learner of an exercise edits.
type Kind string

// The kinds.
const (
	Labs     Kind = "lab"      // a lab file
	Programs Kind = "programs" // a server and a client, in Python or Go
	Reading  Kind = "reading"  // answers about a recorded exchange
	Auditing Kind = "audit"    // a server that the whole audit is made of
	Plans    Kind = "plan"     // what is changed while messages flow
)

// Claim is one exchange that must come to what it says.
type Claim struct {
	Name string `yaml:"name"`
	Is   string `yaml:"is"` // what is tried, for people

	// ClientShows and ServerShows put somebody else in a side's place, who shows that certificate
	// and takes anybody: "none" shows none, "@client" and "@server" that of the learner's. The
	// learner's own side stands if empty.
	ClientShows string `yaml:"client_shows"`
	ServerShows string `yaml:"server_shows"`

	ClientWith string `yaml:"client_with"` // the learner's client shows that certificate in place of its own
	Calls      string `yaml:"calls"`       // and calls the server by that name

	Asks     string `yaml:"asks"`      // for that path, or AnyPath
	Resumes  bool   `yaml:"resumes"`   // with the session of an exchange before it, made by who was let in then
	Before   string `yaml:"before"`    // of Resumes: the path that was asked for then
	Version  string `yaml:"version"`   // it must be spoken
	Renewed  bool   `yaml:"renewed"`   // the server shows a certificate that was made anew since it was trusted
	LiveMost int    `yaml:"live_most"` // days that the server's certificate may be good for, from now

	// Of Plans: whose messages must come to it, and when: one of First, Last and Always.
	Holder string `yaml:"holder"`
	When   string `yaml:"when"`

	Cases []string `yaml:"cases"` // of an audit, which must hold; all if empty, and the good exchange if it is named good

	Want Want   `yaml:"want"`
	Says string `yaml:"says"` // of whatever else came of it, in the words of the exercise
	Saw  []Saw  `yaml:"saw"`  // the same, where more can be said
}

// AnyPath is one that is drawn for the check.
const AnyPath = "any"

// When a claim of a plan is about messages.
const (
	First  = "first"  // before the first step
	Last   = "last"   // once the last step has had its effect
	Always = "always" // at any time
)

// Want is what an exchange comes to: "delivered", "refused by server" or "refused by client", the
// latter two with the reason after a colon, if only one is right.
type Want string

// Saw is what it means that an exchange came to something: one of Want, or "claimed", where the
// client calls delivered what never arrived.
type Saw struct {
	If   string `yaml:"if"`
	Says string `yaml:"says"`
}

// Question is about an exchange that was recorded.
type Question struct {
	Key  string `yaml:"key"`
	Is   string `yaml:"is"`
	Says string `yaml:"says"` // of a wrong answer
}

// Attempt is what a learner might do in place of the solution.
type Attempt struct {
	Name  string `yaml:"name"`
	Edits []Edit `yaml:"edits"`
	Fails string `yaml:"fails"` // the claim, or question, that it must fail at first
	If    string `yaml:"if"`    // with what; see Saw
}

// Edit changes a file, in one of three ways.
type Edit struct {
	File    string `yaml:"file"` // LabFile if empty
	Replace string `yaml:"replace"`
	By      string `yaml:"by"`
	Write   string `yaml:"write"` // all of it
	Empty   bool   `yaml:"empty"` // nothing of it is left
}

// Apply returns the files with the edits made. An error says which does not fit.
func Apply(files map[string]string, edits []Edit) (map[string]string, error) {
	made := maps.Clone(files)
	for _, e := range edits {
		name := e.File
		if name == "" {
			name = LabFile
		}
		switch content := made[name]; {
		case e.Empty:
			made[name] = ""
		case e.Write != "":
			made[name] = e.Write
		case e.Replace == "" || strings.Count(content, e.Replace) != 1:
			return nil, fmt.Errorf("%s: %q is not in it once", name, e.Replace)
		default:
			made[name] = strings.Replace(content, e.Replace, e.By, 1)
		}
	}
	return made, nil
}

// All are the exercises, in their order. They are part of the program: a fault in them is one of
// the program.
func All() []Exercise {
	all, err := ours()
	if err != nil {
		panic(err)
	}
	return slices.Clone(all)
}

var ours = sync.OnceValues(func() ([]Exercise, error) {
	entries, err := embedded.ReadDir(".")
	if err != nil {
		return nil, err
	}
	var all []Exercise
	for _, entry := range entries {
		e, err := read(embedded, entry.Name(), entry.Name())
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
})

// ReadDir reads an exercise of somebody's own. Its id is the directory's name.
func ReadDir(dir string) (Exercise, error) {
	return read(os.DirFS(dir), ".", path.Base(strings.TrimSuffix(strings.ReplaceAll(dir, "\\", "/"), "/")))
}

func read(from fs.FS, dir, id string) (Exercise, error) {
	e := Exercise{ID: id, Start: make(map[string]string)}
	name := path.Join(dir, "exercise.yaml")
	content, err := fs.ReadFile(from, name)
	if err != nil {
		return e, err
	}
	source, err := strictyaml.Read(name, bytes.NewReader(content), &e)
	if err != nil {
		return e, err
	}
	page, err := fs.ReadFile(from, path.Join(dir, "README.md"))
	if err != nil {
		return e, err
	}
	e.Page = string(page)
	start := path.Join(dir, "start")
	err = fs.WalkDir(from, start, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(from, file)
		e.Start[strings.TrimPrefix(file, start+"/")] = string(content)
		return err
	})
	if err != nil {
		return e, err
	}
	return e, e.check(source)
}

// check holds an exercise to what every exercise has.
func (e *Exercise) check(source strictyaml.Source) error {
	missing := func(key, want string) error { return source.Fault(key, fmt.Errorf("want %s", want)) }
	switch {
	case e.Title == "":
		return missing("title", "a title")
	case e.Minutes <= 0:
		return missing("minutes", "how many minutes it takes")
	case !slices.Contains([]Kind{Labs, Programs, Reading, Auditing, Plans}, e.Kind):
		return missing("kind", "lab, programs, reading, audit or plan")
	case len(e.Hints) != Rungs:
		return missing("hints", "three: the symptom, where to look, the concept")
	case len(e.Claims)+len(e.Questions) == 0 && e.Kind != Auditing:
		return missing("claims", "at least one")
	case e.Given.Fails == "":
		return missing("given", "the claim that it fails as it is given")
	case len(e.Solution) == 0:
		return missing("solution", "at least one edit")
	case len(e.Wrong) < leastWrong:
		return missing("wrong", fmt.Sprintf("at least %d plausible fixes that are none", leastWrong))
	case len(e.Cheats) < leastCheats:
		return missing("cheats", fmt.Sprintf("at least %d", leastCheats))
	case len(e.Start) == 0:
		return missing("", "start/, what a learner is given")
	}
	return nil
}

// Rungs is how many hints there are.
const Rungs = 3

const leastWrong, leastCheats = 3, 2

// Placeholder stands in files and pages for whose lab it is.
const Placeholder = "LEARNER"

// For is the exercise with that learner's names in it.
func (e Exercise) For(learner string) Exercise {
	named := func(text string) string { return strings.ReplaceAll(text, Placeholder, learner) }
	e.Page, e.Hints = named(e.Page), each(e.Hints, named)
	e.Claims = slices.Clone(e.Claims)
	for i, c := range e.Claims {
		c.Is, c.Says, c.Calls, c.Saw = named(c.Is), named(c.Says), named(c.Calls), slices.Clone(c.Saw)
		for j := range c.Saw {
			c.Saw[j].Says = named(c.Saw[j].Says)
		}
		e.Claims[i] = c
	}
	start := make(map[string]string, len(e.Start))
	for file, content := range e.Start {
		start[file] = named(content)
	}
	e.Start = start
	certificates := make(map[string]Certificate, len(e.Certificates))
	for name, c := range e.Certificates {
		c.CommonName, c.DNS, c.URI = named(c.CommonName), each(c.DNS, named), each(c.URI, named)
		certificates[name] = c
	}
	e.Certificates = certificates
	edits := func(all []Edit) []Edit {
		all = slices.Clone(all)
		for i, edit := range all {
			all[i].Replace, all[i].By, all[i].Write = named(edit.Replace), named(edit.By), named(edit.Write)
		}
		return all
	}
	attempts := func(all []Attempt) []Attempt {
		all = slices.Clone(all)
		for i := range all {
			all[i].Edits = edits(all[i].Edits)
		}
		return all
	}
	e.Solution, e.Wrong, e.Cheats = edits(e.Solution), attempts(e.Wrong), attempts(e.Cheats)
	return e
}

func each(all []string, change func(string) string) []string {
	all = slices.Clone(all)
	for i := range all {
		all[i] = change(all[i])
	}
	return all
}

// Find is the exercise whose id begins so, such as "02".
func Find(begins string) (Exercise, error) {
	var found []Exercise
	var ids []string
	for _, e := range All() {
		ids = append(ids, e.ID)
		if e.ID == begins {
			return e, nil
		}
		if strings.HasPrefix(e.ID, begins) {
			found = append(found, e)
		}
	}
	if len(found) != 1 {
		return Exercise{}, fmt.Errorf("%q is no one exercise; choose from %s", begins, strings.Join(ids, ", "))
	}
	return found[0], nil
}

// Pack writes one of our exercises into a directory, as it is read from one.
func Pack(id, dir string) error {
	sub, err := fs.Sub(embedded, id)
	if err != nil {
		return err
	}
	return os.CopyFS(dir, sub)
}
