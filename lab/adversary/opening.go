package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"sync/atomic"

	"github.com/mtlslab/mtlslab/lab/attack"
)

// opening is the connection of a server attack, whose beginning can be looked
// at before anybody takes it for TLS.
type opening struct {
	net.Conn
	ahead    *bufio.Reader
	mute     atomic.Bool
	outdated []byte // a ServerHello of a version that was not offered; nil if it was
}

func newOpening(raw net.Conn) *opening {
	return &opening{Conn: raw, ahead: bufio.NewReader(raw)}
}

// Read reads what was looked at first.
func (o *opening) Read(p []byte) (int, error) { return o.ahead.Read(p) }

// unread puts back what was read beyond the words before the handshake: a client that waits for no
// answer to these may send both at once.
func (o *opening) unread(beyond []byte) {
	o.ahead = bufio.NewReader(io.MultiReader(bytes.NewReader(beyond), o.ahead))
}

// Write drops what is written while the connection is mute.
func (o *opening) Write(p []byte) (int, error) {
	if o.mute.Load() {
		return len(p), nil
	}
	return o.Conn.Write(p)
}

const recordHandshake, headerLength = 22, 5 // RFC 8446, 5.1

// isTLS waits for the first byte.
func (o *opening) isTLS() (bool, error) {
	first, err := o.ahead.Peek(1)
	if err != nil {
		return false, err
	}
	return first[0] == recordHandshake, nil
}

// skipRecord reads past the ClientHello. An error will come again with the next
// read.
func (o *opening) skipRecord() {
	header := make([]byte, headerLength)
	if _, err := io.ReadFull(o.ahead, header); err == nil {
		_, _ = io.CopyN(io.Discard, o.ahead, int64(binary.BigEndian.Uint16(header[3:])))
	}
}

var errOutdated = errors.New("the client does not offer the version that it is to be given")

// checkVersion sees to it that a client is given an old version though it offers
// none. A server from before TLS 1.3 does not know the extension in which the
// client says so, and answers with what it has; it is the client that must not
// go on (RFC 8446, 4.1.3 and 4.2.1). crypto/tls refuses in its place, and its
// alert is not to be sent.
func (o *opening) checkVersion(hello *tls.ClientHelloInfo, version uint16) error {
	if version == 0 || version >= tls.VersionTLS12 || slices.Contains(hello.SupportedVersions, version) {
		return nil
	}
	o.outdated = serverHello(version, hello.CipherSuites)
	o.mute.Store(true)
	return errOutdated
}

// serverHello is one without a session and extensions, in its record (RFC 4346,
// 7.4.1.3). The suite is one that was offered and is as old, if there is one.
func serverHello(version uint16, offered []uint16) []byte {
	suite := tls.TLS_RSA_WITH_AES_128_CBC_SHA
	for _, known := range slices.Concat(tls.InsecureCipherSuites(), tls.CipherSuites()) {
		if slices.Contains(offered, known.ID) && slices.Contains(known.SupportedVersions, version) {
			suite = known.ID
		}
	}
	body := binary.BigEndian.AppendUint16(nil, version)
	body = append(body, make([]byte, 32)...) // its random need not be
	body = append(body, 0)                   // no session
	body = binary.BigEndian.AppendUint16(body, suite)
	body = append(body, 0) // no compression

	const typeServerHello = 2
	const length = 2 + 32 + 1 + 2 + 1
	message := append([]byte{typeServerHello, 0, 0, length}, body...)
	record := binary.BigEndian.AppendUint16([]byte{recordHandshake}, version)
	record = binary.BigEndian.AppendUint16(record, 4+length)
	return append(record, message...)
}

// insist answers with the old version, and sees what the client makes of it.
func (c *contact) insist(opened *opening) attack.Connection {
	opened.mute.Store(false)
	_, _ = c.transport.Write(opened.outdated)
	c.seen.Plain = true
	_, err := io.Copy(io.Discard, listener{c, c.transport})
	if err == nil {
		err = io.EOF
	}
	return c.ended(err)
}
