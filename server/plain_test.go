package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Programs that know nothing of mtlslab are full citizens.
func TestPlainPeers(t *testing.T) {
	t.Parallel()
	p, other := newPair(t), newPair(t)
	dir := p.dir(t)
	good := materialDir(t, p.client.Material(p.authority))
	stranger := materialDir(t, other.client.Material(p.authority))
	const (
		certificate = " -cert tls.crt -key tls.key -cert_chain tls.crt"
		openssl     = "openssl s_client -connect ADDRESS -CAfile ca.crt"
		python      = `import socket, ssl, sys
context = ssl.create_default_context(cafile="ca.crt")
if WITH: context.load_cert_chain("tls.crt", "tls.key")
host, port = "ADDRESS".split(":")
with context.wrap_socket(socket.create_connection((host, port)), server_hostname="server") as s:
    s.sendall(b"Hello, server!END")
    if TALK: s.makefile().readline()
    s.unwrap()
`
	)
	script := func(with, end, talk string) string {
		return "python3 -c '" + strings.NewReplacer("WITH", with, "END", end, "TALK", talk).Replace(python) + "'"
	}
	for _, c := range []struct {
		name, command, dir string
		succeeds           bool
		received           bool
	}{
		{
			"s_client, as everybody types it",
			"printf 'Hello, server!' | " + openssl + certificate + " -quiet", good, true, true,
		},
		{"s_client with TLS 1.2", "printf 'Hello, server!' | " + openssl + certificate + " -tls1_2 -quiet", good, true, true},
		{
			"s_client that closes at the end of its input",
			"printf 'Hello, server!' | " + openssl + certificate + " -quiet -no_ign_eof", good, true, true,
		},
		{
			"s_client with a newline",
			"echo 'Hello, server!' | " + openssl + certificate + " -quiet -no_ign_eof", good, true, true,
		},
		{"s_client without a certificate", "printf 'Hello, server!' | " + openssl + " -quiet", good, false, false},
		{
			"s_client without a certificate and with TLS 1.2",
			"printf 'Hello, server!' | " + openssl + " -tls1_2 -quiet", good, false, false,
		},
		{
			"s_client of another authority",
			"printf 'Hello, server!' | " + openssl + certificate + " -quiet", stranger, false, false,
		},
		{"Python that reads its receipt", script("True", `\n`, "True"), good, true, true},
		{"Python that says that it is done", script("True", "", "False") + " 2>/dev/null || true", good, true, true},
		{"Python without a certificate", script("False", `\n`, "True"), good, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			require(t, "openssl", "python3")
			server := start(t, dir, "-log", "text")
			cmd := exec.CommandContext(t.Context(), "sh", "-c", strings.ReplaceAll(c.command, "ADDRESS", server.address))
			cmd.Dir = c.dir
			output, err := cmd.CombinedOutput()
			if (err == nil) != c.succeeds {
				t.Errorf("the client ended with %v:\n%s", err, output)
			}
			server.stop()
			server.wait(t)
			if got := strings.Contains(server.out.String(), "\nReceived: Hello, server!\n"); got != c.received {
				t.Errorf("received is %t, want %t:\n%s\nand the client:\n%s", got, c.received, server.out, output)
			}
			if refused := strings.Contains(server.out.String(), "\nRefused 127.0.0.1:"); refused == c.received {
				t.Errorf("refused is %t, want %t:\n%s", refused, !c.received, server.out)
			}
		})
	}
}

// require skips a test where programs are missing, unless it must not be.
func require(t *testing.T, programs ...string) {
	t.Helper()
	for _, program := range programs {
		if _, err := exec.LookPath(program); err == nil {
			continue
		}
		if os.Getenv("MTLSLAB_REQUIRE_TOOLS") == "1" {
			t.Fatalf("%s is missing, and MTLSLAB_REQUIRE_TOOLS is set", program)
		}
		t.Skipf("%s is missing", program)
	}
}
