package main

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtlslab/mtlslab/lab/cmd/cli"
)

// masks are what differs from one run to the next, and from one machine to
// another.
var masks = []struct{ pattern, mask string }{
	{` +[0-9.]+ (ms|s)$`, " TIME"},
	{`in [0-9.]+ s$`, "in TIME"},
	{`mtlslab-[0-9a-f]{12}`, "NETWORK"},
	{`198\.1[89]\.[0-9.]+/26`, "SUBNET"},
	{`\([0-9a-f]{12}\)`, "(NONCE)"},
	{`[0-9.]+ MB, sha256:[0-9a-f]{12}, (built|cached)`, "IMAGE"},
	{`^engine .*`, "ENGINE"},
}

// tried are the addresses of the machine, and of whatever else runs there.
var tried = regexp.MustCompile(`(?m)^isolation from inside, none of .*\n( .*\n)*`)

func masked(text string) []string {
	text = tried.ReplaceAllString(text, "ISOLATION\n")
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for i := range lines {
		for _, m := range masks {
			lines[i] = regexp.MustCompile(m.pattern).ReplaceAllString(lines[i], m.mask)
		}
	}
	return lines
}

// withoutMistake leaves the last act out, which there is only where the image of
// the gallery is built.
func withoutMistake(text string) string {
	return regexp.MustCompile(`(?m)^mistake .*\n( .*\n)*`).ReplaceAllString(text, "")
}

// TestReadmeTranscript holds the README's transcript against a real run.
func TestReadmeTranscript(t *testing.T) {
	if !haveEngine(t) {
		t.Skip("needs an engine")
	}
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(readme), "```\n")
	transcript, _, ok := strings.Cut(after, "```\n")
	if !ok {
		t.Fatal("README.md: no transcript")
	}
	var out, errOut bytes.Buffer
	if code := execute(t.Context(), []string{"run", "--runtime", "containers"}, &out, &errOut); code != cli.ExitPass {
		t.Fatalf("exit code %d\n%s%s", code, &out, &errOut)
	}
	if diff := cmp.Diff(masked(transcript), masked(withoutMistake(out.String()))); diff != "" {
		t.Errorf("README.md (-) against a real run (+):\n%s", diff)
	}
}
