// Package lab shows that two peers authenticate each other, and that nobody
// else gets in.
//
// A lab is an authority minted for the occasion and a place to run peers in:
// containers on a network with no way out, or local processes where no engine
// answers. An exchange is one client, one server and one message. Its verdict
// is taken from what both sides say of it, and from the message, never from the
// handshake: a handshake that succeeds proves nothing, only the refusal of the
// impostor does.
//
//	l, err := lab.Start(ctx, lab.Config{})
//	if err != nil {
//		return err
//	}
//	defer l.Close(ctx)
//
//	v, err := l.Run(ctx, exchange.Exchange{Message: "Hello, server!"})
//	if err != nil {
//		return err // the lab broke; it says nothing of the peers
//	}
//	if diff := v.Diff(verdict.Delivered("spiffe://lab/client")); diff != "" {
//		return errors.New(diff)
//	}
//
// An impostor is an exchange whose peers have other material:
//
//	stranger, err := l.Stranger(wire.Client)
//	v, err := l.Run(ctx, exchange.Exchange{ClientMaterial: stranger})
//	v.Diff(verdict.Refused(wire.Server, wire.UnknownAuthority))
//
// Either peer can be somebody else's: an image, its code unchanged, or a TLS
// configuration of this process. Package peer has the kinds.
//
//	a, err := adapter.Read("adapter.yaml", file)
//	result, err := l.Audit(ctx, audit.Audit{Role: wire.Server, Peer: foreign.Image{Adapter: a}})
//	if result.Verdict() != finding.Passed { ... }
//
// A [peer.UnusableError] says that nothing was shown, and what to look at.
//
// Runs may overlap. A server that is asked for again is not started again. Labs of one
// process share nothing but a [sandbox.Shared] that is given to all of them.
//
// The package puts the rooms below it together: sandbox, where programs run; peer, which
// runs them; exchange, audit and scorecard, which try them; verdict, which judges. It
// prints nothing, knows no flags, and uses a lab for nothing but its own run. It is not a
// way to run services for other tests: use testcontainers-go itself for those.
package lab
