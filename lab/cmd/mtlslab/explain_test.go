package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/cmd/cli"
)

// call runs a command line.
func call(t *testing.T, args ...string) (code int, out, complaint string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = execute(t.Context(), args, &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

// Every case can be explained, on its own screen.
func TestExplain(t *testing.T) {
	t.Parallel()
	for _, c := range cases.All() {
		if testing.Short() && !strings.HasPrefix(c.ID, "identity/") && !strings.HasPrefix(c.ID, "protocol/") {
			continue
		}
		code, out, complaint := call(t, "explain", c.ID)
		if code != cli.ExitPass || complaint != "" {
			t.Errorf("%s: code %d, %s", c.ID, code, complaint)
		}
		if !strings.HasPrefix(out, c.ID+"\n") || !strings.Contains(out, string(c.Attacker)) {
			t.Errorf("%s: %.200s", c.ID, out)
		}
		for line := range strings.Lines(out) {
			if len([]rune(strings.TrimSuffix(line, "\n"))) > width {
				t.Errorf("%s: more than %d columns: %s", c.ID, width, line)
			}
		}
	}
}

// What differs from the good certificate is marked, and nothing else.
func TestExplainMarksWhatDiffers(t *testing.T) {
	t.Parallel()
	_, out, _ := call(t, "explain", "usage/code-signing")
	var marked []string
	for line := range strings.Lines(out) {
		if what, is := strings.CutPrefix(line, "* "); is {
			marked = append(marked, strings.Join(strings.Fields(what), " "))
		}
	}
	if got := strings.Join(marked, "; "); got != "extended usage code signing; extended usage code signing" {
		t.Errorf("marked: %s", got)
	}
	code, out, _ := call(t, "explain", "usage/code-signing", "--json")
	var document explained
	if err := json.Unmarshal([]byte(out), &document); err != nil || code != cli.ExitPass {
		t.Fatalf("code %d, %v", code, err)
	}
	if document.Attacker != cases.Insider || len(document.Differs) != 2 ||
		document.Differs[0] != "as a client: extended usage: code signing instead of client" {
		t.Errorf("%+v", document)
	}
}

func TestExplainRefuses(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"explain":                        "takes the id of one case",
		"explain a b":                    "takes the id of one case",
		"explain chain/signed":           "there are ",
		"explain nonsense":               "mtlslab audit server --list",
		"explain identity/host-elsewher": "identity/other-host",
	} {
		code, _, complaint := call(t, strings.Fields(args)...)
		if code != cli.ExitUsage || !strings.Contains(complaint, want) {
			t.Errorf("%s: code %d, %q, want %q", args, code, complaint, want)
		}
	}
}
