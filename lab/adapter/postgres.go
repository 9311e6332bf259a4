package adapter

import (
	"encoding/binary"

	"github.com/mtlslab/mtlslab/lab/attack"
)

// postgresTalk asks for TLS, starts a session and makes the server say the
// message back (PostgreSQL documentation, 55.2 and 55.7).
func postgresTalk(_ *Adapter, message, _ string) talk {
	const (
		sslRequest   = "\x00\x00\x00\x08\x04\xd2\x16\x2f"
		hearRequest  = `(?s)^\x00\x00\x00\x08\x04.\x16/`
		ready        = "Z\x00\x00\x00\x05I"
		hearReady    = `(?s)Z\x00\x00\x00\x05[ITE]`
		hearError    = `E\x00\x00..?S[A-Z]+\x00`
		startUp      = "\x00\x03\x00\x00user\x00lab\x00database\x00lab\x00\x00"
		authenticate = "R\x00\x00\x00\x08\x00\x00\x00\x00"
	)
	hear := hearReady + "|" + hearError
	// Some clients quote by these.
	settings := "S" + lengthened("client_encoding\x00UTF8\x00") +
		"S" + lengthened("standard_conforming_strings\x00on\x00")
	row := "\x00\x01" + counted(message)
	// text
	column := "\x00\x01m\x00" + "\x00\x00\x00\x00" + "\x00\x00" + "\x00\x00\x00\x19" + "\xff\xff" +
		"\xff\xff\xff\xff" + "\x00\x00"
	return talk{
		asClient: attack.Dialogue{
			Opening: []attack.Turn{{Say: []byte(sslRequest)}, {Hear: `^[SNE]`}},
			Talk: []attack.Turn{
				{Say: []byte(lengthened(startUp))},
				{Hear: hear, Say: []byte("Q" + lengthened("SELECT '"+message+"'\x00"))},
				{Hear: hear, Say: []byte("X\x00\x00\x00\x04")},
			},
		},
		asServer: attack.Dialogue{
			Opening: []attack.Turn{{Hear: hearRequest, Say: []byte("S")}},
			Plain:   []attack.Turn{{Hear: hearRequest, Say: []byte("N")}},
			Talk: []attack.Turn{
				{Hear: `(?s)user\x00.*\x00\x00`, Say: []byte(authenticate + settings + ready)},
				{
					Hear: `(?s)Q.{4}.*\x00`,
					Say:  []byte("T" + lengthened(column) + "D" + lengthened(row) + "C" + lengthened("SELECT 1\x00") + ready),
				},
			},
		},
		delivered: `SELECT 1\x00`,
		refused:   hearError,
		echo:      true,
	}
}

// counted is a text after its length, big-endian in four bytes.
func counted(text string) string {
	return string(binary.BigEndian.AppendUint32(nil, uint32(len(text)))) + text //nolint:gosec // a message of the lab's
}

// lengthened is a text after a length that counts itself.
func lengthened(text string) string {
	return string(binary.BigEndian.AppendUint32(nil, uint32(len(text)+4))) + text //nolint:gosec // likewise
}
