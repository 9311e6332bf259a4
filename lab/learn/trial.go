package learn

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"time"

	"github.com/mtlslab/mtlslab/lab/exercises"
	"github.com/mtlslab/mtlslab/lab/verdict"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// What an exchange can come to, besides what a claim can want.
const (
	delivered    = "delivered"   // and, after a colon, as whom
	claimed      = "claimed"     // the client calls delivered what never arrived
	unresumed    = "not resumed" // it was delivered, and its session was not resumed
	noSession    = "no session"  // the exchange in which it was to be made was not delivered
	otherVersion = "another version"
	longLived    = "long-lived"   // it was delivered, by a server whose certificate is good for too long
	inconclusive = "inconclusive" // nobody refused anybody, and nothing arrived
	refusedBy    = "refused by "

	// What a server of ours knew of whom it was delivered by.
	asNobody   = "unasked"    // it was shown no certificate
	asClaimed  = "unverified" // it was shown one, and did not verify it
	asVerified = "verified"
)

// seen is what came of an exchange.
type seen struct {
	came           string // to one of the above, or to who refused, and why
	client, server string // either side's account, for people
}

// judged is what the accounts of both sides come to. The message has its nonce in it.
func judged(message string, client wire.Outcome, server *wire.Outcome) seen {
	v := verdict.Exchange{Sent: wire.DigestOf(message), Client: client, Server: server, ServerTells: true}.Judge()
	s := seen{client: verdict.Account(&client), server: verdict.Account(server)}
	switch {
	case v.Leaked || v.Decision == verdict.WasDelivered:
		s.came = delivered
	case client.Kind == wire.Delivered:
		s.came = claimed
	case v.Decision == verdict.WasRefused:
		s.came = fmt.Sprintf("%s%s: %s", refusedBy, v.By, v.Reason)
	default:
		s.came = inconclusive
	}
	return s
}

// try makes the exchange of a claim.
func (r *room) try(ctx context.Context, c exercises.Claim) (seen, error) {
	serves, shows, err := r.serverOf(c)
	if err != nil {
		return seen{}, err
	}
	s, err := r.serve(serves, shows)
	if err != nil {
		return seen{}, err
	}
	defer s.stop()
	calls, config, err := r.clientOf(c)
	if err != nil {
		return seen{}, err
	}
	if c.Resumes {
		if first, err := r.before(ctx, s, serves, shows, config, c); err != nil || first.came != delivered {
			return first, err
		}
	}
	message := asked(c.Asks) + " Hello, server! (" + rand.Text() + ")"
	client := call(ctx, s.address(), config, calls.DeliveredAfter, message)
	accounts := s.stop()
	var account *wire.Outcome
	if len(accounts) > 0 {
		account = &accounts[len(accounts)-1]
	}
	came := judged(message, client, account)
	if came.came == delivered {
		came.came = closer(c, s.last, shows, account)
	}
	return came.placed(c), nil
}

// placed says in the accounts which side was not the learner's.
func (s seen) placed(c exercises.Claim) seen {
	const inPlace = "another in its place: "
	if c.ClientShows != "" {
		s.client = inPlace + s.client
	}
	if c.ServerShows != "" {
		s.server = inPlace + s.server
	}
	return s
}

// closer looks closer at a message that was delivered.
func closer(c exercises.Claim, of met, shows *issued, account *wire.Outcome) string {
	switch {
	case c.Resumes && !of.resumed:
		return unresumed
	case c.Version != "" && account.TLS != nil && account.TLS.Version != "TLS "+c.Version:
		return otherVersion
	case c.LiveMost > 0 && shows != nil && time.Until(shows.leaf.NotAfter) > time.Duration(c.LiveMost+1)*24*time.Hour:
		return longLived
	default:
		return delivered + ": " + of.as
	}
}

// asked is the path that a claim asks for; one that nobody can have thought of, if it is to be any.
func asked(asks string) string {
	if asks == exercises.AnyPath {
		return "/" + rand.Text()
	}
	return cmp.Or(asks, "/")
}

// serverOf is the learner's server, or who is in its place.
func (r *room) serverOf(c exercises.Claim) (serves exercises.Server, shows *issued, err error) {
	serves = r.lab.Server
	if c.ServerShows != "" {
		serves = exercises.Server{Certificate: r.named(c.ServerShows), ClientAuth: "RequestClientCert"}
	}
	if serves.Certificate != "" {
		shows, err = r.certificate(serves.Certificate)
	}
	if c.Renewed && err == nil {
		template, _ := r.template(serves.Certificate) // it was issued before
		shows, err = r.issue(template)
	}
	return serves, shows, err
}

// named is the name of the certificate that a claim means.
func (r *room) named(shown string) string {
	switch shown {
	case "none":
		return ""
	case "@client":
		return r.lab.Client.Certificate
	case "@server":
		return r.lab.Server.Certificate
	default:
		return shown
	}
}

// clientOf is the learner's client, or who is in its place and calls that server whoever it is.
func (r *room) clientOf(c exercises.Claim) (calls exercises.Client, config *tls.Config, err error) {
	calls = r.lab.Client
	if c.ClientShows != "" {
		calls = exercises.Client{
			Certificate:        r.named(c.ClientShows),
			ServerName:         "any.test",
			InsecureSkipVerify: true,
		}
	}
	if c.ClientWith != "" {
		calls.Certificate = r.named(c.ClientWith)
	}
	if c.Calls != "" {
		calls.ServerName = c.Calls
	}
	config, err = r.clientConfig(calls)
	if err == nil && c.Resumes {
		config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	}
	return calls, config, err
}

// before makes the session that a claim resumes: with a server that has the same keys, and no
// hooks, as one for everybody's use has that stands beside another for few.
func (r *room) before(
	ctx context.Context, s *server, serves exercises.Server, shows *issued, config *tls.Config, c exercises.Claim,
) (seen, error) {
	open := serves
	open.VerifyPeerCertificate, open.VerifyConnection = nil, nil
	openly, err := r.serverConfig(open, shows)
	if err != nil {
		return seen{}, err
	}
	guarded := s.config
	s.becomes(openly)
	made := call(ctx, s.address(), config, "receipt", asked(c.Before)+" "+rand.Text())
	s.becomes(guarded)
	first := seen{came: noSession, client: verdict.Account(&made), server: "gave no account of the session's making"}
	if made.Kind == wire.Delivered {
		first.came = delivered
	}
	return first, nil
}
