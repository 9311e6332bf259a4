package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mtlslab/mtlslab/lab/cmd/cli"
)

// TestCapture records a demonstration and a case, and reads them as Wireshark does: the message,
// and the alerts of the refusals, are readable.
func TestCapture(t *testing.T) {
	t.Parallel()
	tshark, err := exec.LookPath("tshark")
	required := os.Getenv("MTLSLAB_REQUIRE_TOOLS") != ""
	switch {
	case err != nil && required:
		t.Fatal("tshark is missing")
	case err != nil:
		t.Skip("tshark is missing")
	case os.Geteuid() != 0 && required:
		t.Fatal("only root may read frames")
	case os.Geteuid() != 0:
		t.Skip("only root may read frames")
	}
	runtimes := []string{"processes"}
	if haveEngine(t) {
		runtimes = append(runtimes, "containers")
	}
	for _, runtime := range runtimes {
		for name, args := range map[string][]string{
			"run":    {"run", "--message", "Good morning"},
			"server": {"audit", "server", "--case", "chain/self-signed"},
			"client": {"audit", "client", "--case", "chain/self-signed"},
		} {
			t.Run(runtime+" "+name, func(t *testing.T) {
				t.Parallel()
				file := filepath.Join(t.TempDir(), "capture.pcapng")
				code, _, said := carryOut(t, append(args, "--runtime", runtime, "--capture", file)...)
				if code != cli.ExitPass || !strings.Contains(said, "secrets of every session") {
					t.Fatalf("exit code %d: %s", code, said)
				}
				read := func(args ...string) string {
					out, err := exec.CommandContext(t.Context(), tshark, append([]string{"-r", file}, args...)...).
						Output()
					if err != nil {
						t.Fatal(err)
					}
					return string(out)
				}
				alerts := strings.Fields(
					read("-Y", "tls.alert_message.desc", "-T", "fields", "-e", "tls.alert_message.desc"),
				)
				refusal := map[string]string{"run": "48", "server": "48", "client": "42"}[name] // as crypto/tls has it
				if !slices.Contains(alerts, refusal) {
					t.Errorf("no alert %s among %q", refusal, alerts)
				}
				words := map[string]string{"run": "Good morning ("}[name]
				if all := read("-q", "-z", "follow,tls,ascii,0"); !strings.Contains(all, words) ||
					len(all) < len("Hello, server!") {
					t.Errorf("%q is not in\n%s", words, all)
				}
			})
		}
	}
	for says, args := range map[string][]string{
		"name the cases":  {"audit", "server", "--capture", "x.pcapng"},
		"is a directory":  {"run", "--capture", t.TempDir()},
		"no such file or": {"run", "--capture", filepath.Join(t.TempDir(), "nowhere", "x.pcapng")},
	} {
		if code, _, said := carryOut(t, args...); code != cli.ExitUsage || !strings.Contains(said, says) {
			t.Errorf("%q: exit code %d, want %q in %s", args, code, says, said)
		}
	}
}
