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
//	v, err := l.Run(ctx, lab.Exchange{Message: "Hello, server!"})
//	if err != nil {
//		return err // the lab broke; it says nothing of the peers
//	}
//	if diff := v.Diff(lab.Delivered("spiffe://lab/client")); diff != "" {
//		return errors.New(diff)
//	}
//
// An impostor is an exchange whose peers have other material:
//
//	stranger, err := l.Stranger(wire.Client)
//	v, err := l.Run(ctx, lab.Exchange{Client: lab.Peer{Material: stranger}})
//	v.Diff(lab.Refused(wire.Server, wire.UnknownAuthority))
//
// Either peer can be somebody else's image, its code unchanged. An adapter says
// how it is run; [Gallery] has some:
//
//	a, err := adapter.Read("adapter.yaml", file)
//	audit, err := l.Audit(ctx, lab.Audit{Role: wire.Server, Peer: lab.Peer{Adapter: a}})
//	if audit.Verdict() != finding.Passed { ... }
//
// An [AdapterError] says that nothing was shown, and what to look at.
//
// Runs may overlap. A server that is asked for again is not started again.
//
// The package starts peers and judges what they say. It prints nothing, knows
// no flags, and does not use a lab for anything but its own run. It is not a
// way to run services for other tests: use testcontainers-go itself for those.
package lab
