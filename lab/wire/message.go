package wire

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"
)

// DefaultPort is where the server listens unless it is told otherwise.
const DefaultPort = "12345"

// MaxMessage bounds one message, in bytes, its line end not counted.
const MaxMessage = 64 << 10

// Transport wraps the connection under TLS and remembers whether it ended.
// crypto/tls reports the end of the stream between two records as it reports
// close_notify; without this a message cut short by an attacker would pass for
// a whole one (RFC 8446, 6.1).
type Transport struct {
	net.Conn
	ended atomic.Bool
}

// Read reads from the connection and notes its end.
func (t *Transport) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	if errors.Is(err, io.EOF) {
		t.ended.Store(true)
	}
	return n, err
}

// Ended reports whether the transport has ended, with or without close_notify.
func (t *Transport) Ended() bool { return t.ended.Load() }

// MessageReader splits what a client sends into messages: lines of UTF-8, the
// last of which may end with close_notify in place of its newline. It serves
// for receipts too, with a limit of [MaxReceipt].
type MessageReader struct {
	r     io.Reader
	limit int
	ended func() bool

	// buf is a buffer for as long as there is something to read: a connection that has
	// nothing to say keeps none.
	buf   *bufio.Reader
	first [1]byte // what has come without a buffer, if ahead
	ahead bool
}

// buffers are those of all readers.
var buffers = sync.Pool{New: func() any { return bufio.NewReader(nil) }}

// reading is a reader of messages as its buffer reads from it.
type reading MessageReader

func (m *reading) Read(p []byte) (int, error) {
	if m.ahead && len(p) > 0 {
		m.ahead, p[0] = false, m.first[0]
		return 1, nil
	}
	return m.r.Read(p)
}

// take waits for the first byte, and then takes a buffer.
func (m *MessageReader) take() error {
	if m.buf != nil {
		return nil
	}
	if _, err := io.ReadFull(m.r, m.first[:]); err != nil {
		return err
	}
	m.ahead = true
	m.buf = buffers.Get().(*bufio.Reader) //nolint:forcetypeassert // nothing else is in it
	m.buf.Reset((*reading)(m))
	return nil
}

// give gives the buffer back, unless there is something in it.
func (m *MessageReader) give() {
	if m.buf == nil || m.buf.Buffered() > 0 || m.ahead {
		return
	}
	m.buf.Reset(nil)
	buffers.Put(m.buf)
	m.buf = nil
}

// NewMessageReader reads messages of at most limit bytes from r, their line
// ends not counted. ended tells whether the stream under TLS has ended, see
// [Transport]; without it the end of r is a clean one.
func NewMessageReader(r io.Reader, limit int, ended func() bool) *MessageReader {
	if ended == nil {
		ended = func() bool { return false }
	}
	return &MessageReader{r: r, limit: limit, ended: ended}
}

// Next returns the next message without its line end, LF or CR LF. It returns
// io.EOF after a clean close, io.ErrUnexpectedEOF when the stream was cut
// short, and a *Refusal with MessageTooLong or NotUTF8 for a message that
// cannot be taken; after one that is too long the rest of it is still unread.
// It holds no more than the limit and one buffer in memory.
func (m *MessageReader) Next() (string, error) {
	var line []byte
	switch err := m.take(); {
	case errors.Is(err, io.EOF) && m.ended():
		return "", io.ErrUnexpectedEOF
	case err != nil:
		return "", err
	}
	defer m.give()
	for {
		part, err := m.buf.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case err == nil:
			return m.message(bytes.TrimSuffix(line[:len(line)-1], []byte("\r")))
		case errors.Is(err, bufio.ErrBufferFull):
			if len(line) > m.limit+len("\r") {
				return "", tooLong(m.limit)
			}
		case !errors.Is(err, io.EOF):
			return "", err
		case m.ended():
			return "", io.ErrUnexpectedEOF
		case len(line) == 0:
			return "", io.EOF
		default:
			return m.message(line)
		}
	}
}

func (m *MessageReader) message(line []byte) (string, error) {
	if len(line) > m.limit {
		return "", tooLong(m.limit)
	}
	if !utf8.Valid(line) {
		return "", notUTF8()
	}
	return string(line), nil
}

// CheckMessage reports whether a message arrives as it was sent: one line of
// UTF-8 of at most [MaxMessage] bytes that does not end in the first half of a
// line end. Reasons of the *Refusal: MessageTooLong, NotUTF8, NotALine.
func CheckMessage(message string) error {
	switch {
	case len(message) > MaxMessage:
		return tooLong(MaxMessage)
	case !utf8.ValidString(message):
		return notUTF8()
	case strings.Contains(message, "\n") || strings.HasSuffix(message, "\r"):
		return refuse(NotALine, "a message that holds a line end")
	}
	return nil
}

func tooLong(limit int) error {
	return refuse(MessageTooLong, "a message of more than %d bytes", limit)
}
func notUTF8() error { return refuse(NotUTF8, "a message that is not UTF-8") }

// Printable returns s with everything that could steer a terminal escaped.
func Printable(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r == utf8.RuneError || !strconv.IsPrint(r) {
			quoted := strconv.QuoteRuneToASCII(r)
			b.WriteString(quoted[1 : len(quoted)-1])
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}
