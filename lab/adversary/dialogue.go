package main

import (
	"crypto/tls"
	"errors"
	"io"
	"regexp"
	"slices"

	"github.com/mtlslab/mtlslab/lab/attack"
)

// maxTurn bounds what is kept while a turn waits, in bytes.
const maxTurn = 256 << 10

var errTooMuch = errors.New("more was said than a turn waits for")

// speaker takes the turns of a dialogue on one connection, protected or not.
type speaker struct {
	*contact
	with io.ReadWriter
	half func() error // ends this half of it
	kept []byte       // heard, and not yet matched by a turn
}

// speaks is who speaks on a connection, of which all that is heard is noted.
func (c *contact) speaks(with io.ReadWriter) *speaker {
	s := &speaker{contact: c, with: c.tap(with), half: c.closeWrite}
	if protected, is := with.(*tls.Conn); is {
		s.half = protected.CloseWrite
	}
	return s
}

// take goes through turns. Its error is that of the connection.
func (s *speaker) take(turns []attack.Turn) error {
	for _, turn := range turns {
		if turn.Hold {
			s.holds()
		}
		if turn.Hear != "" {
			if err := s.hear(regexp.MustCompile(turn.Hear)); err != nil { // checked when the line was read
				return err
			}
		}
		if len(turn.Say) > 0 {
			s.say(s.with, string(turn.Say))
		}
		if turn.Shut {
			return s.shut()
		}
	}
	return nil
}

// shut ends this half of the connection, and returns how the other ended.
func (s *speaker) shut() error {
	if err := s.half(); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, s.with); err != nil {
		return err
	}
	return io.EOF // as Copy does not say
}

// holds waits until the attack is told to go on.
func (s *speaker) holds() {
	s.seen.Held = len(words(s.heard.Bytes()))
	s.hold()
}

func (s *speaker) hear(pattern *regexp.Regexp) error {
	buffer := make([]byte, 16<<10)
	for {
		if at := pattern.FindIndex(s.kept); at != nil {
			s.kept = s.kept[at[1]:]
			return nil
		}
		if len(s.kept) > maxTurn {
			return errTooMuch
		}
		n, err := s.with.Read(buffer)
		s.kept = append(s.kept, buffer[:n]...)
		if err != nil && n == 0 {
			return err
		}
	}
}

// tapped notes what is read through it, and writes as it is.
type tapped struct {
	listener
	io.Writer
}

func (c *contact) tap(with io.ReadWriter) io.ReadWriter {
	return tapped{listener{c, with}, with}
}

// open takes the turns before the handshake. What is to be sent ahead of that
// goes out with the last word, in one write, as it would from somebody who
// reached into the connection.
func (c *contact) open(a attack.Attack) error {
	if a.Dialogue == nil || len(a.Dialogue.Opening) == 0 {
		if len(a.Preface) > 0 {
			_, _ = c.transport.Write(a.Preface) // an error will come again
		}
		return nil
	}
	turns := slices.Clone(a.Dialogue.Opening)
	if len(a.Preface) > 0 {
		last := &turns[len(turns)-1]
		for i := range turns {
			if len(turns[i].Say) > 0 {
				last = &turns[i]
			}
		}
		last.Say = slices.Concat(last.Say, a.Preface)
	}
	return (&speaker{contact: c, with: c.transport}).take(turns)
}

// talk says the dialogue to a server, and returns why it ended; nil if it was
// said to its end.
func (c *contact) talk(with io.ReadWriter, a attack.Attack) error {
	err := c.speaks(with).take(a.Dialogue.Said(c.seen.Plain))
	if err != nil {
		return err
	}
	if a.Truncate {
		_ = c.closeWrite()
		_, err = io.Copy(io.Discard, listener{c, with})
		if err == nil {
			err = io.EOF // as Copy does not say
		}
		return err
	}
	c.seen.End = attack.EndDone
	return nil
}

// talkPlainly says the dialogue without TLS.
func (c *contact) talkPlainly(a attack.Attack) attack.Connection {
	c.seen.Plain = true
	s := c.speaks(c.transport)
	err := s.take(a.Dialogue.Plain)
	if err == nil {
		err = s.take(a.Dialogue.Said(true))
	}
	if err == nil {
		c.seen.End, err = attack.EndDone, io.EOF
	}
	return c.ended(err)
}

// reply says the dialogue to a client, and listens until that is done.
func (c *contact) reply(with io.ReadWriter, a attack.Attack) error {
	err := c.speaks(with).take(a.Dialogue.Said(c.seen.Plain))
	if err == nil && a.Truncate {
		_ = c.closeWrite()
	}
	if err == nil {
		_, err = io.Copy(io.Discard, listener{c, with})
	}
	if err == nil {
		err = io.EOF
	}
	return err
}
