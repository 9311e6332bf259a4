package lab_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/moby/moby/client"

	"github.com/mtlslab/mtlslab/lab"
	"github.com/mtlslab/mtlslab/lab/exchange"
	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/verdict"
)

// kills is how many commands the next test kills; MTLSLAB_KILLS says otherwise.
func kills(t *testing.T) int {
	t.Helper()
	text, ok := os.LookupEnv("MTLSLAB_KILLS")
	if !ok {
		return 12
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("MTLSLAB_KILLS=%s: want a number", text)
	}
	return n
}

// TestKilled kills runs and audits at random moments, while two labs of other processes
// are alive. What the killed ones leave is gone soon after the next start on the same
// host, long before it expires, and no living lab is touched.
func TestKilled(t *testing.T) {
	c := dockerClient(t)
	command := builtCommand(t)
	owner := "killed-" + time.Now().Format("150405.000")
	run := func(args ...string) *exec.Cmd {
		cmd := exec.Command(command, args...)
		cmd.Env = append(os.Environ(), "MTLSLAB_OWNER="+owner)
		return cmd
	}
	living := start(t, lab.Config{Runtime: sandbox.Containers, Timeout: time.Minute})
	deliver(t, living)
	other := livingAudit(t, command)
	for n := range kills(t) {
		args := []string{"run", "--runtime", "containers"}
		if n%2 == 1 {
			args = []string{"audit", "server", "--runtime", "containers"}
		}
		cmd := run(args...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		<-time.After(rand.N(2500 * time.Millisecond))
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	containers, networks := bearing(t, c, "mtlslab.owner="+owner)
	t.Logf("%d kills left %d containers and %d networks", kills(t), len(containers), networks)

	began := time.Now()
	next := start(t, lab.Config{Runtime: sandbox.Containers, Timeout: time.Minute})
	waitUntilNone(t, c, "mtlslab.owner="+owner, began.Add(5*time.Second))
	deliver(t, next)
	deliver(t, living)
	other()
}

// builtCommand is the command line, compiled.
func builtCommand(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "mtlslab")
	if out, err := exec.Command("go", "build", "-o", path, "./cmd/mtlslab").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

func deliver(t *testing.T, l *lab.Lab) {
	t.Helper()
	v, err := l.Run(t.Context(), exchange.Exchange{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := v.Diff(verdict.Delivered(goodClient)); diff != "" {
		t.Error(diff)
	}
}

// livingAudit begins an audit by another process, which goes on meanwhile and must come to
// its end as if nothing had been.
func livingAudit(t *testing.T, command string) (wait func()) {
	t.Helper()
	cmd := exec.Command(command, "audit", "client", "--runtime", "containers", "--json")
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the audit that was left alone: %v\n%s", err, complaints.String())
		}
		if !json.Valid(out.Bytes()) {
			t.Errorf("the audit that was left alone has no report: %.200s", out.String())
		}
	}
}

// waitUntilNone waits until nothing bears a label any more.
func waitUntilNone(t *testing.T, c *client.Client, label string, deadline time.Time) {
	t.Helper()
	for {
		containers, networks := bearing(t, c, label)
		switch {
		case len(containers)+networks == 0:
			return
		case time.Now().After(deadline):
			t.Errorf("%s: %d containers and %d networks are left%s", label, len(containers), networks, why(t, c, label))
			return
		}
		<-time.After(100 * time.Millisecond)
	}
}

// why is what the engine says when it is asked once more to let networks go, which tells
// what nobody removed from what it has lost count of (moby#42119).
func why(t *testing.T, c *client.Client, label string) string {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	listed, err := c.NetworkList(ctx, client.NetworkListOptions{Filters: client.Filters{}.Add("label", label)})
	said := fmt.Sprintf("\n%v", err)
	for _, n := range listed.Items {
		inspected, _ := c.NetworkInspect(ctx, n.ID, client.NetworkInspectOptions{})
		_, err := c.NetworkRemove(ctx, n.ID, client.NetworkRemoveOptions{})
		said += fmt.Sprintf("\n%s holds %v: %v", n.Name, inspected.Network.Containers, err)
	}
	return said
}

// TestKilledEndsByItself shows that the containers of a lab that was killed end and are gone,
// though nobody starts another.
func TestKilledEndsByItself(t *testing.T) {
	t.Parallel()
	c := dockerClient(t)
	owner := "alone-" + time.Now().Format("150405.000")
	cmd := exec.Command(builtCommand(t), "audit", "server", "--runtime", "containers")
	cmd.Env = append(os.Environ(), "MTLSLAB_OWNER="+owner)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { clean(t, owner) })
	for deadline := time.Now().Add(time.Minute); ; <-time.After(50 * time.Millisecond) {
		containers, _ := bearing(t, c, "mtlslab.owner="+owner)
		if len(containers) >= 2 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the audit starts nothing")
		}
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	for deadline := time.Now().Add(30 * time.Second); ; <-time.After(100 * time.Millisecond) {
		left := 0
		containers, _ := bearing(t, c, "mtlslab.owner="+owner)
		for _, listed := range containers {
			if listed.State != "created" { // one that never began does not end
				left++
			}
		}
		if left == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d containers are left", left)
		}
	}
}

// clean removes what is left of an owner's labs.
func clean(t *testing.T, owner string) {
	t.Helper()
	cmd := exec.Command(builtCommand(t), "clean")
	cmd.Env = append(os.Environ(), "MTLSLAB_OWNER="+owner)
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.HasPrefix(out, []byte("removed ")) {
		t.Errorf("clean: %v\n%s", err, out)
	}
}
