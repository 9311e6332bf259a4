package lab_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestKilled kills the command at random moments. What it leaves must be gone
// once it has expired and another lab has started, and at once after a clean.
func TestKilled(t *testing.T) {
	c := dockerClient(t)
	command := filepath.Join(t.TempDir(), "mtlslab")
	if out, err := exec.Command("go", "build", "-o", command, "./cmd/mtlslab").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	owner := "killed-" + time.Now().Format("150405.000")
	run := func(args ...string) *exec.Cmd {
		cmd := exec.Command(command, args...)
		cmd.Env = append(os.Environ(), "MTLSLAB_OWNER="+owner)
		return cmd
	}
	const ttl = 5 * time.Second
	var last time.Time
	for range 20 {
		cmd := run("run", "--runtime", "containers", "--ttl", ttl.String())
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		<-time.After(rand.N(1500 * time.Millisecond))
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		last = time.Now()
	}
	containers, networks := bearing(t, c, "mtlslab.owner="+owner)
	t.Logf("20 kills left %d containers and %d networks", len(containers), networks)

	<-time.After(time.Until(last.Add(ttl + time.Second))) // an expiry is a whole second
	if out, err := run("run", "--runtime", "containers").CombinedOutput(); err != nil {
		t.Errorf("the next start: %v\n%s", err, out)
	}
	checkNothingLeft(t, c, "mtlslab.owner="+owner)

	cmd := run("run", "--runtime", "containers") // a life of ten minutes
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-time.After(800 * time.Millisecond)
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	out, err := run("clean").CombinedOutput()
	if err != nil || !bytes.HasPrefix(out, []byte("removed ")) {
		t.Errorf("clean: %v\n%s", err, out)
	}
	checkNothingLeft(t, c, "mtlslab.owner="+owner)
}
