package adapter

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/mtlslab/mtlslab/lab/wire"
)

var (
	validName  = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	validOwner = regexp.MustCompile(`^[A-Za-z0-9_.-]+(:[A-Za-z0-9_.-]+)?$`)

	signals = []string{"HUP", "INT", "QUIT", "TERM", "USR1", "USR2", "WINCH"}
)

// rule is one thing that must hold of an adapter.
type rule struct {
	key   string
	broke bool
	why   string
}

// Check says what is wrong with an adapter, as a *[strictyaml.Error]; [Read] has done
// so.
func (a *Adapter) Check() error {
	for _, r := range slices.Concat(a.rulesOfAll(), a.rulesOfRole(), a.rulesOfMaterial(), a.rulesOfHelp()) {
		if r.broke {
			return a.fault(r.key, errors.New(r.why))
		}
	}
	if err := a.checkPatterns(); err != nil {
		return err
	}
	return a.checkTemplates()
}

func (a *Adapter) fault(key string, err error) error {
	e := a.source.Fault(key, err)
	e.File = cmp.Or(e.File, "adapter") // it was made without a file
	return e
}

func (a *Adapter) rulesOfAll() []rule {
	rules := []rule{
		{"name", !validName.MatchString(a.Name), "want lower-case letters, digits and single hyphens"},
		{"role", a.Role != wire.Server && a.Role != wire.Client, "want server or client"},
		{"image", (a.Image == "") == (a.Build == ""), "give an image, or a directory to build, and not both"},
		{"build", path.IsAbs(a.Build), "want a directory relative to this file"},
		{"speaks", !slices.Contains(protocols, a.Speaks), fmt.Sprintf("want one of %s", words(protocols))},
		{"parallel", a.Parallel < 0, "want no less than none"},
		{
			"reload.signal",
			a.Reload.Signal != "" && !slices.Contains(signals, a.Reload.Signal),
			"want one of " + strings.Join(signals, ", "),
		},
		{"reload.command", a.Reload.Signal != "" && len(a.Reload.Command) > 0, "give a signal or a command"},
		{"delivered.status", len(a.Delivered.Status) > 0 && a.Speaks != HTTP, "only http has one"},
		{"refused.status", len(a.Refused.Status) > 0 && a.Speaks != HTTP, "only http has one"},
	}
	for _, name := range slices.Sorted(maps.Keys(a.Files)) {
		rules = append(
			rules,
			rule{"files." + name, !path.IsAbs(name) || path.Clean(name) != name, "want an absolute path, without dots"},
		)
	}
	return rules
}

func (a *Adapter) rulesOfRole() []rule {
	if a.Role == wire.Client {
		const servers = "a server's, and this is a client"
		return append(a.rulesOfCaller(), []rule{
			{"speaks", slices.Contains(ofServers, a.Speaks), "only servers of it can be put to the test"},
			{"port", a.Port != 0, servers},
			{"ports", len(a.Ports) > 0, servers},
			{"ready", a.Ready != Ready{}, servers},
			{"admits", a.Admits, servers},
			{"open", a.Open, servers},
			{"identity", a.Identity != "", servers},
			{"logs", a.Logs, servers},
			{"reload", a.Again == "" && a.reloads(), "a server's, or of a client that stays up; and this is neither"},
			{"again", a.Again != "" && (a.Stdin != "" || a.Hangup != ""), "its standard input is the lines that again says"},
			{"worker", len(a.Worker) > 0 && len(a.Entrypoint) == 0, "give entrypoint, too: what it stands for"},
			{
				"worker", len(a.Worker) > 0 && a.Stdin+a.Hangup+a.Again != "",
				"its standard input is what it is to do, so there is no stdin, hangup or again",
			},
			{"again", a.Again != "" && a.Speaks != HTTP, "only of clients that speak http"},
			{"refused", len(a.Refused.Status) > 0 || a.Refused.Match != "", servers},
			{
				"delivered",
				len(a.Delivered.Status) > 0 || a.Delivered.Echo != nil || a.Delivered.Match != "",
				"status, echo and match are of a server's answer; a client has exit and output",
			},
		}...)
	}
	const clients = "a client's, and this is a server"
	return []rule{
		{"speaks", slices.Contains(ofClients, a.Speaks), "only clients of it can be put to the test"},
		{"logs", a.Speaks.Mute() && !a.Logs, "want true: nothing else shows that a message arrived"},
		{"port", a.Port < 1 || a.Port > 65535, "want the port that it listens on, 1 to 65535"},
		{"ports", !distinctPorts(append([]int{a.Port}, a.Ports...)), "want others than port, each once, 1 to 65535"},
		{"open", a.Open && a.Speaks != HTTP, "only http has hosts"},
		{
			"open", a.Open && (a.Delivered.Echo == nil || !*a.Delivered.Echo) && a.Delivered.Match == "",
			"give delivered.echo or delivered.match, or the answer of the open host passes for the other's",
		},
		{
			"identity", a.Identity != "" && !slices.Contains(wire.Fields(), a.Identity),
			fmt.Sprintf("want one of %s", words(wire.Fields())),
		},
		{"stdin", a.Stdin != "", clients},
		{"again", a.Again != "", clients},
		{"hangup", a.Hangup != "", clients},
		{"worker", len(a.Worker) > 0, clients},
		{
			"delivered",
			len(a.Delivered.Exit) > 0 || a.Delivered.Output != "",
			"exit and output are a client's; a server has status, echo and match",
		},
		{
			"ready.within",
			a.Ready.Within != "" && !isDuration(a.Ready.Within),
			"want a time such as 10s, more than none",
		},
	}
}

// reloads says whether there is a way to have it read its files again.
func (a *Adapter) reloads() bool { return a.Reload.Signal != "" || len(a.Reload.Command) > 0 }

// rulesOfHelp are those of what is said of the peer, and of what would help.
func (a *Adapter) rulesOfHelp() []rule {
	rules := []rule{
		{"change", len(a.Change) > 0 && a.Like == "", "only of an adapter that is like another"},
		{"like", path.IsAbs(a.Like), "want a file relative to this one"},
		{"manual.at", (a.Manual.At == "") != (a.Manual.Read == ""), "give at and read"},
		{"manual.read", a.Manual.Read != "" && !isDay(a.Manual.Read), "want a day such as 2026-11-30"},
	}
	for i, r := range a.Remedies {
		key := fmt.Sprintf("remedies[%d]", i)
		_, err := a.Remedied(r)
		rules = append(
			rules,
			rule{key + ".setting", r.Setting == "", "missing: what is set"},
			rule{key + ".source", r.Source == "", "missing: where it is written that it helps"},
			rule{key + ".change", len(r.Change) == 0, "missing: what is changed"},
			rule{key + ".change", err != nil, fmt.Sprint(err)},
			rule{key, len(r.Mends)+len(r.Fails) == 0, "give mends or fails: the cases that it is about"},
		)
	}
	for i, r := range a.Reports {
		key := fmt.Sprintf("reports[%d]", i)
		rules = append(
			rules,
			rule{key, r.At == "" || r.Says == "", "give at and says"},
			rule{key, len(r.Fails)+len(r.Holds) == 0 && r.Found == "", "give fails or holds: the cases that show it; or found"},
		)
	}
	return rules
}

func isDay(text string) bool {
	_, err := time.Parse(time.DateOnly, text)
	return err == nil
}

func distinctPorts(all []int) bool {
	for i, port := range all {
		if port < 1 || port > 65535 || slices.Contains(all[:i], port) {
			return false
		}
	}
	return true
}

// noVolume is why material goes nowhere directly below the root: a directory of it
// is a volume, which the root cannot be.
const noVolume = "want a directory of its own below /"

func (a *Adapter) rulesOfMaterial() []rule {
	m := a.Material
	rules := []rule{
		{
			"material.dir",
			m.Dir != "" && (!path.IsAbs(m.Dir) || path.Clean(m.Dir) != m.Dir),
			"want an absolute path, without dots",
		},
		{"material.dir", m.Dir == "/", noVolume},
		{"material.owner", m.Owner != "" && !validOwner.MatchString(m.Owner), "want user or user:group"},
	}
	seen := make(map[string]bool)
	for _, f := range a.layout() {
		key := "material.files." + f.key
		rules = append(
			rules,
			rule{
				key,
				path.Clean(f.name) != f.name || f.name == "." || strings.HasPrefix(f.name, ".."),
				"want a name or a path without dots",
			},
			rule{key, path.IsAbs(f.name) && path.Dir(f.name) == "/", noVolume},
			rule{key, seen[f.name], "two files of one name"},
			rule{
				key,
				a.Role == wire.Client && a.calls == 0 && path.IsAbs(f.name),
				"want a name in material.dir: a client is given more than one set",
			},
		)
		seen[f.name] = true
	}
	return rules
}

func words[T ~string](list []T) string {
	texts := make([]string, len(list))
	for i, t := range list {
		texts[i] = string(t)
	}
	return strings.Join(texts, ", ")
}

func isDuration(text string) bool {
	d, err := time.ParseDuration(text)
	return err == nil && d > 0
}

func (a *Adapter) checkPatterns() error {
	for _, p := range []struct{ key, text string }{
		{"ready.log", a.Ready.Log}, {"refused.match", a.Refused.Match},
	} {
		if _, err := regexp.Compile(p.text); err != nil {
			return a.fault(p.key, err)
		}
	}
	return nil
}

// checkTemplates expands everything once, with values of no meaning.
func (a *Adapter) checkTemplates() error {
	values := a.ValuesFor(a.Dir(), true)
	values.IP, values.Port, values.Version = "192.0.2.1", 1, "1.3"
	values.Message, values.Nonce = "Hello, server! (0123456789ab)", "0123456789ab"
	for _, t := range a.templates() {
		expanded, err := a.Expand(t.text, values)
		if err == nil && t.pattern {
			_, err = regexp.Compile(expanded)
		}
		if err != nil {
			return a.fault(t.key, err)
		}
	}
	return a.checkLines()
}

// templated is one text that is expanded; a pattern is compiled as well.
type templated struct {
	key, text string
	pattern   bool
}

// templates lists all that is expanded, in one order: of several faults, the same
// is found each time.
func (a *Adapter) templates() []templated {
	var all []templated
	list := func(key string, texts []string) {
		for i, text := range texts {
			all = append(all, templated{key: fmt.Sprintf("%s[%d]", key, i), text: text})
		}
	}
	byName := func(key string, texts map[string]string) {
		for _, name := range slices.Sorted(maps.Keys(texts)) {
			all = append(all, templated{key: key + "." + name, text: texts[name]})
		}
	}
	list("entrypoint", a.Entrypoint)
	list("command", a.Command)
	list("worker", a.Worker)
	byName("env", a.Env)
	byName("files", a.Files)
	list("reload.command", a.Reload.Command)
	return append(all,
		templated{key: "stdin", text: a.Stdin},
		templated{key: "again", text: a.Again},
		templated{key: "hangup", text: a.Hangup, pattern: true},
		templated{key: "delivered.match", text: a.Delivered.Match, pattern: true},
		templated{key: "delivered.output", text: a.Delivered.Output, pattern: true},
	)
}

// checkLines keeps the lines that a reader is shown from drifting away from those
// that are used. Where an image is built, they can be in what it is built of; see
// [Adapter.CheckBuild].
func (a *Adapter) checkLines() error {
	if a.Build != "" {
		return nil
	}
	return a.findLines(nil)
}

// CheckBuild holds the lines that a reader is shown to the files that the image
// is built of, besides those of the adapter. Its error is a *[strictyaml.Error].
// Of an adapter that builds nothing, [Adapter.Check] has done so.
func (a *Adapter) CheckBuild(files fs.FS) error {
	if a.Build == "" {
		return nil
	}
	var texts []string
	err := fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || strings.HasSuffix(path, ".yaml") {
			return err
		}
		text, err := fs.ReadFile(files, path)
		texts = append(texts, string(text))
		return err
	})
	if err != nil {
		return a.fault("build", err)
	}
	return a.findLines(texts)
}

// findLines looks for the lines that a reader is shown in all that the peer is run
// with, and in what its image is built of.
func (a *Adapter) findLines(built []string) error {
	used := slices.Concat(built, []string{strings.Join(a.Entrypoint, " "), strings.Join(a.Command, " ")})
	for _, text := range a.Files {
		used = append(used, text)
	}
	for name, text := range a.Env {
		used = append(used, name+"="+text)
	}
	for _, list := range []struct {
		key   string
		lines []string
	}{{"authentication", a.Authentication}, {"adjusted", a.Adjusted}} {
		for i, line := range list.lines {
			found := func(text string) bool { return strings.Contains(text, line) }
			if line == "" || !slices.ContainsFunc(used, found) {
				return a.fault(
					fmt.Sprintf("%s[%d]", list.key, i),
					fmt.Errorf("%q is in none of files, command, entrypoint, env and what the image is built of", line),
				)
			}
		}
	}
	return nil
}
