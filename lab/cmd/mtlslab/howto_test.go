package main

import (
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
	cmd := exec.CommandContext(t.Context(), "sh", "-c", script)
	cmd.Dir = "../../.."
	cmd.Env = append(os.Environ(), "TMPDIR="+t.TempDir(), "MTLSLAB_OWNER=how-to")
	out, err := cmd.CombinedOutput()
	t.Cleanup(func() {
		_ = exec.Command("docker", "image", "rm", "-f", "shop:1", "shop:2").Run()
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"protocol/no-client-certificate", "FAIL: ", "adapter.yaml: ok, a server that speaks http", "PASS: "} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}
