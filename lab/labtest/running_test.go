package labtest_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"

	"github.com/mtlslab/mtlslab/lab"
	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/labtest"
	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/sandbox"
)

// TestMain says where ports are published: an engine behind a socket of this host publishes
// them here, also where this host looks like a container.
func TestMain(m *testing.M) {
	if os.Getenv("DOCKER_HOST") == "" {
		os.Setenv("TESTCONTAINERS_HOST_OVERRIDE", "127.0.0.1") //nolint:errcheck // it is a good name
	}
	os.Exit(m.Run()) //nolint:forbidigo // as every TestMain does
}

// TestEndpoint puts a server to the test that the test itself has started.
func TestEndpoint(t *testing.T) {
	t.Parallel()
	l := labtest.Start(t)
	c, err := config(l.Deployed())
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{TLSConfig: c, Handler: http.HandlerFunc(hello), ReadHeaderTimeout: time.Minute, ErrorLog: quiet}
	go s.ServeTLS(listener, "", "") //nolint:errcheck // it ends when it is closed
	t.Cleanup(func() { _ = s.Close() })
	labtest.Audit(t, l, labtest.Endpoint(listener.Addr().String()), some)
}

// TestRunning puts a container to the test that testcontainers-go has started: our own server,
// which heeds lists, and which answers in lines.
func TestRunning(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("needs an engine; not with -short")
	}
	l := labtest.Start(t, labtest.Containers())
	l.MustDeliver("Hello, server!")
	c, err := testcontainers.Run(t.Context(), serverImage(t),
		testcontainers.WithFiles(l.ContainerFiles("/certs")...),
		testcontainers.WithExposedPorts("8443/tcp"),
		testcontainers.WithCmd("-material", "/certs", "-listen", ":8443"),
		testcontainers.WithWaitStrategy(wait.ForListeningPort("8443/tcp").SkipInternalCheck()),
	)
	testcontainers.CleanupContainer(t, c)
	if err != nil {
		t.Fatalf("%v\n%s", err, logs(t, c))
	}
	only := labtest.Only("chain/self-signed", "protocol/no-client-certificate", "revocation/leaf", "chain/second-root")
	labtest.Audit(t, l, labtest.Running(c, "8443/tcp", givesReceipts, labtest.HeedsLists), only)
}

// givesReceipts says how our own server answers a line: not by the line itself.
func givesReceipts(e *peer.Endpoint) {
	e.Speaks = adapter.Endpoint("receipts", adapter.Line, "", nil)
	e.Speaks.Delivered = adapter.Delivered{Echo: new(bool), Match: `^{"sha256":"`}
}

// logs is what a container has written.
func logs(t *testing.T, c testcontainers.Container) []byte {
	t.Helper()
	if c == nil {
		return nil
	}
	stream, err := c.Logs(context.WithoutCancel(t.Context()))
	if err != nil {
		return []byte(err.Error())
	}
	defer stream.Close() //nolint:errcheck // read-only
	text, err := io.ReadAll(stream)
	return append(text, fmt.Sprint(err)...)
}

// serverImage is the image of our own server.
func serverImage(t *testing.T) string {
	t.Helper()
	l, err := lab.Start(t.Context(), lab.Config{Runtime: sandbox.Containers})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := l.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	for _, image := range l.Facts().Images {
		if strings.Contains(image.Name, "server") {
			return image.Ref
		}
	}
	t.Fatal("there is no image of the server")
	return ""
}
