package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"slices"

	"github.com/mtlslab/mtlslab/lab/testdata/broken"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// fault is one thing that is wrong with a client besides its verification, for
// which see package broken.
type fault struct {
	name         string
	config       func(*client)             // how it shakes hands
	failed       func(*client, error) bool // what it does after a handshake that failed; true to try again
	greets       bool                      // it says that it is there before it verifies
	anyReceipt   bool                      // it takes a receipt for anybody
	halves       bool                      // it takes half a receipt
	believes     bool                      // it takes the end of the handshake for a receipt
	startsAnyhow bool                      // it starts with whatever it is given to trust
}

var faults = []fault{
	{name: "falls-back-to-plain-text", failed: func(c *client, err error) bool {
		_, notTLS := errors.AsType[tls.RecordHeaderError](err)
		c.plain = notTLS
		return notTLS
	}},
	{name: "retries-unverified", failed: func(c *client, err error) bool {
		again := c.tls.VerifyConnection != nil
		c.tls.VerifyConnection = nil
		return again
	}},
	{name: "speaks-tls-1.0", config: func(c *client) { c.tls.MinVersion = tls.VersionTLS10 }},
	{
		name:   "greets-first",
		greets: true,
		config: func(c *client) { c.late, c.tls.VerifyConnection = c.tls.VerifyConnection, nil },
	},
	{name: "takes-any-receipt", anyReceipt: true},
	{name: "takes-half-receipt", halves: true},
	{name: "believes-its-handshake", believes: true},
	{name: "hangs-on-bad-input", failed: func(*client, error) bool {
		select {}
	}},
	{name: "crashes-on-bad-input", failed: func(*client, error) bool {
		panic("a certificate that nobody expected")
	}},
	{name: "starts-without-trust", startsAnyhow: true},
}

// faultOf finds a fault by its name, here or in package broken.
func faultOf(name string) (fault, error) {
	i := slices.IndexFunc(faults, func(f fault) bool { return f.name == name })
	switch {
	case i >= 0:
		return faults[i], nil
	case name == "" || slices.Contains(broken.Names(), name):
		return fault{name: name}, nil
	default:
		return fault{}, fmt.Errorf("-fault %q: there is none of that name", name)
	}
}

// prepare makes the client's TLS.
func (c *client) prepare(peer *broken.Peer, trusting bool) {
	c.own = peer.Creds.Own.Leaf
	c.tls = wire.ClientConfig(peer.Creds, peer.Policy)
	if c.fault.name != "" {
		c.tls.InsecureSkipVerify, c.tls.VerifyConnection = true, peer.Verify(c.fault.name)
	}
	if !trusting {
		c.tls.VerifyConnection = nil
	}
	if c.fault.config != nil {
		c.fault.config(c)
	}
}
