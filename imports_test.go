package mtlslab_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const self = "github.com/mtlslab/mtlslab"

// Imports run one way, docs/architecture.md. Each room says which rooms it may
// import, below the module's root, and why no others. Its tests are free in
// this; they are held by sole alone.
var rooms = map[string]struct {
	may []string
	why string
}{
	"":       {nil, "the root holds tests of the whole"},
	"server": {[]string{"lab/metrics", "lab/renewal", "lab/wire"}, "a peer never knows that it is tested"},
	"client": {[]string{"lab/metrics", "lab/renewal", "lab/wire"}, "a peer never knows that it is tested"},
	"images": {nil, "images are built of any program, whatever it is for"},
	"lab": {
		[]string{
			"images", "lab/scorecard", "lab/audit", "lab/exchange", "lab/foreign", "lab/peer", "lab/verdict", "lab/finding",
			"lab/sandbox", "lab/attack", "lab/pki", "lab/limit", "lab/wire", "lab/drill", "lab/change",
			"lab/timeline",
		}, "the front door puts the rooms together; it does not know how anything is printed",
	},
	"lab/remedy": {
		[]string{"lab/audit", "lab/foreign", "lab/peer", "lab/finding", "lab/cases"},
		"a remedy is one audit more; it knows no way of its own to try anything",
	},
	"lab/scorecard": {
		[]string{"lab/remedy", "lab/audit", "lab/exchange", "lab/peer", "lab/verdict", "lab/finding", "lab/pki", "lab/wire"},
		"many audits are one audit many times",
	},
	"lab/audit": {
		[]string{
			"lab/peer", "lab/verdict", "lab/finding", "lab/cases", "lab/sandbox", "lab/attack", "lab/pki",
			"lab/limit", "lab/wire",
		}, "an audit does not know how a peer is run, nor how a finding is printed",
	},
	"lab/exchange": {
		[]string{
			"lab/peer",
			"lab/verdict",
			"lab/sandbox",
			"lab/pki",
			"lab/wire",
		}, "an exchange is no attack: it knows no case",
	},
	"lab/drill": {
		[]string{
			"lab/timeline", "lab/issuer", "lab/peer", "lab/sandbox", "lab/hindrance", "lab/attack", "lab/pki", "lab/wire",
		},
		"a drill is traffic and change: it knows no case, and judges nothing",
	},
	"lab/change": {
		[]string{"lab/foreign", "lab/peer", "lab/finding", "lab/sandbox", "lab/console", "lab/attack", "lab/pki", "lab/wire"},
		"what is measured is not judged",
	},
	"lab/issuer": {
		[]string{"images", "lab/sandbox", "lab/command", "lab/attack", "lab/pki", "lab/wire"},
		"an authority that runs issues to whoever may ask, and does not know what for",
	},
	"lab/timeline": {
		[]string{"lab/console", "lab/wire"}, "what happened is judged from what was seen, whoever made it happen",
	},
	"lab/foreign": {
		[]string{
			"images", "lab/peer", "lab/finding", "lab/sandbox", "lab/adapter", "lab/attack", "lab/command", "lab/limit",
			"lab/wire",
		}, "somebody else's image is a peer as any other",
	},
	"lab/peer": {
		[]string{
			"images", "lab/finding", "lab/sandbox", "lab/adapter", "lab/attack", "lab/hindrance", "lab/journal", "lab/wire",
		}, "a peer never knows what is judged by its account",
	},
	"lab/verdict": {
		[]string{
			"lab/finding",
			"lab/cases",
			"lab/attack",
			"lab/wire",
		}, "a verdict is taken from accounts and evidence, whoever gave them",
	},
	"lab/sandbox": {
		[]string{"images", "lab/command", "lab/limit", "lab/wire"}, "where programs run, nobody knows what they are for",
	},
	"lab/metrics":    {nil, "what is counted is told in one form, whatever it is"},
	"lab/renewal":    {[]string{"lab/wire"}, "new material is noticed whoever it is for"},
	"lab/journal":    {nil, "lines are read whatever they say"},
	"lab/limit":      {nil, "how many there are at once has nothing to do with what they are"},
	"lab/wire":       {nil, "the peers speak it, and a peer is small"},
	"lab/pki":        {[]string{"lab/wire"}, "minting knows no peer and no engine"},
	"lab/strictyaml": {[]string{"lab/wire"}, "a file is read the same way whatever it is about"},
	"lab/attack": {
		[]string{"lab/journal", "lab/wire"},
		"the adversary is told, and tells, in a few words of its own",
	},
	"lab/command": {[]string{"lab/journal"}, "a container's first process runs whatever it is told"},
	"lab/cases":   {[]string{"lab/pki", "lab/wire", "lab/attack"}, "a case never knows which runtime it runs in"},
	"lab/finding": {[]string{"lab/wire", "lab/cases", "lab/strictyaml"}, "what was found is data, whoever found it"},
	"lab/adapter": {[]string{"lab/wire", "lab/attack", "lab/strictyaml"}, "an adapter is data"},
	"lab/report": {
		[]string{"lab/console", "lab/pki", "lab/wire", "lab/cases", "lab/finding", "lab/adapter"},
		"a report is made of findings, with no engine",
	},
	"lab/card": {
		[]string{"lab/report", "lab/console", "lab/wire", "lab/cases", "lab/finding"},
		"a scorecard is made of audits that are there, with no engine",
	},
	"lab/console":   {[]string{"lab/wire"}, "what is printed looks alike, whatever it says"},
	"lab/hindrance": {nil, "what is said to a program and by it is said in a few words of its own"},
	"lab/between":   {[]string{"lab/hindrance"}, "it passes on what it cannot read"},
	"lab/adversary": {[]string{"lab/wire", "lab/attack"}, "it is given its certificates, right or wrong"},
	"lab/init":      {[]string{"lab/command"}, "it is carried into other people's containers"},
	"lab/cmd/dist":  {[]string{"images"}, "it packs what is built, whatever it is for"},
	"lab/cmd/mint": {
		[]string{"lab/pki", "lab/wire"},
		"with the lab it would bring the engine's client into an image of its own",
	},
	"lab/labtest": {
		[]string{
			"lab", "lab/audit", "lab/exchange", "lab/foreign", "lab/peer", "lab/verdict", "lab/report", "lab/sandbox",
			"lab/cases", "lab/finding", "lab/adapter", "lab/pki", "lab/wire", "lab/drill", "lab/timeline",
		}, "a test's front door judges nothing",
	},
	"lab/deployment": {
		[]string{"lab/audit", "lab/pki", "lab/wire"}, "what is written for somebody else to deploy starts nothing",
	},
	"lab/exercises": {
		[]string{"lab/strictyaml"}, "an exercise is data: it does not know how it is carried out",
	},
	"lab/capture": {nil, "what went over a network is written down, whoever said it"},
	"lab/learn": {
		[]string{
			"lab/exercises", "lab/audit", "lab/foreign", "lab/peer", "lab/verdict", "lab/finding", "lab/adapter", "lab/capture",
			"lab/journal", "lab/drill", "lab/timeline", "lab/pki", "lab/wire",
		}, "a check is made of exchanges; it does not know how it is printed",
	},
	"lab/cmd/workshop": {
		[]string{
			"images", "lab", "lab/audit", "lab/finding", "lab/foreign", "lab/sandbox", "lab/cmd/cli", "lab/console",
			"lab/exercises", "lab/learn", "lab/wire", "lab/drill", "lab/timeline",
		}, "the workshop's verbs share nothing with the others but how they end",
	},
	"lab/cmd/cli": {
		[]string{"lab", "lab/foreign", "lab/peer", "lab/sandbox", "lab/console", "lab/adapter", "lab/wire", "images"},
		"what verbs have in common carries nothing out",
	},
	"lab/cmd/mtlslab": {
		[]string{
			"lab/cmd/cli", "lab/cmd/workshop", "lab/capture", "lab/remedy", "lab/drill", "lab/change", "lab/timeline",
			"images", "lab", "lab/deployment", "lab/scorecard", "lab/audit", "lab/exchange", "lab/foreign", "lab/peer",
			"lab/verdict", "lab/report", "lab/card", "lab/console", "lab/sandbox",
			"lab/cases", "lab/finding", "lab/adapter", "lab/pki", "lab/wire",
		}, "the command line is on top",
	},
}

// sole names who alone may import what others wrote, tests included, so that
// it can be replaced in one place.
var sole = []struct {
	path string // a module, or a part of one
	room string
	why  string
}{
	{"go.step.sm/crypto", "lab/pki", "every certificate comes from one place"},
	{"github.com/fsnotify/fsnotify", "lab/renewal", "a directory is watched in one place"},
	{"github.com/Shopify/toxiproxy", "lab/between", "connections are hindered in one place"},
	{"github.com/spf13/cobra", "lab/cmd", "flags are not known below the command line"},
	{"software.sslmate.com/src/go-pkcs12", "lab/adapter", "keystores are made where files are laid out"},
	{"github.com/pavlo-v-chernykh/keystore-go", "lab/adapter", "keystores are made where files are laid out"},
	{"go.yaml.in/yaml", "lab/strictyaml", "what is misread would make a good peer look bad, or a bad one good"},
	{"github.com/google/jsonschema-go", "lab/adapter", "only adapters have a schema that is made of code"},
	{"github.com/gopacket/gopacket", "lab/capture", "frames are made and read in one place"},
	{"github.com/chromedp/chromedp", "lab/report", "only a page is looked at in a browser"},
}

// closed says what a room may be made of besides the standard library and this
// module, all that its imports import included.
var closed = []struct {
	room string
	may  []string
	why  string
}{
	{
		"lab/wire", forms,
		"standard library, and the form of an OCSP response: what decides whom to trust can be read to the end",
	},
	{"client", watching, "standard library, the form of OCSP responses, a file watcher with what it stands on"},
	{"server", watching, "standard library, the form of OCSP responses, a file watcher with what it stands on"},
	{"lab/adversary", forms, "standard library, and what the peers share: it is as small as they"},
	{"lab/init", nil, "standard library only: it is carried into other people's containers"},
}

// The forms of what the peers say to others than each other, and a file watcher with what it stands on.
var (
	forms    = []string{"golang.org/x/crypto/ocsp"}
	watching = append([]string{"github.com/fsnotify/fsnotify", "golang.org/x/sys"}, forms...)
)

// apart says which modules a room is never made of, however far down.
var apart = []struct{ room, from, why string }{
	{"lab/pki", "github.com/testcontainers", "certificates for a test need no engine"},
	{"lab/pki", "github.com/moby", "certificates for a test need no engine"},
}

// A listed package is what `go list` says of one.
type listed struct {
	ImportPath                         string
	Standard                           bool
	Imports, TestImports, XTestImports []string
	Deps                               []string // of the package itself, to the end
}

// room is the package's path below the module's root.
func (p listed) room() string { return strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, self), "/") }

func TestImports(t *testing.T) {
	t.Parallel()
	standard := map[string]bool{}
	var ours []listed
	for _, p := range list(t, "-deps", "./...") {
		standard[p.ImportPath] = p.Standard
		if within(p.ImportPath, self) {
			ours = append(ours, p)
		}
	}
	for _, p := range ours {
		checkRoom(t, p)
		checkSole(t, p)
		checkClosed(t, p, standard)
		checkApart(t, p)
	}
}

func checkApart(t *testing.T, p listed) {
	t.Helper()
	for _, rule := range apart {
		if p.room() == rule.room && slices.ContainsFunc(p.Deps, func(path string) bool { return within(path, rule.from) }) {
			t.Errorf("%s must not be made of %s: %s", p.room(), rule.from, rule.why)
		}
	}
}

func checkRoom(t *testing.T, p listed) {
	t.Helper()
	rule, known := rooms[p.room()]
	if !known && !strings.Contains(p.ImportPath, "/testdata/") {
		t.Errorf("%s is in no room: say in imports_test.go what it may import, and why", p.ImportPath)
	}
	for _, path := range p.Imports {
		if path == "testing" && p.room() != "lab/labtest" {
			t.Errorf("%s must not import testing: only a test's front door knows of tests", p.room())
		}
		if !within(path, self) {
			continue
		}
		if room := (listed{ImportPath: path}).room(); !slices.Contains(rule.may, room) {
			t.Errorf("%s must not import %s: %s", p.room(), room, rule.why)
		}
	}
}

func checkSole(t *testing.T, p listed) {
	t.Helper()
	const containers = "github.com/testcontainers/testcontainers-go"
	for _, path := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
		// Another way to run containers would be another file of the sandbox; a test's front door
		// names the type of a container that its caller has started.
		if within(path, containers) && !within(p.room(), "lab/sandbox") && p.room() != "lab/labtest" {
			t.Errorf("%s must not import %s", p.room(), path)
		}
	}
	for _, rule := range sole {
		for _, path := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
			if within(path, rule.path) && !within(p.room(), rule.room) {
				t.Errorf("%s must not import %s, only %s may: %s", p.room(), path, rule.room, rule.why)
			}
		}
	}
}

func checkClosed(t *testing.T, p listed, standard map[string]bool) {
	t.Helper()
	for _, rule := range closed {
		if p.room() != rule.room {
			continue
		}
		for _, path := range p.Deps {
			allowed := slices.ContainsFunc(rule.may, func(root string) bool { return within(path, root) })
			if !standard[path] && !within(path, self) && !allowed {
				t.Errorf("%s must not be made of %s: %s", p.room(), path, rule.why)
			}
		}
	}
}

// within reports whether a package is root, or below it.
func within(path, root string) bool { return path == root || strings.HasPrefix(path, root+"/") }

func list(t *testing.T, args ...string) []listed {
	t.Helper()
	cmd := exec.CommandContext(
		t.Context(),
		"go",
		append([]string{"list", "-e", "-json=ImportPath,Standard,Imports,TestImports,XTestImports,Deps"}, args...)...)
	cmd.Stderr = t.Output()
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}
