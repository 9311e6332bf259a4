package wire_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/mtlslab/mtlslab/lab/wire"
)

func ended() bool { return true }

// readAll reads messages up to an error.
func readAll(r io.Reader, limit int, ended func() bool) (messages []string, err error) {
	reader := wire.NewMessageReader(r, limit, ended)
	for {
		message, err := reader.Next()
		if err != nil {
			return messages, err
		}
		messages = append(messages, message)
	}
}

func reasonOf(err error) wire.Reason {
	if refusal, ok := errors.AsType[*wire.Refusal](err); ok {
		return refusal.Reason
	}
	return ""
}

func TestMessageReader(t *testing.T) {
	const limit = 8
	broken := errors.New("broken")
	for _, c := range []struct {
		name, input string
		ended       func() bool
		want        []string
		err         error       // io.EOF if there is no reason
		reason      wire.Reason // of the refusal that ended it
	}{
		{name: "nothing", err: io.EOF},
		{name: "one line", input: "one\n", want: []string{"one"}, err: io.EOF},
		{name: "the last without an end", input: "one\ntwo", want: []string{"one", "two"}, err: io.EOF},
		{name: "empty lines", input: "\n\r\n", want: []string{"", ""}, err: io.EOF},
		{name: "CR LF", input: "one\r\ntwo\r\n", want: []string{"one", "two"}, err: io.EOF},
		{name: "CR is no line end", input: "a\rb\r\r\nc\r", want: []string{"a\rb\r", "c\r"}, err: io.EOF},
		{name: "cut short", input: "one\ntwo", ended: ended, want: []string{"one"}, err: io.ErrUnexpectedEOF},
		{name: "cut between lines", input: "one\n", ended: ended, want: []string{"one"}, err: io.ErrUnexpectedEOF},
		{
			name: "at the limit", input: "12345678\n12345678\r\n12345678",
			want: []string{"12345678", "12345678", "12345678"}, err: io.EOF,
		},
		{name: "over the limit", input: "one\n123456789\ntwo\n", want: []string{"one"}, reason: wire.MessageTooLong},
		{name: "over the limit without an end", input: "123456789", reason: wire.MessageTooLong},
		{name: "over the limit by CR", input: "12345678\r\r\n", reason: wire.MessageTooLong},
		{name: "over the limit by CR without an end", input: "12345678\r", reason: wire.MessageTooLong},
		{name: "UTF-8 is counted in bytes", input: "ééééé\n", reason: wire.MessageTooLong},
		{name: "UTF-8", input: "éééé\n", want: []string{"éééé"}, err: io.EOF},
		{name: "no UTF-8", input: "one\n\xff\n", want: []string{"one"}, reason: wire.NotUTF8},
		{name: "half a character", input: "\xc3", reason: wire.NotUTF8},
	} {
		for way, wrap := range map[string]func(io.Reader) io.Reader{
			"at once":                   func(r io.Reader) io.Reader { return r },
			"byte by byte":              iotest.OneByteReader,
			"the end with the last":     iotest.DataErrReader,
			"half of what is asked for": iotest.HalfReader,
		} {
			t.Run(c.name+", "+way, func(t *testing.T) {
				got, err := readAll(wrap(strings.NewReader(c.input)), limit, c.ended)
				if strings.Join(got, "|") != strings.Join(c.want, "|") || len(got) != len(c.want) {
					t.Errorf("messages %q, want %q", got, c.want)
				}
				if reasonOf(err) != c.reason || c.err != nil && !errors.Is(err, c.err) {
					t.Errorf("error %v, want %v%s", err, c.err, c.reason)
				}
			})
		}
	}
	t.Run("the reader's own error", func(t *testing.T) {
		if _, err := readAll(io.MultiReader(strings.NewReader("one"), iotest.ErrReader(broken)), limit, nil); !errors.Is(
			err,
			broken,
		) {
			t.Errorf("error %v, want %v", err, broken)
		}
	})
}

// endless gives one byte for ever, and counts.
type endless struct {
	b byte
	n int
}

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = e.b
	}
	e.n += len(p)
	return len(p), nil
}

// Nobody makes the reader hold more than one message.
func TestMessageReaderIsBounded(t *testing.T) {
	for name, b := range map[string]byte{"letters": 'x', "CR": '\r', "no UTF-8": 0xff} {
		t.Run(name, func(t *testing.T) {
			source := &endless{b: b}
			_, err := wire.NewMessageReader(source, wire.MaxMessage, nil).Next()
			if reasonOf(err) != wire.MessageTooLong || source.n > 2*wire.MaxMessage {
				t.Errorf("%v after %d bytes, want message_too_long", err, source.n)
			}
		})
	}
}

// Over TLS a message that was cut short is told from one that ended with
// close_notify, though crypto/tls reports both as io.EOF.
func TestMessageReaderOverTLS(t *testing.T) {
	root := authority{}.issuing(t, "root", nil)
	id := root.leaf(t, nil)
	for _, version := range versions {
		for _, c := range []struct {
			name  string
			close func(*tls.Conn)
			want  []string
			err   error
		}{
			{"close_notify", func(conn *tls.Conn) { _ = conn.Close() }, []string{"one", "two"}, io.EOF},
			{
				"end of the stream", func(conn *tls.Conn) { _ = conn.NetConn().(*net.TCPConn).CloseWrite() },
				[]string{"one"}, io.ErrUnexpectedEOF,
			},
		} {
			t.Run(c.name+", "+tls.VersionName(version), func(t *testing.T) {
				serverConn, clientConn := loopback(t)
				go func() {
					conn := tls.Client(
						clientConn,
						wire.ClientConfig(root.trusting(id), wire.Policy{Now: clock, ServerName: "peer", MaxVersion: version}),
					)
					_, _ = io.WriteString(conn, "one\ntwo")
					c.close(conn)
				}()
				transport := &wire.Transport{Conn: serverConn}
				conn := tls.Server(transport, wire.ServerConfig(root.trusting(id), wire.Policy{Now: clock}))
				got, err := readAll(conn, wire.MaxMessage, transport.Ended)
				if strings.Join(got, "|") != strings.Join(c.want, "|") || !errors.Is(err, c.err) {
					t.Errorf("got %q, %v, want %q, %v", got, err, c.want, c.err)
				}
			})
		}
	}
}

func TestCheckMessage(t *testing.T) {
	for _, c := range []struct {
		name, message string
		want          wire.Reason
	}{
		{"nothing", "", ""},
		{"text", "Hello, server!", ""},
		{"CR within", "a\rb", ""},
		{"at the limit", strings.Repeat("x", wire.MaxMessage), ""},
		{"over the limit", strings.Repeat("x", wire.MaxMessage+1), wire.MessageTooLong},
		{"no UTF-8", "\xff", wire.NotUTF8},
		{"LF", "a\nb", wire.NotALine},
		{"CR at the end", "a\r", wire.NotALine},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := reasonOf(wire.CheckMessage(c.message)); got != c.want {
				t.Errorf("reason %q, want %q", got, c.want)
			}
		})
	}
}

func TestPrintable(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"text", "Hello, ä 世界!", "Hello, ä 世界!"},
		{"escape sequence", "\x1b[2J", `\x1b[2J`},
		{"line ends", "a\r\nb", `a\r\nb`},
		{"right to left override", "a\u202eb", `a\u202eb`},
		{"C1 control", "\u009b31m", `\u009b31m`},
		{"no UTF-8", "\xff", `\ufffd`},
		{"quotes and backslash", `'"\`, `'"\`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := wire.Printable(c.text)
			if got != c.want || !utf8.ValidString(got) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
