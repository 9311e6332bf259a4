package mtlslab_test

import (
	"strings"
	"testing"

	"github.com/moby/moby/api/types/container"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// What compose.yaml promises, held against a real run of whichever Compose is
// there. Without any it is skipped, unless MTLSLAB_REQUIRE_COMPOSE=1.
func TestCompose(t *testing.T) {
	t.Parallel()
	p := newProject(t)

	out, code := p.run(t, "up", "--exit-code-from", "client", "client")
	if code != 0 || !strings.Contains(out, "Receipt: the server verified spiffe://lab/client") {
		t.Fatalf("the client ended with %d:\n%s", code, out)
	}
	if log := p.log(t, "server"); strings.Count(log, "Received: Hello, server!\n") != 1 {
		t.Errorf("the server does not say once that it received the message:\n%s", log)
	}
	for _, service := range []string{"mint", "server", "client"} {
		checkHardened(t, service, p.inspect(t, service))
	}
	p.checkIsolated(t)
	first := p.checkMaterial(t)

	// Again, beside the server that still runs: the material stays, or the two
	// would no longer trust each other.
	if out, code := p.run(t, "up", "--exit-code-from", "client", "client"); code != 0 {
		t.Errorf("the second time the client ended with %d:\n%s", code, out)
	}
	if second := p.checkMaterial(t); second != first {
		t.Error("the second time there is other material")
	}

	p.down(t)
	if left := p.left(t); len(left) > 0 {
		t.Errorf("`down --volumes` leaves %q", left)
	}
}

// Plain `up` has to survive the mint's exit; it ends when it is told to.
func TestComposeUp(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	if out, code := p.run(t, "up", "--detach"); code != 0 {
		t.Fatalf("up ended with %d:\n%s", code, out)
	}
	if code := p.wait(t, "client"); code != 0 {
		t.Errorf("the client ended with %d:\n%s", code, p.log(t, "client"))
	}
	if state := p.inspect(t, "server").State; !state.Running || state.Health.Status != container.Healthy {
		t.Errorf("the server is %s, %+v", state.Status, state.Health)
	}
}

// The exit code is worth something only if it can be another. Here the server
// is told to accept somebody else.
func TestComposeRefusal(t *testing.T) {
	t.Parallel()
	p := newProject(t, `services: {server: {command: [-material, /material, -allow, "spiffe://lab/somebody-else"]}}`)
	out, code := p.run(t, "up", "--exit-code-from", "client", "client")
	if code != wire.ExitRefusedByPeer {
		t.Errorf("the client ended with %d, want %d:\n%s", code, wire.ExitRefusedByPeer, out)
	}
	if log := p.log(t, "server"); strings.Contains(log, "Received") {
		t.Errorf("the server took the message:\n%s", log)
	}
}

// A server never starts beside a mint that may have left half of its work.
func TestComposeMintFails(t *testing.T) {
	t.Parallel()
	p := newProject(t, "services: {mint: {command: [-validity, 0s]}}")
	out, code := p.run(t, "up", "--exit-code-from", "client", "client")
	if code == 0 {
		t.Errorf("up ended with 0:\n%s", out)
	}
	if state := p.inspect(t, "mint").State; state.ExitCode == 0 {
		t.Errorf("the mint is %s, and did not fail", state.Status)
	}
	for _, service := range p.started(t) {
		if service != "mint" {
			t.Errorf("the %s was started", service)
		}
	}
}
