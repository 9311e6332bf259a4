package adapter

import "github.com/mtlslab/mtlslab/lab/attack"

// smtpTalk sends a mail after STARTTLS (RFC 5321 and RFC 3207).
func smtpTalk(_ *Adapter, message, nonce string) talk {
	const reply = `(?m)^\d\d\d .*\r\n` // the last line of one
	greeted := turn(`(?m)^220 .*\r\n`, "")
	return talk{
		asClient: attack.Dialogue{
			Opening: []attack.Turn{
				greeted,
				turn("", "EHLO client.lab.test\r\n"),
				turn(reply, "STARTTLS\r\n"),
				turn(reply, ""),
			},
			Plain: []attack.Turn{greeted},
			Talk: []attack.Turn{
				turn("", "EHLO client.lab.test\r\n"),
				turn(reply, "MAIL FROM:<client@lab.test>\r\n"),
				turn(reply, "RCPT TO:<server@lab.test>\r\n"),
				turn(reply, "DATA\r\n"),
				turn(reply, "Subject: %s\r\n\r\n%[1]s\r\n.\r\n", message),
				turn(reply, "QUIT\r\n"),
			},
		},
		asServer: attack.Dialogue{
			Opening: []attack.Turn{
				turn("", "220 server.lab.test ESMTP\r\n"),
				turn(`(?mi)^EHLO .*\r\n`, "250-server.lab.test\r\n250 STARTTLS\r\n"),
				turn(`(?mi)^STARTTLS\r\n`, "220 go ahead\r\n"),
			},
			Plain: []attack.Turn{turn("", "220 server.lab.test ESMTP\r\n")},
			Talk: []attack.Turn{
				turn(`(?mi)^(EHLO|HELO) .*\r\n`, "250 server.lab.test\r\n"),
				// One that was offered no STARTTLS, and will not do without, takes its leave and
				// waits for an answer.
				turn(`(?mi)^(MAIL .*|QUIT)\r\n`, "250 2.1.0 ok\r\n"),
				turn(`(?mi)^RCPT .*\r\n`, "250 2.1.5 ok\r\n"),
				turn(`(?mi)^DATA\r\n`, "354 go ahead\r\n"),
				turn(`\r\n\.\r\n`, "250 2.0.0 queued as %s\r\n", nonce),
				turn(`(?mi)^QUIT\r\n`, "221 2.0.0 bye\r\n"),
			},
		},
		greeting:  `220 [^\r]*\r\n`,
		delivered: `(?s)(?:^|\n)354 .*\n250 [^\n]*\n`,
		refused:   `(?m)^[45]\d\d[ -]|^221 2\.7\.`, // RFC 3463, 3.8: its policy
	}
}
