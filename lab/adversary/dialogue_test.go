package main

import (
	"crypto/tls"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/wire"
)

const (
	nonce   = "0123456789ab"
	message = "Hello, server! (" + nonce + ")"
)

// Every protocol's halves, the adversary against itself: as a client it hears that
// the message was delivered, as a server it hears the message.
func TestDialogues(t *testing.T) {
	t.Parallel()
	p, f := newPair(t, ""), newFighter(t)
	for _, speaks := range []adapter.Protocol{adapter.Line, adapter.HTTP, adapter.Postgres, adapter.SMTP, adapter.Redis} {
		speech := must[adapter.Speech](t)((&adapter.Adapter{Speaks: speaks}).Speech(message, nonce))
		for _, c := range []struct {
			name     string
			version  string
			server   func(*attack.Attack)
			client   func(*attack.Attack)
			arrives  bool // at the server
			answered bool
		}{
			{name: "control", version: "1.2", arrives: true, answered: true},
			{name: "control", version: "1.3", arrives: true, answered: true},
			{
				name: "cut short by the client", version: "1.3",
				client: func(a *attack.Attack) {
					cut := must[attack.Dialogue](t)(speech.CutShort(speech.AsClient))
					a.Truncate, a.Dialogue = true, &cut
				},
				arrives: true, // all but its end
			},
			{
				name: "cut short by the server", version: "1.3", arrives: true, answered: speaks != adapter.SMTP, // all but its end
				server: func(a *attack.Attack) {
					cut := must[attack.Dialogue](t)(speech.CutShort(speech.AsServer))
					a.Truncate, a.Dialogue = true, &cut
				},
			},
			{
				name: "ahead of the handshake", version: "1.3",
				client: func(a *attack.Attack) {
					words, rest := speech.Ahead()
					a.Preface, a.Dialogue, a.Message = words, &rest, ""
				},
			},
		} {
			t.Run(string(speaks)+", "+c.name+" ["+c.version+"]", func(t *testing.T) {
				t.Parallel()
				id := strings.NewReplacer(" ", "-").Replace(t.Name())
				server := attack.Attack{
					ID:       id + "-server",
					Role:     wire.Server,
					Listen:   "127.0.0.1:0",
					Version:  c.version,
					Limit:    patience,
					Dialogue: &speech.AsServer,
				}
				server.Chain, server.Key = present(t, p.server)
				if c.server != nil {
					c.server(&server)
				}
				f.begin(server)
				client := attack.Attack{
					ID: id, Role: wire.Client, Connect: f.listening(server.ID), SNI: "server", Version: c.version,
					Message: message, Limit: 2 * time.Second, Dialogue: &speech.AsClient,
				}
				client.Chain, client.Key = present(t, p.client)
				if c.client != nil {
					c.client(&client)
				}
				f.begin(client)
				saw := f.evidence(client.ID)
				f.begin(attack.Attack{ID: server.ID, End: true})
				heard := f.evidence(server.ID)
				if got := speech.Read(saw.Last().Heard).Delivered; got != c.answered {
					t.Errorf("answered: %v, want %v: %+v", got, c.answered, saw.Last())
				}
				if got := heard.Heard(nonce) && heard.Last().Handshake; got != c.arrives {
					t.Errorf("arrived: %v, want %v: %+v", got, c.arrives, heard)
				}
				if c.name == "control" && saw.Last().End != attack.EndDone {
					t.Errorf("it ended by %s", saw.Last().End)
				}
			})
		}
	}
}

// What is not understood is an error, and no dialogue without a part of it.
func TestBadDialogue(t *testing.T) {
	t.Parallel()
	p := newPair(t, "")
	a := attack.Attack{
		ID:       "x",
		Role:     wire.Client,
		Connect:  "127.0.0.1:1",
		Dialogue: &attack.Dialogue{Talk: []attack.Turn{{Hear: "("}}},
	}
	a.Chain, a.Key = present(t, p.client)
	if err := a.Check(); err == nil {
		t.Error("a pattern that cannot be compiled is not an error")
	}
}

// A client that ends its half has said all of it, and hears how the other half ends.
func TestShut(t *testing.T) {
	t.Parallel()
	p, f := newPair(t, ""), newFighter(t)
	for _, version := range []string{"1.2", "1.3"} {
		server := attack.Attack{
			ID: "server-" + version, Role: wire.Server, Listen: "127.0.0.1:0", Version: version, Limit: patience,
			Dialogue: &attack.Dialogue{Talk: []attack.Turn{{Hear: nonce}}},
		}
		server.Chain, server.Key = present(t, p.server)
		f.begin(server)
		client := attack.Attack{
			ID: "client-" + version, Role: wire.Client, Connect: f.listening(server.ID), SNI: "server", Version: version,
			Message: message, Limit: patience,
			Dialogue: &attack.Dialogue{Talk: []attack.Turn{{Say: []byte(message)}, {Shut: true}}},
		}
		client.Chain, client.Key = present(t, p.client)
		f.begin(client)
		saw := f.evidence(client.ID).Last()
		f.begin(attack.Attack{ID: server.ID, End: true})
		heard := f.evidence(server.ID)
		if saw.End != attack.EndCloseNotify || !heard.Heard(nonce) || heard.Last().End != attack.EndCloseNotify {
			t.Errorf("TLS %s: saw %s, and the server %+v", version, saw.End, heard.Last())
		}
	}
	a := attack.Attack{
		ID: "x", Role: wire.Client, Connect: "127.0.0.1:1",
		Dialogue: &attack.Dialogue{Talk: []attack.Turn{{Shut: true}, {Hear: "more"}}},
	}
	if err := a.Check(); err == nil {
		t.Error("what comes after the end is not an error")
	}
}

// What a client sends along with its last word before the handshake, without waiting for an answer,
// is the handshake.
func TestAllAtOnce(t *testing.T) {
	t.Parallel()
	p, f := newPair(t, ""), newFighter(t)
	speech := must[adapter.Speech](t)((&adapter.Adapter{Speaks: adapter.MySQL}).Speech(message, nonce))
	server := attack.Attack{
		ID: "at-once", Role: wire.Server, Listen: "127.0.0.1:0", Version: "1.3", Limit: patience, Dialogue: &speech.AsServer,
	}
	server.Chain, server.Key = present(t, p.server)
	f.begin(server)
	raw := must[net.Conn](t)(net.Dial("tcp", f.listening(server.ID)))
	defer raw.Close() //nolint:errcheck // it is a test's
	_ = raw.SetDeadline(time.Now().Add(patience))
	greeting := make([]byte, 4<<10)
	if _, err := raw.Read(greeting); err != nil {
		t.Fatal(err)
	}
	creds := must[*wire.Credentials](t)(p.client.Material(p.authority).Parse())
	config := wire.ClientConfig(creds, wire.Policy{ServerName: "server"})
	conn := tls.Client(&together{Conn: raw, first: speech.AsClient.Opening[0].Say}, config)
	if err := conn.Handshake(); err != nil {
		t.Errorf("the handshake: %v", err)
	}
}

// together sends its first words with what is written first.
type together struct {
	net.Conn
	first []byte
}

func (c *together) Write(p []byte) (int, error) {
	_, err := c.Conn.Write(append(c.first, p...))
	c.first = nil
	return len(p), err
}
