package capture_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"github.com/mtlslab/mtlslab/lab/capture"
)

// TestCapture relays a connection whose secrets are known and one whose are not. The file has the
// first alone, in segments that follow each other, with the secrets before them.
func TestCapture(t *testing.T) {
	t.Parallel()
	file := new(capture.File)
	address, stop, err := file.Relay(t.Context(), serve(t))
	if err != nil {
		t.Fatal(err)
	}
	const words = "so that it can be found"
	speak(t, address, words, file)
	speak(t, address, words, nil)
	stop()
	all := file.Frames()
	file.KeepOpened()
	if kept := file.Frames(); kept == 0 || kept >= all {
		t.Fatalf("kept %d of %d frames", kept, all)
	}
	var written bytes.Buffer
	if n, err := file.WriteTo(&written); err != nil || n != int64(written.Len()) {
		t.Fatalf("wrote %d of %d bytes, %v", n, written.Len(), err)
	}
	if !bytes.Contains(written.Bytes(), file.Secrets()) || bytes.Contains(written.Bytes(), []byte(words)) {
		t.Error("want the secrets in the file, and what was said encrypted")
	}
	follow(t, &written)
}

// follow reads a capture, and finds each segment where the one before ended.
func follow(t *testing.T, file io.Reader) {
	t.Helper()
	reader, err := pcapgo.NewNgReader(file, pcapgo.DefaultNgReaderOptions)
	if err != nil {
		t.Fatal(err)
	}
	next := make(map[layers.TCPPort]uint32)
	for packet := range gopacket.NewPacketSource(reader, reader.LinkType()).Packets() {
		tcp, ok := packet.TransportLayer().(*layers.TCP)
		if !ok {
			t.Fatalf("no segment: %v", packet)
		}
		if want, known := next[tcp.SrcPort]; known && tcp.Seq != want {
			t.Errorf("a segment from %v begins at %d, want %d", tcp.SrcPort, tcp.Seq, want)
		}
		next[tcp.SrcPort] = tcp.Seq + uint32(len(tcp.Payload)) //nolint:gosec // of a frame
		if tcp.SYN || tcp.FIN {
			next[tcp.SrcPort]++
		}
	}
	if len(next) != 2 {
		t.Errorf("%d ends of one connection", len(next))
	}
}

// serve answers each connection with what it is told, over TLS.
func serve(t *testing.T) (address string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // the test is over
			}
			_, _ = io.Copy(conn, conn)
			_ = conn.Close()
		}
	}()
	return listener.Addr().String()
}

// speak says something, and hears it again.
func speak(t *testing.T, address, words string, secrets io.Writer) {
	t.Helper()
	dialer := tls.Dialer{
		NetDialer: new(net.Dialer), Config: &tls.Config{InsecureSkipVerify: true, KeyLogWriter: secrets},
	}
	raw, err := dialer.DialContext(context.Background(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close() //nolint:errcheck // all was heard
	conn, ok := raw.(*tls.Conn)
	if !ok {
		t.Fatal("no TLS")
	}
	if _, err := io.WriteString(conn, words); err != nil {
		t.Fatal(err)
	}
	if err := conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if heard, err := io.ReadAll(conn); err != nil || string(heard) != words {
		t.Errorf("heard %q, %v", heard, err)
	}
}
