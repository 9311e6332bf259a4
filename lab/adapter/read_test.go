package adapter_test

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/strictyaml"
	"github.com/mtlslab/mtlslab/lab/wire"
)

const good = `name: shop
role: server
image: shop:1
port: 8443
speaks: http
`

func TestRead(t *testing.T) {
	t.Parallel()
	for _, role := range []wire.Role{wire.Server, wire.Client} {
		a, err := adapter.Read("example.yaml", strings.NewReader(string(adapter.Example(role))))
		if err != nil || a.Role != role {
			t.Errorf("the example of a %s: %v, %v", role, a, err)
		}
	}
	if _, err := adapter.Read("shop.yaml", strings.NewReader(good)); err != nil {
		t.Error(err)
	}
}

// TestReadFaults wants every fault named by file, line and key.
func TestReadFaults(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, text, want string }{
		{"empty", "", "shop.yaml: empty"},
		{"not YAML", "a: [", "shop.yaml: yaml: "},
		{"two documents", good + "---\na: b\n", "shop.yaml:6: want one document"},
		{"a list", "- a\n", "shop.yaml:1: want keys and values"},
		{"unknown key", good + "prot: 3\n", "shop.yaml:6: prot: no such key; choose from about, "},
		{"unknown key below", good + "ready:\n  lgo: x\n", "shop.yaml:7: ready.lgo: no such key; choose from log, within"},
		{"key twice", good + "port: 3\n", "shop.yaml:6: port: want each key once"},
		{"not a number", strings.Replace(good, "8443", "https", 1), `shop.yaml:4: port: want a whole number, got "https"`},
		{"not a boolean", good + "logs: yes\n", `shop.yaml:6: logs: want true or false, got "yes"`},
		{"not a list", good + "command: serve\n", "shop.yaml:6: command: want a list, such as [one, two]"},
		{"nothing", good + "about:\n", "shop.yaml:6: about: want a value"},
		{"an anchor", good + "about: &a text\n", "shop.yaml:6: about: no anchors and aliases here"},
		{"no name", strings.Replace(good, "shop\n", "Shop!\n", 1), "shop.yaml:1: name: want lower-case letters"},
		{"no role", strings.Replace(good, "server", "proxy", 1), "shop.yaml:2: role: want server or client"},
		{"image and build", good + "build: .\n", "shop.yaml:3: image: give an image, or a directory to build"},
		{
			"absolute build", strings.Replace(good, "image: shop:1", "build: /", 1),
			"shop.yaml:3: build: want a directory relative to this file",
		},
		{"no such protocol", strings.Replace(good, "http", "gopher", 1), "shop.yaml:5: speaks: want one of line, http, "},
		{
			"port out of range", strings.Replace(good, "8443", "70000", 1),
			"shop.yaml:4: port: want the port that it listens on",
		},
		{"a client's key", good + "stdin: hello\n", "shop.yaml:6: stdin: a client's, and this is a server"},
		{"a client's answer", good + "delivered:\n  exit: [0]\n", "shop.yaml:6: delivered: exit and output are a client's"},
		{
			"status without HTTP", strings.Replace(good, "http", "line", 1) + "delivered: {status: [200]}\n",
			"shop.yaml:6: delivered.status: only http has one",
		},
		{"no such signal", good + "reload: {signal: KILL}\n", "shop.yaml:6: reload.signal: want one of HUP, "},
		{
			"signal and command", good + "reload: {signal: HUP, command: [reload]}\n",
			"shop.yaml:6: reload.command: give a signal or a command",
		},
		{"not a duration", good + "ready: {within: 3}\n", "shop.yaml:6: ready.within: want a time such as 10s"},
		{"not a pattern", good + "ready: {log: '('}\n", "shop.yaml:6: ready.log: error parsing regexp"},
		{"not a template", good + "command: [serve, '{{.CA']\n", "shop.yaml:6: command[1]: template: line 1: "},
		{
			"unknown template", good + "files:\n  /etc/shop: |\n    {{.Certificate}}\n",
			"shop.yaml:7: files./etc/shop: template: line 1:2: ",
		},
		{"relative file", good + "files: {etc/shop: text}\n", "shop.yaml:6: files.etc/shop: want an absolute path"},
		{"relative directory", good + "material: {dir: certs}\n", "shop.yaml:6: material.dir: want an absolute path"},
		{
			"the root as a directory", good + "material: {dir: /}\n",
			"shop.yaml:6: material.dir: want a directory of its own below /",
		},
		{
			"a file in the root", good + "material: {files: {ca: /ca.crt}}\n",
			"shop.yaml:6: material.files.ca: want a directory of its own below /",
		},
		{"owner", good + "material: {owner: 'a b'}\n", "shop.yaml:6: material.owner: want user or user:group"},
		{
			"two files of a name", good + "material: {files: {ca: a, cert: a}}\n",
			"shop.yaml:6: material.files.cert: two files of one name",
		},
		{
			"way up", good + "material: {files: {ca: ../a}}\n",
			"shop.yaml:6: material.files.ca: want a name or a path without dots",
		},
		{
			"lines that are not there", good + "authentication:\n  - client_ca\n",
			`shop.yaml:7: authentication[0]: "client_ca" is in none of `,
		},
		{
			"adjusted lines that are not there",
			good + "env: {A: b}\nauthentication: [A=b]\nadjusted:\n  - A=b\n  - A=c\n",
			`shop.yaml:10: adjusted[1]: "A=c" is in none of `,
		},
		{"an empty line", good + "adjusted: ['']\n", `shop.yaml:6: adjusted[0]: "" is in none of `},
		{
			"a server's key", "name: a\nrole: client\nimage: a\nspeaks: line\ncommand: [a]\nport: 3\n",
			"shop.yaml:6: port: a server's, and this is a client",
		},
		{
			"a worker in place of nothing",
			"name: a\nrole: client\nimage: a\nspeaks: line\ncommand: [a]\nworker: [b]\n",
			"shop.yaml:6: worker: give entrypoint, too",
		},
		{
			"a worker whose input is taken",
			"name: a\nrole: client\nimage: a\nspeaks: line\nentrypoint: [a]\ncommand: [b]\nstdin: c\nworker: [d]\n",
			"shop.yaml:8: worker: its standard input is what it is to do",
		},
		{"a server's worker", good + "worker: [a]\n", "shop.yaml:6: worker: a client's, and this is a server"},
		{"no command", "name: a\nrole: client\nimage: a\nspeaks: line\n", "shop.yaml:1: command: missing"},
		{"too large", "about: " + strings.Repeat("a", 1<<20), "shop.yaml: more than 1048576 bytes"},
		{"steering a terminal", good + "\"a\\e[31m\": b\n", `shop.yaml:6: a\x1b[31m: no such key`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			a, err := adapter.Read("shop.yaml", strings.NewReader(test.text))
			if a != nil {
				t.Error("an adapter besides the error")
			}
			if _, ok := errors.AsType[*strictyaml.Error](err); !ok || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}

// Of several faults the same is found each time.
func TestFaultsInOrder(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, text, want string }{
		{"files", "files: {z: a, y: a, x: a}", "shop.yaml:6: files.x: "},
		{"templates", "files: {/z: '{{.A}}', /y: '{{.A}}', /x: '{{.A}}'}", "shop.yaml:6: files./x: "},
		{"variables", "env: {Z: '{{.A}}', Y: '{{.A}}', X: '{{.A}}'}", "shop.yaml:6: env.X: "},
	} {
		for range 20 {
			if _, err := adapter.Read("shop.yaml", strings.NewReader(good+test.text+"\n")); err == nil ||
				!strings.HasPrefix(err.Error(), test.want) {
				t.Fatalf("%s: got %v, want %s", test.name, err, test.want)
			}
		}
	}
}

// CheckBuild finds lines in the files of the image as well, and says where one is
// that it does not find.
func TestCheckBuild(t *testing.T) {
	t.Parallel()
	const built = "name: shop\nrole: server\nbuild: .\nport: 8443\nspeaks: http\nauthentication:\n  - " +
		"client_ca on\nadjusted:\n  - RUN touch /a\n"
	files := fstest.MapFS{
		"Dockerfile":    {Data: []byte("RUN touch /a\n")},
		"etc/shop.conf": {Data: []byte("client_ca on\n")},
	}
	for _, test := range []struct {
		name, left, want string
		files            fs.FS
	}{
		{"all there", "", "", files},
		{
			"in a file that is not there", "etc/shop.conf",
			`shop.yaml:7: authentication[0]: "client_ca on" is in none of `, nil,
		},
		{
			"adjusted in a file that is not there", "Dockerfile",
			`shop.yaml:9: adjusted[0]: "RUN touch /a" is in none of `, nil,
		},
		{"no directory", "", "shop.yaml:3: build: ", os.DirFS(filepath.Join(t.TempDir(), "none"))},
	} {
		a, err := adapter.Read("shop.yaml", strings.NewReader(built))
		if err != nil {
			t.Fatal(err)
		}
		if test.files == nil {
			less := maps.Clone(files)
			delete(less, test.left)
			test.files = less
		}
		err = a.CheckBuild(test.files)
		if test.want == "" {
			if err != nil {
				t.Errorf("%s: %v", test.name, err)
			}
			continue
		}
		if _, ok := errors.AsType[*strictyaml.Error](err); !ok || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %s", test.name, err, test.want)
		}
	}
	a, err := adapter.Read("shop.yaml", strings.NewReader(good))
	if err == nil {
		err = a.CheckBuild(os.DirFS(filepath.Join(t.TempDir(), "none")))
	}
	if err != nil {
		t.Errorf("of an adapter that builds nothing: %v", err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(good)
	f.Add(string(adapter.Example(wire.Server)))
	f.Add(string(adapter.Example(wire.Client)))
	f.Fuzz(func(t *testing.T, text string) {
		a, err := adapter.Read("fuzz.yaml", strings.NewReader(text))
		if (a == nil) == (err == nil) {
			t.Errorf("an adapter and an error, or neither: %v, %v", a, err)
		}
		if err == nil {
			if _, err := a.Speech("Hello (0123456789ab)", "0123456789ab"); err != nil {
				t.Errorf("it was read, and cannot speak: %v", err)
			}
		}
	})
}
