package main

import (
	"crypto/tls"
	"time"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// answers are the lines that the server sends, read from the moment the
// handshake is done. Reading does not wait for writing: in TLS 1.3 the server's
// refusal comes while the first message is on its way, and a client that wrote
// first and looked afterwards could find a reset in its place.
type answers struct {
	lines <-chan line
	quit  chan struct{}
}

func newAnswers(conn *tls.Conn, transport *wire.Transport) *answers {
	lines, quit := make(chan line), make(chan struct{})
	go func() {
		reader := wire.NewMessageReader(conn, wire.MaxReceipt, transport.Ended)
		for {
			text, err := reader.Next()
			if err != nil {
				// Nothing more will be acknowledged, so a write that is
				// stuck need not run into its deadline.
				_ = transport.SetWriteDeadline(time.Unix(1, 0))
			}
			select {
			case lines <- line{text, err}:
			case <-quit:
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return &answers{lines: lines, quit: quit}
}

func (a *answers) stop() { close(a.quit) }
