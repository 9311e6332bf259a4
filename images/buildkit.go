package images

import (
	"encoding/binary"
	"regexp"
	"strings"
)

// What BuildKit tells is in protocol buffers, StatusResponse of its api/services/control/control.proto. These are the
// numbers of the few fields that are of use here; a dependency for them would be larger than this package.
const (
	statusVertexes = 1
	statusLogs     = 3

	vertexDigest  = 1
	vertexName    = 3
	vertexStarted = 5
	vertexError   = 7

	logVertex  = 1
	logMessage = 4
)

// vertexStep is how BuildKit calls a step of the Dockerfile, with the stage's name before the number if it has one.
var vertexStep = regexp.MustCompile(`^\[(?:\S+ +)?(\d+/\d+)\] (.*)$`)

// takeTrace takes one report of BuildKit.
func (b *buildLog) takeTrace(trace []byte) {
	if b.steps == nil {
		b.steps, b.lasts = map[string]string{}, map[string][]string{}
	}
	fields(trace, func(number int, value []byte) {
		switch number {
		case statusVertexes:
			b.takeVertex(value)
		case statusLogs:
			var vertex, text string
			fields(value, func(number int, value []byte) {
				switch number {
				case logVertex:
					vertex = string(value)
				case logMessage:
					text = string(value)
				}
			})
			for line := range strings.Lines(text) {
				b.lasts[vertex] = keep(b.lasts[vertex], line)
			}
		}
	})
}

func (b *buildLog) takeVertex(vertex []byte) {
	var digest, name, failed string
	started := false
	fields(vertex, func(number int, value []byte) {
		switch number {
		case vertexDigest:
			digest = string(value)
		case vertexName:
			name = string(value)
		case vertexStarted:
			started = true
		case vertexError:
			failed = string(value)
		}
	})
	m := vertexStep.FindStringSubmatch(name)
	if m == nil || !started {
		return
	}
	if _, told := b.steps[digest]; !told {
		b.begin(m[1], m[2])
		b.steps[digest] = b.step
	}
	if failed != "" {
		b.step, b.last = b.steps[digest], b.lasts[digest]
	}
}

// fields calls take with each field of a message that has a length, which are strings, bytes and messages. It stops at
// what it does not understand.
func fields(data []byte, take func(number int, value []byte)) {
	const (
		varint = 0
		fixed8 = 1
		length = 2
		fixed4 = 5
	)
	for len(data) > 0 {
		tag, n := binary.Uvarint(data)
		if n <= 0 {
			return
		}
		data = data[n:]
		var size uint64
		switch tag & 7 {
		case varint:
			if _, n = binary.Uvarint(data); n <= 0 {
				return
			}
			size = uint64(n)
		case fixed8:
			size = 8
		case fixed4:
			size = 4
		case length:
			if size, n = binary.Uvarint(data); n <= 0 {
				return
			}
			data = data[n:]
		default:
			return
		}
		if size > uint64(len(data)) {
			return
		}
		if tag&7 == length {
			take(int(tag>>3), data[:size])
		}
		data = data[size:]
	}
}
