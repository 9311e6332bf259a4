// Command changingclient sends numbered messages as the real client does, and does the one thing
// wrong that -fault names when its world changes. A drill must catch it. It takes those of the real
// client's flags that a drill gives it.
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/mtlslab/mtlslab/lab/wire"
)

type client struct {
	fault   string
	connect string
	name    string
	message string
	keep    bool
	resume  bool
	staple  bool
	timeout time.Duration

	creds    atomic.Pointer[wire.Credentials]
	inUse    *wire.Credentials
	sessions tls.ClientSessionCache
	conn     *tls.Conn
	reader   *wire.MessageReader
	conns    int
	extra    int // numbers that were given to what is sent again
	over     atomic.Bool
	journal  *wire.Journal
}

var faults = []string{
	"",
	"reads-nothing",     // it goes on with the certificate that it began with
	"keeps-talking",     // over the connection that it has, whatever it is told to trust
	"never-looks-again", // at when its server's certificate expires
	"heeds-no-staple",   // whatever it says
	"sends-once",        // what nobody has acknowledged is not sent again
	"sends-anew",        // what is sent again has another number
	"believes-anything", // what was written is delivered
}

func main() {
	c := &client{journal: &wire.Journal{Role: wire.Client, W: os.Stdout}}
	flag.StringVar(&c.fault, "fault", "", "what is wrong; nothing if empty")
	flag.StringVar(&c.connect, "connect", "", "")
	flag.StringVar(&c.name, "server-name", "", "")
	every := flag.Duration("every", time.Second, "")
	flag.BoolVar(&c.staple, "require-staple", false, "")
	how := flag.String("connections", "keep", "")
	flag.DurationVar(&c.timeout, "timeout", 10*time.Second, "")
	_ = flag.String("material", wire.Stdin, "")
	_ = flag.String("log", "json", "")
	lifetime := flag.Duration("lifetime", time.Hour, "")
	flag.Parse()
	time.AfterFunc(*lifetime, func() { os.Exit(0) })
	c.message, c.keep, c.resume = flag.Arg(0), *how == "keep", *how == "resume"
	if err := c.run(*every); err != nil {
		fmt.Fprintln(os.Stderr, "changingclient:", err)
		os.Exit(1)
	}
}

func (c *client) run(every time.Duration) error {
	known := false
	for _, f := range faults {
		known = known || f == c.fault
	}
	if !known {
		return fmt.Errorf("-fault %q: there is none of that name", c.fault)
	}
	in := bufio.NewReader(os.Stdin)
	creds, err := wire.LoadCredentials(wire.Stdin, in)
	if err != nil {
		return err
	}
	c.creds.Store(creds)
	go c.renew(in)
	for number := 1; !c.over.Load(); number++ {
		began := time.Now()
		o := c.deliver(number)
		o.Numbered.Number, o.Numbered.Began, o.Numbered.Due = number, began, began
		if err := c.journal.Write(o); err != nil {
			return err
		}
		time.Sleep(time.Until(began.Add(every)))
	}
	return nil
}

func (c *client) renew(in *bufio.Reader) {
	for {
		first, err := in.Peek(1)
		if err != nil {
			c.over.Store(true)
			return
		}
		if first[0] == 0 {
			_, _ = in.Discard(1)
			continue
		}
		creds, err := wire.LoadCredentials(wire.Stdin, in)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if c.fault != "reads-nothing" {
			c.creds.Store(creds)
		}
		_ = c.journal.Write(wire.Outcome{Kind: wire.Reloaded})
	}
}

// deliver sends one message, and again as long as nobody says what became of it.
func (c *client) deliver(number int) wire.Outcome {
	text := fmt.Sprintf("%s #%d", c.message, number)
	original := wire.DigestOf(text)
	unsure := false
	limit := time.Now().Add(c.timeout)
	for attempts := 1; ; attempts++ {
		if attempts > 1 && c.fault == "sends-anew" {
			c.extra++
			text = fmt.Sprintf("%s #%d", c.message, 1_000_000+c.extra)
		}
		o := c.attempt(text)
		o.Message = &original
		o.Numbered = &wire.Numbered{Attempts: attempts, Connection: c.conns, Unsure: unsure && o.Kind != wire.Delivered}
		again := o.Kind == wire.NoReceipt || o.Kind == wire.Unreachable
		if !again || c.fault == "sends-once" || c.over.Load() || time.Now().After(limit) {
			return o
		}
		unsure = unsure || o.Kind == wire.NoReceipt
		time.Sleep(20 * time.Millisecond)
	}
}

func (c *client) attempt(text string) wire.Outcome {
	if now := c.creds.Load(); now != c.inUse {
		c.inUse, c.sessions = now, nil
		if c.resume {
			c.sessions = tls.NewLRUClientSessionCache(1)
		}
		if c.fault != "keeps-talking" {
			c.drop()
		}
	}
	if !c.keep || c.conn != nil && c.fault != "never-looks-again" && expired(c.conn) {
		c.drop()
	}
	if c.conn == nil {
		if o := c.dial(); o.Kind != "" {
			return o
		}
	}
	o := c.told()
	_ = c.conn.SetDeadline(time.Now().Add(c.timeout))
	_, err := c.conn.Write([]byte(text + "\n"))
	if err == nil && c.fault == "believes-anything" {
		o.Kind = wire.Delivered
		go c.reader.Next() //nolint:errcheck // it does not want to know
		c.conn, c.reader = nil, nil
		return o
	}
	answer, failed := c.reader.Next()
	if failed == nil {
		var receipt wire.Receipt
		if receipt, failed = wire.ParseReceipt([]byte(answer)); failed == nil {
			if failed = receipt.Check(text, c.inUse.Own.Leaf); failed == nil {
				o.Kind, o.Receipt = wire.Delivered, &receipt
				return o
			}
		}
	}
	return c.ended(o, failed)
}

func expired(conn *tls.Conn) bool {
	for _, cert := range conn.ConnectionState().PeerCertificates {
		if time.Now().After(cert.NotAfter) {
			return true
		}
	}
	return false
}

// told is what there is to say of a message over the connection of the moment.
func (c *client) told() wire.Outcome {
	state := c.conn.ConnectionState()
	peer, negotiated := wire.IdentityOf(state.PeerCertificates[0]), wire.NegotiatedOf(state)
	return wire.Outcome{
		Local: c.conn.LocalAddr().String(), Remote: c.conn.RemoteAddr().String(), Peer: &peer, TLS: &negotiated,
	}
}

func (c *client) dial() wire.Outcome {
	raw, err := net.DialTimeout("tcp", c.connect, c.timeout)
	if err != nil {
		return wire.Outcome{Kind: wire.Unreachable, Detail: err.Error()}
	}
	config := wire.ClientConfig(c.inUse, wire.Policy{ServerName: c.name, Staple: c.staple})
	if judge := config.VerifyConnection; c.fault == "heeds-no-staple" {
		config.VerifyConnection = func(state tls.ConnectionState) error {
			state.OCSPResponse = nil
			return judge(state)
		}
	}
	config.ClientSessionCache = c.sessions
	conn := tls.Client(raw, config)
	if err := wire.Handshake(context.Background(), conn); err != nil {
		defer raw.Close() //nolint:errcheck // it came to nothing
		o := wire.Outcome{Local: raw.LocalAddr().String(), Remote: raw.RemoteAddr().String()}
		c.conn = conn
		return c.ended(o, err)
	}
	c.conns++
	c.conn, c.reader = conn, wire.NewMessageReader(conn, wire.MaxReceipt, nil)
	return wire.Outcome{}
}

// ended is what came of a connection that ended without a receipt.
func (c *client) ended(o wire.Outcome, err error) wire.Outcome {
	account := wire.Explain(err, nil, c.conn.ConnectionState(), tls.VersionTLS12, time.Now())
	o.Kind, o.Reason, o.Alert, o.Detail = account.Kind, account.Reason, account.Alert, err.Error()
	_, refused := errors.AsType[*wire.Refusal](err)
	if !refused && o.Kind != wire.RefusedByPeer && o.Kind != wire.Refused {
		o.Kind = wire.NoReceipt
	}
	c.drop()
	return o
}

func (c *client) drop() {
	if c.conn != nil {
		_ = c.conn.Close()
		c.conn, c.reader = nil, nil
	}
}
