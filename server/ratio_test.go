//go:build ratio

package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// What the server is held to, measured beside others in one run: make ratios.
const (
	mostOfNginx   = 0.70 // processor time of a full handshake with a client's certificate, over nginx's
	mostOfGnuTLS  = 2.25 // resident memory with so many connections that are idle, over gnutls-serv's
	idle          = 1000
	rounds        = 7
	handshakes    = 600 // a round
	ticksInSecond = 100 // of /proc, on Linux
)

// TestHandshakeRatio has clients with certificates connect to our server and to nginx in turn.
func TestHandshakeRatio(t *testing.T) {
	if _, err := exec.LookPath("nginx"); err != nil {
		t.Fatal("nginx is missing: apt-get install nginx-light")
	}
	p := newPair(t)
	dir := p.dir(t)
	ours := program(t, serverBinary(t), "-material", dir, "-listen", "127.0.0.1:0", "-log", "json")
	nginx := startNginx(t, dir)
	config := p.config(t)
	config.MinVersion, config.CurvePreferences = tls.VersionTLS13, []tls.CurveID{tls.X25519} // which nginx has, too
	var ratios []float64
	for round := range rounds + 1 {
		a := ours.spent(t, func() { connect(t, ours.address, config, "Hello, server!\n") })
		b := nginx.spent(t, func() { connect(t, nginx.address, config, "GET / HTTP/1.0\r\n\r\n") })
		if round > 0 { // the first warms both up
			ratios = append(ratios, float64(a)/float64(b))
			t.Logf("%v and nginx's %v a handshake", a/handshakes, b/handshakes)
		}
	}
	slices.Sort(ratios)
	median := ratios[len(ratios)/2]
	t.Logf("over nginx's: %.2f, of %.2f", median, ratios)
	if median > mostOfNginx {
		t.Errorf("a handshake takes %.2f of nginx's processor time, at most %.2f is wanted", median, mostOfNginx)
	}
}

// TestIdleMemory keeps connections open that have nothing to say, to our server and to
// gnutls-serv.
func TestIdleMemory(t *testing.T) {
	if _, err := exec.LookPath("gnutls-serv"); err != nil {
		t.Fatal("gnutls-serv is missing: apt-get install gnutls-bin")
	}
	p := newPair(t)
	dir := p.dir(t)
	ours := program(t, serverBinary(t), "-material", dir, "-listen", "127.0.0.1:0", "-log", "json")
	gnutls := startGnuTLS(t, dir)
	a, b := ours.idle(t, p), gnutls.idle(t, p)
	t.Logf("%d idle connections: %.1f MiB, and gnutls-serv's %.1f: %.2f of that", idle, a, b, a/b)
	if a/b > mostOfGnuTLS {
		t.Errorf("%.2f of gnutls-serv's memory is resident, at most %.2f is wanted", a/b, mostOfGnuTLS)
	}
}

// idle is how much is resident, in MiB, once so many clients have each been answered once.
func (r running) idle(t *testing.T, p pair) float64 {
	t.Helper()
	config := p.config(t)
	for range idle {
		conn, err := tls.Dial("tcp", r.address, config)
		try(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		_, err = fmt.Fprintln(conn, hello)
		try(t, err)
		_, err = bufio.NewReader(conn).ReadString('\n')
		try(t, err)
	}
	return r.resident(t)
}

// running is a server in a process of its own.
type running struct {
	pid     int
	address string
}

func serverBinary(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "server")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags=-s -w", "-o", path, ".")
	out, err := build.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// program starts ours, and waits until it says where it listens.
func program(t *testing.T, path string, args ...string) running {
	t.Helper()
	cmd := exec.Command(path, args...)
	out, err := cmd.StdoutPipe()
	try(t, err)
	try(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if _, rest, ok := strings.Cut(lines.Text(), `"local":"`); ok {
			address, _, _ := strings.Cut(rest, `"`)
			go func() { // it is not to wait for us
				for lines.Scan() {
				}
			}()
			return running{cmd.Process.Pid, address}
		}
	}
	t.Fatal("it did not say where it listens")
	return running{}
}

// free is an address at which nobody listens.
func free(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	try(t, err)
	defer listener.Close() //nolint:errcheck // it is there to be closed
	return listener.Addr().String()
}

func startGnuTLS(t *testing.T, material string) running {
	t.Helper()
	address := free(t)
	_, port, err := net.SplitHostPort(address)
	try(t, err)
	return started(t, address, exec.Command("gnutls-serv", "--port", port, "--quiet", "--echo",
		"--x509certfile", material+"/tls.crt", "--x509keyfile", material+"/tls.key", "--x509cafile", material+"/ca.crt",
		"--require-client-cert", "--verify-client-cert"))
}

func startNginx(t *testing.T, material string) running {
	t.Helper()
	dir, address := t.TempDir(), free(t)
	config := filepath.Join(dir, "nginx.conf")
	try(t, os.WriteFile(config, fmt.Appendf(nil, `
daemon off; master_process off; pid %[1]s/pid; error_log stderr;
events { worker_connections 4096; }
http {
	access_log off; client_body_temp_path %[1]s; proxy_temp_path %[1]s; fastcgi_temp_path %[1]s;
	uwsgi_temp_path %[1]s; scgi_temp_path %[1]s;
	server {
		listen %[2]s ssl; ssl_protocols TLSv1.3;
		ssl_certificate %[3]s/tls.crt; ssl_certificate_key %[3]s/tls.key;
		ssl_client_certificate %[3]s/ca.crt; ssl_verify_client on; ssl_verify_depth 2;
		location / { return 200 "hello"; }
	}
}
`, dir, address, material), 0o600))
	return started(t, address, exec.Command("nginx", "-c", config))
}

// started is a program that was told where to listen, once it does.
func started(t *testing.T, address string, cmd *exec.Cmd) running {
	t.Helper()
	try(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for deadline := time.Now().Add(patience); ; {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
			return running{cmd.Process.Pid, address}
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// connect makes full handshakes, each with one message that is answered.
func connect(t *testing.T, address string, config *tls.Config, message string) {
	t.Helper()
	for range handshakes {
		conn, err := tls.Dial("tcp", address, config)
		try(t, err)
		_, err = conn.Write([]byte(message))
		try(t, err)
		_, err = conn.Read(make([]byte, 4096))
		try(t, err)
		try(t, conn.Close())
	}
}

// spent is the processor time that the process takes while something is done.
func (r running) spent(t *testing.T, do func()) time.Duration {
	t.Helper()
	before := r.ticks(t)
	do()
	return time.Duration(r.ticks(t)-before) * time.Second / ticksInSecond
}

func (r running) ticks(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", r.pid))
	try(t, err)
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	user, err := strconv.Atoi(fields[11])
	try(t, err)
	system, err := strconv.Atoi(fields[12])
	try(t, err)
	return user + system
}

// resident is in MiB.
func (r running) resident(t *testing.T) float64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", r.pid))
	try(t, err)
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	kib, err := strconv.Atoi(strings.Fields(rest)[0])
	try(t, err)
	return float64(kib) / 1024
}
