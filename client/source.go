package main

import (
	"io"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// line is a message to send, or the error that ended them.
type line struct {
	text string
	err  error // io.EOF after the last
}

// source gives the messages one by one: a receive on lines is the next.
type source struct {
	lines <-chan line
	typed bool // the messages come from standard input, at somebody's leisure
}

// newSource starts reading. The reader of standard input ends with it, or with
// the process: nothing can take back a blocked read.
func newSource(messages []string, stdin io.Reader) source {
	if len(messages) > 0 {
		lines := make(chan line, len(messages)+1)
		for _, message := range messages {
			lines <- line{text: message}
		}
		lines <- line{err: io.EOF}
		return source{lines: lines}
	}
	lines := make(chan line)
	go func() {
		reader := wire.NewMessageReader(stdin, wire.MaxMessage, nil)
		for {
			text, err := reader.Next()
			if err == nil {
				err = wire.CheckMessage(text)
			}
			lines <- line{text, err}
			if err != nil {
				return
			}
		}
	}()
	return source{lines: lines, typed: true}
}
