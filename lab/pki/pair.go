package pki

import "github.com/mtlslab/mtlslab/lab/wire"

// Pair is an authority with one good server and one good client: all that an exchange
// needs. It does not change once made, and may be used by many goroutines at once.
type Pair struct {
	Authority *Authority
	Server    *Identity
	Client    *Identity
}

// ServerName is the DNS name that the certificate of a pair's server is for, unless
// Config.ServerNames has others.
const ServerName = "server"

// NewPair makes an authority and issues to both. Its errors are those of [New].
func NewPair(cfg Config) (*Pair, error) {
	authority, err := New(cfg)
	if err != nil {
		return nil, err
	}
	p := &Pair{Authority: authority}
	server := RequestOf(wire.Server)
	if len(cfg.ServerNames) > 0 {
		server.DNS = cfg.ServerNames
	}
	if p.Server, err = authority.Issue(server); err != nil {
		return nil, err
	}
	p.Client, err = authority.Issue(RequestOf(wire.Client))
	return p, err
}

// RequestOf is what a pair's server, or its client, asks an authority for.
func RequestOf(role wire.Role) Request {
	if role == wire.Server {
		return Request{Role: wire.Server, Name: "server", DNS: []string{ServerName}}
	}
	return Request{Role: wire.Client, Name: "client"}
}

// Of is the pair's server or its client.
func (p *Pair) Of(role wire.Role) *Identity {
	if role == wire.Server {
		return p.Server
	}
	return p.Client
}

// Material is what the pair's server, or its client, is given.
func (p *Pair) Material(role wire.Role) wire.Material { return p.Of(role).Material(p.Authority) }

// Known is material of the good client for a server that looks for it in that field.
func (p *Pair) Known(by wire.Field) (wire.Material, error) {
	request := RequestOf(wire.Client)
	request.Known = by
	id, err := p.Authority.Issue(request)
	if err != nil {
		return wire.Material{}, err
	}
	return id.Material(p.Authority), nil
}

// Stranger is material for a peer of that role with the very names of the pair's own,
// but issued by another authority of the same name. It trusts the pair's authority, so
// that it is the other side that has to refuse.
func (p *Pair) Stranger(role wire.Role) (*wire.Material, error) {
	other, err := New(p.Authority.cfg)
	if err != nil {
		return nil, err
	}
	id, err := other.Issue(RequestOf(role))
	if err != nil {
		return nil, err
	}
	material := id.Material(p.Authority)
	return &material, nil
}
