package cases

import (
	"bufio"
	"bytes"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/images"
	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// onTheWire are the cases that are not of certificates.
func onTheWire() []Case {
	all := slices.Concat(protocolCases(), framingCases(), resumptionCases(), operationalCases())
	return slices.DeleteFunc(all, func(c Case) bool { // what takes a lab to carry out
		return c.Meanwhile != Nothing || c.Attack != nil && c.Mutation != nil
	})
}

// manifold names the attacks that are one deed in two fields.
var manifold = map[string]string{
	"protocol/http-server":                        "no TLS, and what there is instead",
	"framing/http-client":                         "no TLS, and what there is instead",
	"framing/plain-text-then-close":               "no TLS, and no waiting for an answer",
	"framing/plain-text-before-handshake":         "the message is moved",
	"resumption/without-certificate":              "its base is protocol/no-client-certificate",
	"resumption/of-open-host":                     "its base is protocol/no-client-certificate",
	"resumption/altered-ticket":                   "its base is resumption/altered-ticket-with-certificate",
	"framing/no-certificate-with-absent-sni":      "its base is protocol/no-client-certificate",
	"framing/no-certificate-with-unknown-sni":     "its base is protocol/no-client-certificate",
	"framing/no-certificate-with-sni-in-capitals": "its base is protocol/no-client-certificate",
	"framing/no-certificate-with-wildcard-sni":    "its base is protocol/no-client-certificate",
}

// Every attack can be carried out, and differs from an honest exchange in one
// thing.
func TestAttacksDifferInOneThing(t *testing.T) {
	honest := map[wire.Role]attack.Attack{
		wire.Client: {
			ID:      "x",
			Role:    wire.Client,
			Connect: "server:1",
			SNI:     "server",
			Version: "1.2",
			Message: "hello (nonce)",
		},
		wire.Server: {ID: "x", Role: wire.Server, Listen: ":0", Version: "1.2", Message: "hello (nonce)"},
	}
	seen, key := map[string]bool{}, pkcs8(t)
	for _, c := range onTheWire() {
		if c.Attack == nil {
			continue
		}
		seen[c.ID] = true
		for _, role := range c.Roles {
			before := honest[role]
			before.Chain, before.Key = [][]byte{{0}}, key
			before.Version = c.In(wire.Versions())[0]
			after := before
			c.Attack(&after)
			if err := after.Check(); err != nil {
				t.Errorf("%s as %s: %v", c.ID, role, err)
			}
			changed := changes(t, before, after)
			if len(changed) == 0 || len(changed) > 1 && manifold[c.ID] == "" || len(changed) == 1 && manifold[c.ID] != "" {
				t.Errorf("%s as %s changes %q", c.ID, role, changed)
			}
		}
	}
	for id := range manifold {
		if !seen[id] {
			t.Errorf("there is no case %s", id)
		}
	}
}

// changes names the fields in which two attacks differ.
func changes(t *testing.T, before, after attack.Attack) []string {
	t.Helper()
	var fields [2]map[string]json.RawMessage
	for i, a := range []attack.Attack{before, after} {
		line, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(line, &fields[i]); err != nil {
			t.Fatal(err)
		}
	}
	names := maps.Clone(fields[0])
	maps.Copy(names, fields[1])
	maps.DeleteFunc(names, func(name string, _ json.RawMessage) bool {
		return bytes.Equal(fields[0][name], fields[1][name])
	})
	return slices.Sorted(maps.Keys(names))
}

// Every altered bundle differs from a good one in one file, and is left alone.
func TestMaterialDiffersInOneFile(t *testing.T) {
	for _, c := range onTheWire() {
		if c.Material == nil {
			continue
		}
		good := wire.Material{
			Trust: []byte(
				"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n",
			), Chain: []byte("chain"), Key: []byte("key"),
		}
		before := wire.Material{
			Trust: slices.Clone(good.Trust),
			Chain: slices.Clone(good.Chain),
			Key:   slices.Clone(good.Key),
		}
		bad := c.Material(good)
		differ := 0
		for _, same := range []bool{
			bytes.Equal(good.Trust, bad.Trust), bytes.Equal(good.Chain, bad.Chain),
			bytes.Equal(good.Key, bad.Key), bytes.Equal(good.CRL, bad.CRL),
		} {
			if !same {
				differ++
			}
		}
		if differ != 1 {
			t.Errorf("%s alters %d files", c.ID, differ)
		}
		if !bytes.Equal(good.Trust, before.Trust) || !bytes.Equal(good.Chain, before.Chain) ||
			!bytes.Equal(good.Key, before.Key) {
			t.Errorf("%s changes the bundle that it was given", c.ID)
		}
	}
}

func pkcs8(t testing.TB) []byte {
	t.Helper()
	return newParties(t).keyOf(t, wire.Client)
}

// parties are an authority and its two identities.
type parties struct {
	authority *pki.Authority
	ids       map[wire.Role]*pki.Identity
}

var requests = map[wire.Role]pki.Request{
	wire.Server: {Role: wire.Server, Name: "server", DNS: []string{"server"}},
	wire.Client: {Role: wire.Client, Name: "client"},
}

func newParties(t testing.TB) parties {
	t.Helper()
	authority, err := pki.New(pki.Config{})
	if err != nil {
		t.Fatal(err)
	}
	p := parties{authority, map[wire.Role]*pki.Identity{}}
	for role, request := range requests {
		if p.ids[role], err = authority.Issue(request); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func (p parties) keyOf(t testing.TB, role wire.Role) []byte {
	t.Helper()
	return pemBlock(t, p.ids[role].Material(p.authority).Key)
}

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

func pemBlock(t testing.TB, text []byte) []byte {
	t.Helper()
	block, _ := pem.Decode(text)
	if block == nil {
		t.Fatal("no PEM")
	}
	return block.Bytes
}
