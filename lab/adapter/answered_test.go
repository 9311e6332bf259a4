package adapter_test

import (
	"testing"

	"github.com/mtlslab/mtlslab/lab/adapter"
)

// What a server says to anybody who comes is no answer.
func TestAnswered(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		speaks adapter.Protocol
		heard  string
		want   bool
	}{
		{adapter.SMTP, "220 mail.test ESMTP\r\n", false},
		{adapter.SMTP, "220 mail.test ESMTP\r\n250 hello\r\n", true},
		{adapter.SMTP, "421 busy\r\n", true},
		{adapter.IMAP, "* OK [CAPABILITY IMAP4rev1] ready.\r\n", false},
		{adapter.IMAP, "* BYE not you\r\n", true},
		{adapter.IMAP, "* OK ready\r\na NO not you\r\n", true},
		{adapter.NATS, "INFO {\"port\":4222}\r\n", false},
		{adapter.NATS, "INFO {}\r\n-ERR 'Secure Connection - TLS Required'\r\n", true},
		{adapter.HTTP, "HTTP/1.1 204 No Content\r\n\r\n", true},
		{adapter.Line, "", false},
		{adapter.Line, "what?\n", true},
	} {
		a := &adapter.Adapter{Speaks: test.speaks}
		speech, err := a.Speech("Hello, server! (0123456789ab)", "0123456789ab")
		if err != nil {
			t.Fatal(err)
		}
		if got := speech.Read(test.heard).Answered; got != test.want {
			t.Errorf("%s: %q is an answer: %t", test.speaks, test.heard, got)
		}
	}
}
