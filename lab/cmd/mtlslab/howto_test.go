package main

import (
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// TestHowTo runs the commands of the page for those who audit an image of their
// own, in order, as its reader would. It builds images, for which the engine keeps
// everybody else waiting, so it runs alone.
func TestHowTo(t *testing.T) {
	if !haveEngine(t) {
		t.Skip("needs an engine")
	}
	if _, err := exec.LookPath("docker"); err != nil {
		if os.Getenv("MTLSLAB_REQUIRE_TOOLS") == "1" {
			t.Fatalf("MTLSLAB_REQUIRE_TOOLS=1: %v", err)
		}
		t.Skipf("the page's commands want Docker's client: %v", err)
	}
	page, err := os.ReadFile("../../../docs/how-to/audit-your-image.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	if len(blocks) < 5 {
		t.Fatalf("%d blocks of commands", len(blocks))
	}
	script := "set -eux\n"
	for _, block := range blocks {
		script += block[1]
	}
	// The names that the page gives are its reader's to use.
	const own = "mtlslab-how-to-test"
	script = strings.NewReplacer("shop:", own+":", "}/shop", "}/"+own).Replace(script)
	for _, want := range []string{own + ":1 ", "/" + own + " "} {
		if !strings.Contains(script, want) {
			t.Fatalf("no %q in\n%s", want, script)
		}
	}
	t.Cleanup(func() { removeImages(t, own, "mtlslab/peer-"+own) })
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "sh", "-c", script)
	cmd.Dir, cmd.Stdout, cmd.Stderr = "../../..", &stdout, &stderr
	cmd.Env = append(os.Environ(), "TMPDIR="+t.TempDir(), "MTLSLAB_OWNER=how-to")
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s%s", err, &stdout, &stderr)
	}
	// The shell's trace of the commands themselves is not among it.
	for _, want := range []string{
		"protocol/no-client-certificate", "FAIL: ", "role: server", "adapter.yaml: ok, a server that speaks http",
		"\nPASS: all as demanded in ", "it stood in the baseline of ", "our authority names no policies",
	} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("no %q in\n%s", want, &stdout)
		}
	}
}

// removeImages removes all images of those names, whatever their tags.
func removeImages(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		out, err := exec.Command("docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", name).Output()
		if err != nil {
			t.Error(err)
		}
		for ref := range strings.FieldsSeq(string(out)) {
			if out, err := exec.Command("docker", "image", "rm", "--force", ref).CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		}
	}
}
