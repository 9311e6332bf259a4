package main

import (
	"errors"
	"io"
	"os"
	"time"
)

// A client that stops in mid-line may have said all it has to say, and wait for
// the other side to close: so does `openssl s_client -quiet`, fed from a pipe
// with no newline at its end. Silence does not end a message, because whoever
// is on the path can make silence. So the client is asked, by this side's own
// close_notify, and only its close_notify in answer makes the line a message:
// it cannot be forged, and comes after everything that was sent before it.
const (
	restTimeout   = 2 * time.Second // how long a line rests before the client is asked
	answerTimeout = time.Second     // how long the answer may take

	// maxAsked is the most that a client may have sent, in bytes, to be asked
	// and to be believed. To answer, some clients drop what they had yet to send
	// (RFC 5246, 7.2.1, even tells them to), so whoever stalls the connection
	// could have them cut their own message short. This little fits into any
	// system's socket buffer: a client that got no further was not stalled, and
	// what is in the buffer is sent before the answer.
	maxAsked = 4 << 10
)

// unfinished is what is known of the line that a client is sending.
type unfinished struct {
	begun bool      // the last byte that came did not end a line
	due   time.Time // when the whole of it must have come
	sent  int       // bytes of the whole connection
	asked bool      // whether that was all
}

// Read reads what the client sends, for as long as it may take to come.
func (c *conn) Read(p []byte) (int, error) {
	c.awaitMore()
	n, err := c.tls.Read(p)
	if errors.Is(err, os.ErrDeadlineExceeded) && c.ask() {
		n, err = c.tls.Read(p)
	}
	if n > 0 {
		c.line.begun = p[n-1] != '\n'
		c.line.sent += n
	}
	if errors.Is(err, io.EOF) && c.line.asked && c.line.begun && c.line.sent > maxAsked {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func (c *conn) awaitMore() {
	limit := c.line.due
	if c.mayAsk() {
		limit = earlier(limit, time.Now().Add(restTimeout))
	}
	if !c.line.asked {
		c.await(limit, c.line.begun)
	}
}

func (c *conn) mayAsk() bool { return c.line.begun && !c.line.asked && c.line.sent <= maxAsked }

// ask asks the client whether that was all, and reports false if it may not.
func (c *conn) ask() bool {
	if !c.mayAsk() {
		return false
	}
	c.line.asked = true
	c.await(time.Now().Add(answerTimeout), true)
	return c.tls.CloseWrite() == nil
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
