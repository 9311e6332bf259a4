package adapter_test

import (
	"bytes"
	"regexp"
	"slices"
	"testing"

	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/attack"
)

const (
	nonce   = "0123456789ab"
	message = "Hello, server! (" + nonce + ")"
)

func speechOf(t *testing.T, a adapter.Adapter) adapter.Speech {
	t.Helper()
	s, err := a.Speech(message, nonce)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestAnswers reads answers of servers, as they come over the wire.
func TestAnswers(t *testing.T) {
	t.Parallel()
	yes, no := true, false
	delivered, refused, neither := "delivered", "refused", "neither"
	for _, test := range []struct {
		name, answer, want string
		peer               adapter.Adapter
	}{
		{"echo", message + "\n", delivered, adapter.Adapter{Speaks: adapter.Line}},
		{"echo of another message", "Hello, server! (ba9876543210)\n", neither, adapter.Adapter{Speaks: adapter.Line}},
		{"nothing", "", neither, adapter.Adapter{Speaks: adapter.Line, Delivered: adapter.Delivered{Echo: &no}}},
		{
			"receipt", `{"sha256":"00"}`, delivered,
			adapter.Adapter{Speaks: adapter.Line, Delivered: adapter.Delivered{Echo: &no, Match: `"sha256"`}},
		},
		{
			"receipt without the echo that is asked for", `{"sha256":"00"}`, neither,
			adapter.Adapter{Speaks: adapter.Line, Delivered: adapter.Delivered{Match: `"sha256"`}},
		},
		{
			"refusal in words of its own", message + " DENIED\n", refused,
			adapter.Adapter{Speaks: adapter.Line, Refused: adapter.Refused{Match: "DENIED"}},
		},
		{"200", "HTTP/1.1 200 OK\r\n\r\n", delivered, adapter.Adapter{Speaks: adapter.HTTP}},
		{"204", "HTTP/1.0 204 No Content\r\n\r\n", delivered, adapter.Adapter{Speaks: adapter.HTTP}},
		{
			"200 without the echo that is asked for", "HTTP/1.1 200 OK\r\n\r\n", neither,
			adapter.Adapter{Speaks: adapter.HTTP, Delivered: adapter.Delivered{Echo: &yes}},
		},
		{"nginx's 400", "HTTP/1.1 400 Bad Request\r\n\r\n" + nonce, refused, adapter.Adapter{Speaks: adapter.HTTP}},
		{"500", "HTTP/1.1 500 Oops\r\n\r\n", neither, adapter.Adapter{Speaks: adapter.HTTP}},
		{
			"404 where that will do", "HTTP/1.1 404 Not Found\r\n\r\n", delivered,
			adapter.Adapter{Speaks: adapter.HTTP, Delivered: adapter.Delivered{Status: []int{404}}},
		},
		{"2000 is no status", "HTTP/1.1 2000\r\n\r\n", neither, adapter.Adapter{Speaks: adapter.HTTP}},
		{
			"row",
			"T\x00\x00\x00\x1a\x00\x01D\x00\x00\x00\x29\x00\x01" + message + "C\x00\x00\x00\x0dSELECT 1\x00Z\x00\x00\x00\x05I",
			delivered, adapter.Adapter{Speaks: adapter.Postgres},
		},
		{
			"no certificate", "E\x00\x00\x00\x72SFATAL\x00VFATAL\x00C28000\x00", refused,
			adapter.Adapter{Speaks: adapter.Postgres},
		},
		{"mail", "250 hi\r\n354 go\r\n250 2.0.0 Ok: queued\r\n", delivered, adapter.Adapter{Speaks: adapter.SMTP}},
		{"mail turned away", "250 hi\r\n530 5.7.0 no\r\n503 no\r\n", refused, adapter.Adapter{Speaks: adapter.SMTP}},
		{"pong", "$29\r\n" + message + "\r\n", delivered, adapter.Adapter{Speaks: adapter.Redis}},
		{"denied", "-DENIED " + nonce + "\r\n", refused, adapter.Adapter{Speaks: adapter.Redis}},
		{"published", "\x20\x02\x00\x00\x90\x03\x00\x01\x00" + message, delivered, adapter.Adapter{Speaks: adapter.MQTT}},
		{"not authorised", "\x20\x02\x00\x05", refused, adapter.Adapter{Speaks: adapter.MQTT}},
	} {
		t.Run(string(test.peer.Speaks)+", "+test.name, func(t *testing.T) {
			t.Parallel()
			got, s := neither, speechOf(t, test.peer)
			switch {
			case s.Read(test.answer).Delivered:
				got = delivered
			case s.Read(test.answer).Refused:
				got = refused
			}
			if got != test.want {
				t.Errorf("%q is %s, want %s", test.answer, got, test.want)
			}
		})
	}
}

// TestBothHalves has each protocol talk to itself: every turn that waits is
// answered by what the other half says.
func TestBothHalves(t *testing.T) {
	t.Parallel()
	for _, speaks := range []adapter.Protocol{adapter.Line, adapter.HTTP, adapter.Postgres, adapter.SMTP, adapter.Redis} {
		t.Run(string(speaks), func(t *testing.T) {
			t.Parallel()
			s := speechOf(t, adapter.Adapter{Speaks: speaks})
			heard := converse(t, s.AsClient.Opening, s.AsServer.Opening)
			if speaks == adapter.Postgres || speaks == adapter.SMTP {
				if heard == "" {
					t.Error("there is no opening")
				}
			}
			if heard := converse(t, s.AsClient.Talk, s.AsServer.Talk); !s.Read(heard).Delivered {
				t.Errorf("%q is not delivered", heard)
			}
		})
	}
}

// TestWithoutTLS has a client go on where it is offered no TLS, and one take its
// leave.
func TestWithoutTLS(t *testing.T) {
	t.Parallel()
	smtp := speechOf(t, adapter.Adapter{Speaks: adapter.SMTP})
	postgres := speechOf(t, adapter.Adapter{Speaks: adapter.Postgres})
	leave := []attack.Turn{
		{
			Hear: `(?m)^220 .*\r\n`,
			Say:  []byte("EHLO localhost\r\n"),
		}, {Hear: `(?m)^250 .*\r\n`, Say: []byte("QUIT\r\n")}, {Hear: `(?m)^2\d\d .*\r\n`},
	}
	for _, test := range []struct {
		name      string
		speech    adapter.Speech
		client    []attack.Turn
		delivered bool
	}{
		{"a mail in the clear", smtp, slices.Concat(smtp.AsClient.Plain, smtp.AsClient.Talk), true},
		{"no mail", smtp, leave, false},
		{"a query in the clear", postgres, slices.Concat(postgres.AsClient.Opening, postgres.AsClient.Talk), true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			heard := converse(t, test.client, slices.Concat(test.speech.AsServer.Plain, test.speech.AsServer.Talk))
			if delivered := test.speech.Read(heard).Delivered; delivered != test.delivered {
				t.Errorf("delivered: %t, want %t; heard %q", delivered, test.delivered, heard)
			}
		})
	}
}

// converse returns what the client heard.
func converse(t *testing.T, client, server []attack.Turn) string {
	t.Helper()
	var toServer, toClient, heard []byte
	take := func(turns *[]attack.Turn, in, out *[]byte) (moved bool) {
		for len(*turns) > 0 {
			turn := (*turns)[0]
			if turn.Hear != "" {
				at := regexp.MustCompile(turn.Hear).FindIndex(*in)
				if at == nil {
					return moved
				}
				*in = (*in)[at[1]:]
			}
			*out = append(*out, turn.Say...)
			*turns, moved = (*turns)[1:], true
		}
		return moved
	}
	for {
		a := take(&client, &toClient, &toServer)
		before := len(toClient)
		b := take(&server, &toServer, &toClient)
		heard = append(heard, toClient[before:]...)
		if !a && !b {
			break
		}
	}
	if len(client) > 0 {
		t.Errorf("the client still waits for %q; it has %q", client[0].Hear, toClient)
	}
	return string(heard)
}

func TestCutShort(t *testing.T) {
	t.Parallel()
	for _, speaks := range []adapter.Protocol{
		adapter.Line, adapter.HTTP, adapter.Postgres, adapter.SMTP, adapter.Redis, adapter.MQTT,
	} {
		s := speechOf(t, adapter.Adapter{Speaks: speaks})
		for _, whole := range []attack.Dialogue{s.AsClient, s.AsServer} {
			cut, err := s.CutShort(whole)
			if err != nil {
				t.Errorf("%s: %v", speaks, err)
				continue
			}
			last, was := cut.Talk[len(cut.Talk)-1], whole.Talk[len(cut.Talk)-1]
			if !bytes.Equal(last.Say, was.Say[:len(was.Say)-1]) {
				t.Errorf("%s: cut to %q, was %q", speaks, last.Say, was.Say)
			}
		}
	}
	s := speechOf(t, adapter.Adapter{Speaks: adapter.Postgres})
	if words, rest := s.Ahead(); !bytes.Contains(words, []byte(nonce)) || len(rest.Talk) > 0 || len(rest.Opening) == 0 {
		t.Errorf("ahead: %q, %v", words, rest)
	}
}
