// Package peer says what a server or a client is to the lab, and runs our own programs, code in this
// process, and whatever listens or calls already. Images of somebody else's are in package foreign.
//
// It exists so that nothing else has to ask which kind a peer is. Each kind is one
// implementation of [Server] and [Client], and a new kind is a new file. Whatever a peer
// did becomes one kind of account, [wire.Outcome]. The package judges nothing: a peer
// that let everybody in has an account of that, as any other has.
package peer

import (
	"context"
	"io"
	"time"

	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Peer is a server or a client that can be run: [Own], [InProcess] or an image, or that runs:
// [Endpoint] or [Caller].
type Peer interface {
	// Name is what the peer is called beside others.
	Name() string
	// Traits are what is known of it before it runs.
	Traits() Traits
	// Server brings whatever a server of it is made of. An error says that it cannot
	// be one, or not there.
	Server(ctx context.Context, in Place) (Server, error)
	// Client does the same for a client.
	Client(ctx context.Context, in Place) (Client, error)
}

// Place is where a peer is to run, and what it needs of that.
type Place struct {
	Sandbox  sandbox.Sandbox
	Names    *sandbox.Names
	Progress func(string) // is told what may take long
}

// Traits is what is known of a peer before it runs.
type Traits struct {
	// Tells says that it gives an account of its own, with the reasons for what it does.
	// Of another is known how it ended and what it logged.
	Tells bool

	Patience time.Duration // how long it may take to say yes or no
	Limit    time.Duration // how long one exchange may take, its start included
	AtOnce   int           // how many connections, or runs of a client, it takes at once; any if 0
	Starts   int           // how many of it can be started at once with material of their own; any if 0

	// Deployed says that it is somebody else's to run: it is asked no more often than once in
	// Pace, and no more once it serves nobody.
	Deployed bool
	Pace     time.Duration

	// OwnWords says that a client says what it says anyway, and nobody learns what it thinks
	// came of it: whatever it says counts as its message.
	OwnWords bool
	// Anonymous says that a client shows no certificate that is known here.
	Anonymous bool
	Calls     int // the port at which a client calls; wherever it is told to if 0

	ServerName string // that a server is asked for, or a client calls; that of the lab's servers if empty

	// Mute says that a server answers nothing: that a message arrived, its log alone shows.
	Mute bool

	// ListsApart says that a peer with revocation lists is another than one without, and
	// not one that is given them and heeds them when it has to.
	ListsApart bool

	// Known is where it looks for who its clients are.
	Known wire.Field

	Speaks   adapter.Protocol // by which it is told who can talk to whom
	Protocol Protocol
}

// Protocol is how a message is said to a peer, or by it.
type Protocol interface {
	// Speech is what is said of one message, a line with its nonce in it. The head is of
	// HTTP, and nil where nothing of it is odd.
	Speech(message, nonce string, head *attack.Head) (Speech, error)
}

// Speech is one message in a peer's protocol.
type Speech interface {
	// Ask has an attack on a server said so, once all else about it is set.
	Ask(a *attack.Attack) error
	// Answer has an attack on a client answered so, once all else about it is set.
	Answer(a *attack.Attack) error
	// Read says what was heard of a server comes to.
	Read(heard string) attack.Reading
}

// Demand is a state that a peer is to be put into. The zero value is none.
type Demand struct {
	Lists     bool // it is given revocation lists
	Admission bool // it is told whom to admit
	Guest     bool // it is told to admit another than the good client
	HTTP      bool // it is asked in HTTP
	Stays     bool // it takes two messages on one connection
	Store     bool // its system trusts authorities that it was not told of
	Open      bool // it has a second name, which it does not guard
	Altered   bool // it is started with other material than its own
	Another   bool // it is started once more
	Reload    bool // it is told to read its trust again
	Unheard   bool // it is to tell of a message that it does not answer
	Ahead     bool // it is told the message before any handshake
	Opinion   bool // it says itself whether its message was delivered
}

// Server is a server that can be started as often as need be.
type Server interface {
	// Product is what is known of somebody else's; nil of our own.
	Product() *finding.Product
	// Lacks says why it cannot be put into a state; "" if it can.
	Lacks(d Demand) string
	// Serve starts it, and does not wait. A [*CannotError] says that it cannot be started
	// with that material at all.
	Serve(ctx context.Context, g Given) (Serving, error)
	// Close ends what was started.
	Close(ctx context.Context)
}

// Given is what a server is started with.
type Given struct {
	Hostname string // under which others find it
	Alias    string // another such name; none if empty
	Material wire.Material
	Lists    bool     // whether it is to have the material's revocation lists
	Store    []byte   // roots that its system trusts, PEM; those that it trusts anyway if nil
	Admit    string   // the identity that alone is admitted; every verified client's if empty
	Reach    []string // addresses that it is to try to reach, host:port
	Listen   string   // where it is to listen, host:port; as the place has it if empty

	// Alone says that it is for one trial, and stopped after that.
	Alone bool
}

// Serving is a server that was started.
type Serving interface {
	// Wait returns when it takes connections. A [*UnusableError] says that it does not,
	// or no more.
	Wait(ctx context.Context) (Listening, error)
	// Account is what it says of an exchange, or what is known of how it ended and what it
	// logged; nil if there is nothing.
	Account(ctx context.Context, a Asked) (*wire.Outcome, error)
	// Reload gives it other material, and says what is known of that by then.
	Reload(ctx context.Context, m wire.Material) (Renewal, error)
	// Stop ends it.
	Stop(ctx context.Context) error
}

// Severed is a server whose network can be cut, and joined again. One that runs as a process has
// none: the error is [sandbox.ErrNeedsContainers].
type Severed interface {
	Cut(ctx context.Context) error
	Join(ctx context.Context) error
}

// Rewritten is a server that reads files, which can be changed without a word to it.
type Rewritten interface {
	// Write changes its files.
	Write(ctx context.Context, m wire.Material) error
	// Reread has it read them again, as its adapter says. A [*UnusableError] says that it would not.
	Reread(ctx context.Context) error
}

// Renewal is what became of material that a running peer was given. The zero value is that nobody
// has told.
type Renewal struct {
	InUse bool   // it goes by it from now on
	Kept  bool   // it cannot use it, says so, and goes on with what it had
	Says  string // of that, for people
}

// Listening is a server that takes connections.
type Listening struct {
	Address string       // host:port, where others of the place reach it
	Account wire.Outcome // what it says of its start, if it does

	// LastLines are the end of what it has written by now, for people.
	LastLines func() []string

	// Accounts are all that it has said by now, or ever if it has ended; nil where it says nothing
	// of itself.
	Accounts func(context.Context) []wire.Outcome

	// Life is what of it lives by now; nil where nobody can look, because it says itself
	// when it ends.
	Life func(context.Context) (Life, error)
}

// Life is what of a server lives at one moment. Who compares two sees what has become of it
// in between.
type Life struct {
	Sockets   []string // that listen at its port; one that was opened anew is another
	Others    []int    // ports of which nobody has told at which something listens
	Processes []string // of which one that has the number of another is not that one
}

// Asked says of what a server is to give an account.
type Asked struct {
	Sent  wire.Digest // the message
	Nonce string      // that is in it

	// The connection on which it came, as the other side had it. It began no earlier than
	// Began: an earlier one may have had the same address. Without Local, whoever brought
	// the message.
	Local  string
	Began  time.Time
	Ending attack.Ending // if the adversary made the connection

	// Kind asks for the account of that kind alone, and of no exchange.
	Kind wire.Kind

	Log      bool // only whether the message is in its log by now
	NoLog    bool // whatever is in its log may be of another time
	Patient  bool // it was started for this alone: how it ended is waited for
	CutShort bool // the message was: what is in its log may come late
	Late     bool // nothing is answered, and it may be in its log by and by
	Answered bool // it has answered as only a message that arrived is answered, and must have logged it
}

// Client is a client that can be run as often as need be.
type Client interface {
	// Product is what is known of somebody else's; nil of our own.
	Product() *finding.Product
	// Lacks says why it cannot be put into a state; "" if it can.
	Lacks(d Demand) string
	// Call runs it once, and returns its account: its own, or what is known of how it ended.
	// A [*CannotError] says that it cannot be called with that material at all.
	Call(ctx context.Context, c Call) (wire.Outcome, error)
	// Close ends what was started.
	Close(ctx context.Context)
}

// Call is one run of a client.
type Call struct {
	Message string // one line, with the nonce in it
	Nonce   string

	Material wire.Material
	Lists    bool // whether it is to have the material's revocation lists
	Altered  bool // the material is not that which it has otherwise

	// Store are roots that its system trusts, PEM; those that it trusts anyway if nil.
	Store []byte

	// Server waits until the server takes connections, and returns its address, host:port.
	// Hostname is the server's, if it is known before.
	Server     func(context.Context) (address string, err error)
	Hostname   string
	ServerName string // that the server must be of
	Version    string // of TLS, "1.2" or "1.3", if only that is to be spoken

	Named    bool          // the place's resolver knows the server by the name that its certificate is for
	Calls    int           // how many there will be, about, by which it is known how to run them cheaply
	Foreign  bool          // the server is not ours: it gives the message back, and no receipt
	Patience time.Duration // after which it has hung; as long as ctx allows if zero

	// Served waits until a connection of a client that says what it says anyway has ended. It may
	// go on calling, and then it is ended.
	Served func(context.Context) error

	// Secrets is told the session's secrets, lines of a key log, of a client of ours. Nobody is
	// if nil.
	Secrets io.Writer
}

// Limits that are the same for every peer.
const (
	// AccountGrace is how long one side has to give its account once the other has.
	AccountGrace = 3 * time.Second
	// StartLimit is how long a server may take to start or to end, in a container of its
	// own on a machine that is busy with others.
	StartLimit = 30 * time.Second
)
