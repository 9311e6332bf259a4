package main

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/mtlslab/mtlslab/lab/attack"
)

// attackAsClient makes one connection, or one for a session and one that resumes
// it. Its error means that there was nothing to see.
func (f *field) attackAsClient(
	ctx, until context.Context,
	a attack.Attack,
	who *tls.Certificate,
	evidence *attack.Evidence,
) error {
	session, err := f.sessionFor(a)
	if err != nil {
		return err
	}
	if a.Resume == nil {
		evidence.Connections = append(evidence.Connections, f.dial(ctx, until, a, who, session))
	} else if err := f.resume(ctx, until, a, who, session, evidence); err != nil {
		return err
	}
	if a.Keep {
		return f.keep(a.ID, session)
	}
	return nil
}

func (f *field) resume(
	ctx, until context.Context,
	a attack.Attack,
	who *tls.Certificate,
	session *session,
	evidence *attack.Evidence,
) error {
	expired, err := expiryOf(a)
	if err != nil {
		return err
	}
	if a.Resume.From == "" {
		first, shown := a, who
		if !a.Resume.Uninvited {
			first.Deviation = attack.Deviation{}
			if shown, err = f.identityOf(first); err != nil {
				return err
			}
		}
		first.SNI = cmp.Or(a.Resume.SNI, a.SNI)
		first.Message = cmp.Or(a.Resume.Message, "a session for "+a.ID)
		evidence.Connections = append(evidence.Connections, f.dial(ctx, until, first, shown, session))
	}
	if a.Resume.Alter {
		if session, err = session.altered(); err != nil {
			return err
		}
	}
	wait(ctx, expired)
	evidence.Connections = append(evidence.Connections, f.dial(ctx, until, a, who, session))
	return nil
}

// expiryOf is when nobody takes the attack's leaf any more, if that is to be
// waited for, and the zero time otherwise. A leaf is good through the second
// that notAfter names (RFC 5280, 4.1.2.5), and there are verifiers that count
// whole seconds.
func expiryOf(a attack.Attack) (time.Time, error) {
	if !a.Resume.AfterExpiry {
		return time.Time{}, nil
	}
	leaf, err := x509.ParseCertificate(a.Chain[0])
	if err != nil {
		return time.Time{}, fmt.Errorf("waiting for the leaf to expire: %w", err)
	}
	expired := leaf.NotAfter.Add(time.Second)
	if time.Until(expired) > attack.MaxExpiryWait {
		return time.Time{}, fmt.Errorf(
			"the leaf does not expire before %v, longer away than %v",
			leaf.NotAfter,
			attack.MaxExpiryWait,
		)
	}
	return expired, nil
}

func wait(ctx context.Context, until time.Time) {
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// dial makes one connection when it is its turn. One that holds goes on when until ends.
func (f *field) dial(
	ctx, until context.Context, a attack.Attack, who *tls.Certificate, session *session,
) attack.Connection {
	f.dials <- struct{}{}
	defer func() { <-f.dials }()
	began := time.Now()
	deadline := began.Add(cmp.Or(a.Limit, attack.DefaultLimit))
	raw, err := (&net.Dialer{Deadline: deadline}).DialContext(ctx, "tcp", a.Connect)
	if err != nil {
		return attack.Connection{
			Remote: a.Connect, Began: began, Took: time.Since(began), End: attack.EndUnreachable, Detail: err.Error(),
		}
	}
	c := newContact(raw, began)
	c.seen.Connected = time.Since(began)
	defer c.transport.Close() //nolint:errcheck // all that matters was seen
	defer context.AfterFunc(ctx, func() { _ = c.transport.Close() })()
	_ = c.transport.SetDeadline(deadline)
	c.hold = func() {
		f.report(attack.Report{ID: a.ID, Listening: c.seen.Local})
		select {
		case <-until.Done():
		case <-ctx.Done():
		}
		_ = c.transport.SetDeadline(time.Now().Add(cmp.Or(a.Limit, attack.DefaultLimit)))
	}
	switch {
	case a.NoTLS && a.Dialogue != nil && len(a.Preface) == 0:
		return c.talkPlainly(a)
	case a.NoTLS:
		return c.sendPlainly(a)
	}
	if err := c.open(a); err != nil {
		return c.ended(err)
	}
	return c.send(ctx, a, who, session)
}

// send delivers the message over TLS, as an honest client would unless it is
// told otherwise.
func (c *contact) send(
	ctx context.Context,
	a attack.Attack,
	who *tls.Certificate,
	session *session,
) attack.Connection {
	conn := tls.Client(c.transport, c.clientConfig(a, who, session))
	had := session.state
	err := c.shake(ctx, conn)
	if err != nil {
		return c.ended(err)
	}
	speaks := a.Dialogue != nil && len(a.Dialogue.Talk) > 0
	if a.Message != "" && !speaks {
		c.say(conn, a.Message+lineEnd(a))
	}
	from := listener{c, conn}
	switch {
	case speaks:
		if err = c.talk(conn, a); err == nil {
			_ = conn.CloseWrite()
			err = io.EOF
		}
	case a.Truncate:
		_ = c.closeWrite()
	case a.Message == "":
		_ = conn.CloseWrite()
		_ = c.closeWrite()
	default:
		err = readLineOf(from)
		_ = conn.CloseWrite()
		_ = c.closeWrite()
	}
	if err == nil {
		_, err = io.Copy(io.Discard, from)
	}
	c.seen.Session = session.state != nil && session.state != had
	if err == nil {
		err = io.EOF // as Copy does not say
	}
	return c.ended(err)
}

// readLineOf reads until a line has come, and whatever comes with its end.
func readLineOf(from io.Reader) error {
	reader := bufio.NewReader(from)
	for {
		_, err := reader.ReadSlice('\n')
		if !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
}

func lineEnd(a attack.Attack) string {
	if a.Truncate {
		return ""
	}
	return "\n"
}

func (c *contact) clientConfig(a attack.Attack, who *tls.Certificate, session *session) *tls.Config {
	version, _ := a.TLSVersion() // checked when the line was read
	return &tls.Config{
		KeyLogWriter:       c.keyLog(a),
		InsecureSkipVerify: true, //nolint:gosec // it attacks whoever answers
		ServerName:         a.SNI,
		MinVersion:         version,
		MaxVersion:         version,
		CipherSuites:       a.Suites,
		NextProtos:         a.ALPN,
		ClientSessionCache: session,
		GetClientCertificate: func(request *tls.CertificateRequestInfo) (*tls.Certificate, error) {
			c.seen.Asked, c.seen.Authorities = true, namesOf(request.AcceptableCAs)
			return who, nil
		},
	}
}

// sendPlainly sends the message without TLS.
func (c *contact) sendPlainly(a attack.Attack) attack.Connection {
	c.seen.Plain = true
	words := string(a.Preface)
	if a.Message != "" {
		words += a.Message + lineEnd(a)
	}
	c.say(c.transport, words)
	if a.HangUp {
		_ = c.transport.Close()
		c.seen.End = attack.EndHungUp
		return c.ended(net.ErrClosed)
	}
	var err error
	from := listener{c, c.transport}
	if !a.Truncate {
		err = readLineOf(from)
	}
	_ = c.closeWrite()
	if err == nil {
		_, err = io.Copy(io.Discard, from)
	}
	if err == nil {
		err = io.EOF
	}
	return c.ended(err)
}

// namesOf are distinguished names for people (RFC 4514).
func namesOf(encoded [][]byte) []string {
	names := make([]string, len(encoded))
	for i, der := range encoded {
		var rdns pkix.RDNSequence
		if rest, err := asn1.Unmarshal(der, &rdns); err != nil || len(rest) > 0 {
			names[i] = fmt.Sprintf("unreadable: %x", der[:min(len(der), 16)])
			continue
		}
		names[i] = rdns.String()
	}
	return names
}
