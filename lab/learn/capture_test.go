package learn_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mtlslab/mtlslab/lab/exercises"
	"github.com/mtlslab/mtlslab/lab/learn"
)

// TestRecordingDecrypts reads the recording of an exercise as Wireshark does: the message and the
// refusal's alert are readable, and so is the group.
func TestRecordingDecrypts(t *testing.T) {
	t.Parallel()
	tshark, err := exec.LookPath("tshark")
	switch {
	case err == nil:
	case os.Getenv("MTLSLAB_REQUIRE_TOOLS") != "":
		t.Fatal("tshark is missing")
	default:
		t.Skip("tshark is missing")
	}
	e, err := exercises.Find("08")
	if err != nil {
		t.Fatal(err)
	}
	extra, facts, err := learn.Prepare(t.Context(), e, "ada-c0ffee")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), learn.CaptureFile)
	if err := os.WriteFile(file, extra[learn.CaptureFile], 0o600); err != nil {
		t.Fatal(err)
	}
	read := func(args ...string) string {
		out, err := exec.CommandContext(t.Context(), tshark, append([]string{"-r", file}, args...)...).Output()
		if err != nil {
			t.Fatalf("tshark %q: %v", args, err)
		}
		return string(out)
	}
	if said := read("-q", "-z", "follow,tls,ascii,0"); !strings.Contains(said, facts["code"]) {
		t.Errorf("the message with %s is not in\n%s", facts["code"], said)
	}
	if alerts := read("-Y", "tls.alert_message.desc", "-T", "fields", "-e", "tls.alert_message.desc"); !strings.Contains(
		alerts,
		facts["alert"],
	) {
		t.Errorf("alert %s is not in %q", facts["alert"], alerts)
	}
	serials := strings.ToLower(read("-Y", "x509af.serialNumber", "-T", "fields", "-e", "x509af.serialNumber"))
	if !strings.Contains(strings.ReplaceAll(serials, ":", ""), facts["client_serial"]) {
		t.Errorf("serial number %s is not in %q", facts["client_serial"], serials)
	}
	if len(read("-Y", "tcp.analysis.flags")) > 0 {
		t.Error("tshark finds fault with the segments:\n", read("-Y", "tcp.analysis.flags"))
	}
}
