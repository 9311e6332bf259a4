package main

import (
	"context"
	"io"
)

// lease is standard input that ends the server when it ends itself, as it does when
// whoever started the server is gone.
type lease struct {
	io.Reader
	end context.CancelFunc
}

func (l lease) Read(p []byte) (int, error) {
	n, err := l.Reader.Read(p)
	if err != nil {
		l.end()
	}
	return n, err
}
