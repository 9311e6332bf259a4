package adapter

import "github.com/mtlslab/mtlslab/lab/attack"

// syslogTalk sends one message in a frame of its own (RFC 5425, 4.3; RFC 5424, 6), and ends its half
// of the connection: nothing is answered.
func syslogTalk(_ *Adapter, message, _ string) talk {
	text := "<13>1 - lab mtlslab - - - " + message + "\n"
	return talk{asClient: attack.Dialogue{Talk: []attack.Turn{
		turn("", "%d %s", len(text), text),
		{Shut: true},
	}}}
}

// Mute says whether a server answers nothing that is said to it: that a message arrived, its log
// alone can show.
func (p Protocol) Mute() bool { return p == Syslog }
