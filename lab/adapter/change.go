package adapter

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"
)

// Remedy is a setting that is said to help where the peer lets somebody in. An audit carries it
// out on a second peer, which differs by it alone, and so says whether it does.
type Remedy struct {
	Setting string            `yaml:"setting" jsonschema:"the setting, in a few words, as the product spells it"`
	Source  string            `yaml:"source" jsonschema:"where it is written that it helps"`
	Change  map[string]string `yaml:"change"`
	// Mends are cases that fail without it and pass with it, Fails those for which it was tried
	// in vain. They are ids, or groups with a final slash.
	Mends []string `yaml:"mends" jsonschema:"cases that fail without it and must pass with it, by id"`
	Fails []string `yaml:"fails" jsonschema:"cases for which it was tried in vain, by id"`
}

// Report is what somebody has said in public of the product, and what became of it here.
type Report struct {
	At    string   `yaml:"at" jsonschema:"its address"`
	Says  string   `yaml:"says" jsonschema:"what it says, in a sentence"`
	Fails []string `yaml:"fails" jsonschema:"cases that fail if it is right, by id"`
	Holds []string `yaml:"holds" jsonschema:"cases that pass if it is right, by id"`
	Found string   `yaml:"found" jsonschema:"what was found instead, where that is something else"`
}

// Manual is a published page by which a peer is set up, and by nothing else.
type Manual struct {
	At   string `yaml:"at" jsonschema:"its address"`
	Read string `yaml:"read" jsonschema:"the day on which it was read, such as 2026-11-30"`
}

// Remedied is the peer with a remedy, and otherwise the same.
func (a *Adapter) Remedied(r Remedy) (*Adapter, error) {
	changed, err := a.changed(r.Change)
	if err != nil {
		return nil, fmt.Errorf("%s: remedy %q: %w", a.Name, r.Setting, err)
	}
	changed.Name += "-remedied"
	changed.Remedies, changed.Reports = nil, nil
	return changed, nil
}

var errNoOther = errors.New("the other adapter is found from a file, and this was read from none")

// onto puts what an adapter says in the place of what another does.
func (a *Adapter) onto(other func(like string) (*Adapter, error)) (*Adapter, error) {
	if other == nil {
		return nil, a.fault("like", errNoOther)
	}
	base, err := other(a.Like)
	if errors.Is(err, errCircle) {
		err = errCircle // said once, and not at each turn
	}
	if err != nil {
		return nil, a.fault("like", err)
	}
	base, err = base.changed(a.Change)
	if err != nil {
		return nil, a.fault("change", err)
	}
	base.Remedies, base.Reports, base.Manual = nil, nil, Manual{} // which are the other's
	if base.Build != "" {
		base.Build = path.Join(path.Dir(a.Like), base.Build)
	}
	if len(a.Entrypoint)+len(a.Command) > 0 {
		base.Worker = nil // which carries out the other's
	}
	from, to := reflect.ValueOf(a).Elem(), reflect.ValueOf(base).Elem()
	for i := range from.NumField() {
		if field := from.Field(i); from.Type().Field(i).IsExported() && !field.IsZero() {
			to.Field(i).Set(field)
		}
	}
	base.source = a.source
	return base, nil
}

// changed is the adapter with other words in what is run, and in the lines that a reader is
// shown. An error names words that are not there.
func (a *Adapter) changed(change map[string]string) (*Adapter, error) {
	c := *a
	c.Files, c.Env = maps.Clone(a.Files), maps.Clone(a.Env)
	for _, old := range slices.Sorted(maps.Keys(change)) {
		found := false
		replace := func(text string) string {
			if old != "" && strings.Contains(text, old) {
				found = true
				return strings.ReplaceAll(text, old, change[old])
			}
			return text
		}
		c.Stdin = replace(c.Stdin)
		c.Entrypoint, c.Command = replaceWords(c.Entrypoint, replace), replaceWords(c.Command, replace)
		c.Worker = replaceWords(c.Worker, replace)
		c.Reload.Command = replaceWords(c.Reload.Command, replace)
		for _, texts := range []map[string]string{c.Files, c.Env} {
			for name, text := range texts {
				texts[name] = replace(text)
			}
		}
		if !found {
			return nil, fmt.Errorf("%q is in none of files, command, entrypoint, env and stdin", old)
		}
		c.Authentication, c.Adjusted = replaceWords(c.Authentication, replace), replaceWords(c.Adjusted, replace)
	}
	return &c, nil
}

// replaceWords is a list in which words are replaced. One of which nothing is left is left out, and
// one that has become several lines is as many words.
func replaceWords(words []string, replace func(string) string) (replaced []string) {
	for _, word := range words {
		switch now := replace(word); {
		case strings.Contains(word, "\n"):
			replaced = append(replaced, now)
		case now != "" || word == "":
			replaced = append(replaced, strings.Split(now, "\n")...)
		}
	}
	return replaced
}
