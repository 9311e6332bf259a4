package cases

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/images"
	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// against is the audit of one of our own peers, in a few lines: a process a
// peer, and no more judgement than these tests need.
type against struct {
	t         *testing.T
	parties   parties
	paths     map[string]string
	reports   *account[attack.Report]
	adversary io.Writer
	server    *account[wire.Outcome]
	address   string
}

// Our own peers do what strict demands of the cases of this file, for the
// reasons that the cases give.
func TestOwnPeers(t *testing.T) {
	t.Parallel()
	var sources []images.Source
	for _, name := range []string{"server", "client", "lab/adversary"} {
		sources = append(sources, images.Source{Name: strings.TrimPrefix(name, "lab/"), Package: "./" + name})
	}
	paths, err := images.Binaries(t.Context(), "", sources...)
	if err != nil {
		t.Fatal(err)
	}
	r := &against{t: t, parties: newParties(t), paths: paths}
	var out io.Reader
	r.adversary, out, _ = r.start("adversary")
	r.reports = read(out, attack.ParseReport)
	in, out, _ := r.start("server", "-log", "json", "-material", "-", "-listen", "127.0.0.1:0")
	_ = r.material(wire.Server).WriteTar(in)
	r.server = read(out, wire.ParseOutcome)
	r.address = r.server.await(t, func(o wire.Outcome) bool { return o.Kind == wire.Listening }).Local

	for _, c := range onTheWire() {
		for _, role := range c.Roles {
			for _, version := range c.In(wire.Versions()) {
				t.Run(fmt.Sprintf("%s as %s %s", c.ID, role, version), func(t *testing.T) {
					t.Parallel()
					trial := *r
					trial.t = t
					switch {
					case c.Material != nil:
						trial.altered(c, role)
					case role == wire.Client:
						trial.attackServer(c, version)
					default:
						trial.attackClient(c, version)
					}
				})
			}
		}
	}
}

func (r *against) material(role wire.Role) wire.Material {
	return r.parties.ids[role].Material(r.parties.authority)
}

func (r *against) start(name string, args ...string) (io.WriteCloser, io.Reader, *exec.Cmd) {
	cmd := exec.CommandContext(r.t.Context(), r.paths[name], args...)
	cmd.Env = []string{}
	in, err := cmd.StdinPipe()
	if err != nil {
		r.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		r.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return in, out, cmd
}

func (r *against) attack(c Case, role wire.Role, version string) attack.Attack {
	a := attack.Attack{
		ID: fmt.Sprintf("%s/%s/%s", c.ID, role, version), Role: role, Version: version, Limit: 20 * time.Second,
		Key: r.parties.keyOf(r.t, role),
	}
	a.Message = "nonce of " + a.ID
	chain := r.parties.ids[role].Chain
	if role == wire.Client {
		a.Connect, a.SNI = r.address, "server"
	} else {
		a.Listen = "127.0.0.1:0"
	}
	for _, cert := range chain {
		a.Chain = append(a.Chain, cert.Raw)
	}
	c.Attack(&a)
	if a.Resume != nil && a.Resume.AfterExpiry {
		request := requests[role]
		request.NotAfter = time.Now().Add(BriefLife).Truncate(time.Second)
		brief, err := r.parties.authority.Issue(request)
		if err != nil {
			r.t.Error(err)
			return a
		}
		a.Chain[0], a.Key = brief.Certificate.Raw, pemBlock(r.t, brief.Material(r.parties.authority).Key)
	}
	return a
}

func (r *against) tell(a attack.Attack) {
	line, err := json.Marshal(a)
	if err == nil {
		_, err = r.adversary.Write(append(line, '\n')) // one write, which a pipe's file takes whole
	}
	if err != nil {
		r.t.Error(err)
	}
}

func (r *against) evidence(id string) attack.Evidence {
	report := r.reports.await(r.t, func(p attack.Report) bool { return p.ID == id && p.Listening == "" })
	if report.Evidence == nil {
		r.t.Errorf("%s: %s", id, report.Error)
		return attack.Evidence{}
	}
	return *report.Evidence
}

func (r *against) attackServer(c Case, version string) {
	a := r.attack(c, wire.Client, version)
	r.tell(a)
	message := "nonce of " + a.ID
	seen := r.evidence(a.ID).Last()
	said := r.server.await(r.t, func(o wire.Outcome) bool { return o.Remote == seen.Local })
	r.compare(c, a.ID, said, said.Message != nil && said.Message.Text == message)
}

func (r *against) attackClient(c Case, version string) {
	a := r.attack(c, wire.Server, version)
	r.tell(a)
	address := r.reports.await(r.t, func(p attack.Report) bool { return p.ID == a.ID }).Listening
	message := "nonce of " + a.ID
	in, out, _ := r.start(
		"client",
		"-log",
		"json",
		"-material",
		"-",
		"-connect",
		address,
		"-server-name",
		"server",
		message,
	)
	_ = r.material(wire.Client).WriteTar(in)
	said := read(out, wire.ParseOutcome).await(r.t, func(wire.Outcome) bool { return true })
	r.tell(attack.Attack{ID: a.ID, End: true})
	heard := r.evidence(a.ID).Heard(message)
	if c.AfterTrust != heard && c.Rules[Strict].Expect == MustRefuse {
		r.t.Errorf("%s: the message was heard: %t", a.ID, heard)
	}
	r.compare(c, a.ID, said, said.Kind == wire.Delivered)
}

func (r *against) compare(c Case, id string, said wire.Outcome, delivered bool) {
	expect := c.Rules[Strict].Expect
	if expect == MustRefuse && delivered || expect == MustAccept && !delivered {
		r.t.Errorf("%s: delivered is %t: %+v", id, delivered, said)
	}
	if !delivered && !c.Refuses && !slices.Contains(c.Reasons, said.Reason) {
		r.t.Errorf("%s: the peer says %s %s, want one of %q (%s)", id, said.Kind, said.Reason, c.Reasons, said.Detail)
	}
}

// altered starts a peer that must not start.
func (r *against) altered(c Case, other wire.Role) {
	role, args := wire.Server, []string{"-listen", "127.0.0.1:0"}
	if other == wire.Server {
		role, args = wire.Client, []string{"-connect", r.address, "-server-name", "server", "hello"}
	}
	in, out, cmd := r.start(
		string(role),
		append([]string{"-log", "json", "-material", "-", "-lifetime", "20s"}, args...)...)
	_ = c.Material(r.material(role)).WriteTar(in)
	_ = in.Close()
	said, _ := io.ReadAll(out)
	if err := cmd.Wait(); err == nil || bytes.Contains(said, []byte(wire.Listening)) ||
		bytes.Contains(said, []byte(wire.Delivered)) {
		r.t.Errorf("%s: the %s starts: %s", c.ID, role, said)
	}
}

// account is what a process says, line by line.
type account[T any] struct {
	mu      sync.Mutex
	lines   []T
	changed chan struct{} // closed, and replaced, at every line
}

func read[T any](from io.Reader, parse func([]byte) (T, error)) *account[T] {
	a := &account[T]{changed: make(chan struct{})}
	go func() {
		lines := bufio.NewScanner(from)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			if line, err := parse(lines.Bytes()); err == nil {
				a.mu.Lock()
				a.lines = append(a.lines, line)
				close(a.changed)
				a.changed = make(chan struct{})
				a.mu.Unlock()
			}
		}
	}()
	return a
}

// await returns the first line that matches, or the zero value after a while.
func (a *account[T]) await(t testing.TB, match func(T) bool) (none T) {
	limit := time.After(time.Minute)
	for {
		a.mu.Lock()
		lines, changed := a.lines, a.changed
		a.mu.Unlock()
		if i := slices.IndexFunc(lines, match); i >= 0 {
			return lines[i]
		}
		select {
		case <-changed:
		case <-limit:
			t.Errorf("no such line among %+v", lines)
			return none
		}
	}
}
