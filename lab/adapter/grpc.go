package adapter

import (
	"regexp"

	"github.com/mtlslab/mtlslab/lab/attack"
)

// Frames of HTTP/2 (RFC 9113, 6), and flags of theirs.
const (
	frameData, frameHeaders, frameSettings = 0x0, 0x1, 0x4

	flagAck, flagEndStream, flagEndHeaders = 0x1, 0x1, 0x4
)

// grpcTalk calls the method lab.Echo/Say, whose request and answer are a message of protobuf with
// one text (gRPC over HTTP/2, and RFC 9113 and 7541, no word of which is compressed).
func grpcTalk(_ *Adapter, message, nonce string) talk {
	const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	text := "\x0a" + octets(len(message), 1) + message        // field 1, its length (protobuf, encoding)
	body := "\x00" + octets(len(text), 4) + text              // not compressed, its length
	request := "\x83\x87" + field(":path", "/lab.Echo/Say") + // POST, https (RFC 7541, appendix A)
		field(":authority", Host) + field("content-type", "application/grpc") + field("te", "trailers")
	answer := "\x88" + field("content-type", "application/grpc") // status 200
	hearing := regexp.QuoteMeta(nonce) + `\)`
	return talk{
		asClient: attack.Dialogue{Talk: []attack.Turn{
			{Say: []byte(preface + frame(frameSettings, 0, 0, "") + frame(frameHeaders, flagEndHeaders, 1, request) +
				frame(frameData, flagEndStream, 1, body))},
			{Hear: hearing},
		}},
		asServer: attack.Dialogue{Talk: []attack.Turn{
			{
				Hear: regexp.QuoteMeta(preface),
				Say:  []byte(frame(frameSettings, 0, 0, "") + frame(frameSettings, flagAck, 0, "")),
			},
			{Hear: hearing, Say: []byte(frame(frameHeaders, flagEndHeaders, 1, answer) + frame(frameData, 0, 1, body) +
				frame(frameHeaders, flagEndHeaders|flagEndStream, 1, field("grpc-status", "0")))},
		}},
		echo: true,
	}
}

// frame is one of HTTP/2's.
func frame(kind, flags, stream int, payload string) string {
	return octets(len(payload), 3) + octets(kind, 1) + octets(flags, 1) + octets(stream, 4) + payload
}

// field is one of a head, which is remembered by nobody (RFC 7541, 6.2.2).
func field(name, value string) string {
	return "\x00" + octets(len(name), 1) + name + octets(len(value), 1) + value
}
