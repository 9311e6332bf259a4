package adapter_test

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// TestExamplesHaveEveryKey reads the examples with nothing commented out, in two
// ways: some keys can be given in one way only. Every key that the role has must
// say something in one of them.
func TestExamplesHaveEveryKey(t *testing.T) {
	t.Parallel()
	for _, role := range []wire.Role{wire.Server, wire.Client} {
		t.Run(string(role), func(t *testing.T) {
			t.Parallel()
			text := string(adapter.Example(role))
			whole := uncommented(text)
			said := make(map[string]bool)
			for _, left := range [][]string{
				{"build:", "worker:", "reload: {command", "again:", "reload: {signal: HUP}", "like:", "change: {old"},
				{"image:", "worker:", "reload: {signal", "again:", "like:", "change: {old"},
				{"build:", "stdin:", "hangup:", "worker:", "reload: {command", "like:", "change: {old"},
				{"build:", "stdin:", "hangup:", "again:", "reload:", "like:", "change: {old"},
			} {
				a, err := adapter.Read("example.yaml", strings.NewReader(without(whole, left)))
				if err != nil {
					t.Fatalf("without %q: %v\n%s", left, err, whole)
				}
				note(said, reflect.ValueOf(*a), "")
			}
			for _, key := range keysOf(role, reflect.TypeFor[adapter.Adapter](), "") {
				// The names of files are in its words: few peers need more than three.
				file, isFile := strings.CutPrefix(key, "material.files.")
				named := isFile && regexp.MustCompile(`\b`+file+`\b`).MatchString(text)
				// A second file is needed, or this one would be like itself.
				apart := (key == "like" || key == "change") && strings.Contains(text, "\n# "+key+": ")
				if !said[key] && !named && !apart {
					t.Errorf("the example of a %s has no %s", role, key)
				}
			}
		})
	}
}

var (
	commentedKey  = regexp.MustCompile(`^( *)# ([a-z]+: ?.*)$`)
	commentedRest = regexp.MustCompile(`^# (  .*)$`)
)

// uncommented takes the comments off keys and what belongs to them, and leaves
// out what is said to a reader.
func uncommented(text string) string {
	var kept []string
	within := false
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		key, rest := commentedKey.FindStringSubmatch(line), commentedRest.FindStringSubmatch(line)
		switch {
		case key != nil:
			kept, within = append(kept, key[1]+key[2]), true
		case rest != nil && within:
			kept = append(kept, rest[1])
		case strings.HasPrefix(line, "#") || line == "":
			within = false
		default:
			kept, within = append(kept, line), false
		}
	}
	return strings.Join(kept, "\n") + "\n"
}

func without(text string, prefixes []string) string {
	var kept strings.Builder
	for line := range strings.Lines(text) {
		if !slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(line, p) }) {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

// note adds the keys that say something.
func note(said map[string]bool, value reflect.Value, prefix string) {
	for field, of := range value.Fields() {
		key := field.Tag.Get("yaml")
		if key == "" || of.IsZero() {
			continue
		}
		said[prefix+key] = true
		if of.Kind() == reflect.Struct {
			note(said, of, prefix+key+".")
		}
	}
}

// keysOf lists the keys that are not the other role's.
func keysOf(role wire.Role, t reflect.Type, prefix string) []string {
	var all []string
	for field := range t.Fields() {
		key := field.Tag.Get("yaml")
		if key == "" || strings.HasPrefix(adapter.DescriptionOf(t, field), "of a "+string(role.Other())) {
			continue
		}
		if field.Type.Kind() != reflect.Struct {
			all = append(all, prefix+key)
			continue
		}
		all = append(all, keysOf(role, field.Type, prefix+key+".")...)
	}
	return all
}
