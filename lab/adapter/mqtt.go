package adapter

import (
	"regexp"

	"github.com/mtlslab/mtlslab/lab/attack"
)

// mqttTalk subscribes to a topic and publishes the message on it (MQTT 3.1.1,
// 3). As a server it acknowledges what is published with QoS 1 as packet 1.
func mqttTalk(_ *Adapter, message, nonce string) talk {
	topic := short("lab/" + nonce)
	packet := func(head byte, body string) []byte {
		return append([]byte{head, byte(len(body))}, body...) //nolint:gosec // under 128 bytes: a line of the lab's is
	}
	return talk{
		asClient: attack.Dialogue{Talk: []attack.Turn{
			{Say: packet(0x10, short("MQTT")+"\x04\x02\x00\x3c"+short(nonce))},
			{Hear: `(?s)^\x20\x02..`, Say: packet(0x82, "\x00\x01"+topic+"\x00")},
			{Hear: `(?s)\x03\x00\x01.`, Say: packet(0x30, topic+message)},
			{Hear: regexp.QuoteMeta(message), Say: packet(0xe0, "")},
		}},
		asServer: attack.Dialogue{Talk: []attack.Turn{
			{Hear: `(?s)^\x10.*MQTT`, Say: packet(0x20, "\x00\x00")},
			{Hear: regexp.QuoteMeta(nonce), Say: packet(0x40, "\x00\x01")},
		}},
		delivered: `(?s)^\x20\x02.\x00`,
		refused:   `(?s)^\x20\x02.[^\x00]`,
		echo:      true,
	}
}

// short is a text after its length in two bytes.
func short(text string) string { return string([]byte{0, byte(len(text))}) + text } //nolint:gosec // likewise
