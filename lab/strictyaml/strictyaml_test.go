package strictyaml_test

import (
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/mtlslab/mtlslab/lab/strictyaml"
)

// shop has a field of every kind that a file may have.
type shop struct {
	Name  string            `yaml:"name"`
	Port  int               `yaml:"port"`
	Open  bool              `yaml:"open"`
	Tags  []string          `yaml:"tags"`
	Env   map[string]string `yaml:"env"`
	Owner struct {
		ID *string `yaml:"id"`
	} `yaml:"owner"`
	Unread string
}

func TestRead(t *testing.T) {
	t.Parallel()
	const text = `# A shop.
name: 1.20
port: 8443
open: true
tags:
  - one
  - "2"
env: {A: b}
owner:
  id: 0x1F
`
	var got shop
	source, err := strictyaml.Read("shop.yaml", strings.NewReader(text), &got)
	if err != nil {
		t.Fatal(err)
	}
	id := "0x1F"
	want := shop{Name: "1.20", Port: 8443, Open: true, Tags: []string{"one", "2"}, Env: map[string]string{"A": "b"}}
	want.Owner.ID = &id
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for key, line := range map[string]int{
		"": 2, "name": 2, "tags": 5, "tags[1]": 7, "tags[2]": 5, "env.A": 8, "env.B": 8, "owner.id": 10,
		"owner.name": 9, "nothing": 2,
	} {
		if at := source.Line(key); at != line {
			t.Errorf("%q is in line %d, want %d", key, at, line)
		}
	}
	cause := errors.New("taken")
	fault := source.Fault("owner.name", cause)
	if fault.Error() != "shop.yaml:9: owner.name: taken" || !errors.Is(fault, cause) {
		t.Errorf("got %v", fault)
	}
}

func TestReadFaults(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, text, want string }{
		{"nothing", "", "shop.yaml: empty"},
		{"a comment", "# nothing\n", "shop.yaml: empty"},
		{"no YAML", "name: [", "shop.yaml: yaml: "},
		{"a tab", "owner:\n\tid: a", "shop.yaml: yaml: "},
		{"two documents", "name: a\n---\nname: b\n", "shop.yaml:2: want one document"},
		{"broken after the document", "name: a\n---\n[", "shop.yaml: yaml: "},
		{"too large", "name: " + strings.Repeat("a", 1<<20), "shop.yaml: more than 1048576 bytes"},
		{"a list", "- name", "shop.yaml:1: want keys and values: env, name, open, owner, port, tags"},
		{"no such key", "name: a\nnam: b", "shop.yaml:2: nam: no such key; choose from env, name, "},
		{"a field without a key", "Unread: a", "shop.yaml:1: Unread: no such key"},
		{"no such key below", "owner: {di: a}", "shop.yaml:1: owner.di: no such key; choose from id"},
		{"a key twice", "name: a\nname: b", "shop.yaml:2: name: want each key once"},
		{"a key twice in a map", "env:\n  A: b\n  A: c", "shop.yaml:3: env.A: want each key once"},
		{"a key that is a list", "? [name]\n: a", "shop.yaml:1: want each key once, as plain text"},
		{"no value", "name:", "shop.yaml:1: name: want a value"},
		{"a null", "name: ~", "shop.yaml:1: name: want a value"},
		{"a list for a text", "name: [a]", "shop.yaml:1: name: want a value"},
		{"a text for a list", "tags: a", "shop.yaml:1: tags: want a list"},
		{"no list", "tags:", "shop.yaml:1: tags: want a list"},
		{"a text for a map", "env: a", "shop.yaml:1: env: want keys and values"},
		{"not a number", "port: https", `shop.yaml:1: port: want a whole number, got "https"`},
		{"half a number", "port: 1.5", `shop.yaml:1: port: want a whole number, got "1.5"`},
		{"yes", "open: yes", `shop.yaml:1: open: want true or false, got "yes"`},
		{"an anchor", "name: &a b", "shop.yaml:1: name: no anchors and aliases here"},
		{"an alias", "env: {A: &a b, C: *a}", "shop.yaml:1: env.A: no anchors and aliases here"},
		{"a merge key", "env:\n  <<: {A: b}", "shop.yaml:2: env.<<: want a value"},
		{"steering a terminal", `"\e[2J": a`, `shop.yaml:1: \x1b[2J: no such key`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := strictyaml.Read("shop.yaml", strings.NewReader(test.text), new(shop))
			if _, ok := errors.AsType[*strictyaml.Error](err); !ok || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
	cause := errors.New("no such disk")
	if _, err := strictyaml.Read("shop.yaml", iotest.ErrReader(cause), new(shop)); !errors.Is(err, cause) {
		t.Errorf("error %v", err)
	}
}
