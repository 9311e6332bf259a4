package drill

import (
	"context"
	"time"

	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

const (
	shortLife = 15 * time.Second // longer than until a certificate is renewed twice, and shorter than a drill
	lateLife  = 10 * time.Second // longer than it takes to start one in containers
)

var stepCA = Drill{
	Name:    "step-ca",
	Summary: "certificates that live for seconds are renewed by step-ca three times, as the first ones expire",
	Why: "Where certificates are short-lived renewal is no event: it goes on all day, and must be as if nothing " +
		"happened.",
	Isolated: true,
	Server:   Kit{From: StepCA, Life: shortLife},
	Clients: []Client{
		{Holder: "client", Kit: Kit{From: StepCA, Life: shortLife}, Over: streams()},
		{Holder: "steady", Over: streams()},
	},
	Steps: []Step{
		serverRenewed("the server's certificate is renewed"),
		clientRenewed("the client's certificate is renewed", "client"),
		serverRenewed("the server's is renewed again"),
		clientRenewed("the client's is renewed again", "client"),
		{Name: "the first ones have expired", Expires: Enrolled, Silent: true},
		serverRenewed("the server's is renewed a third time"),
		clientRenewed("the client's is renewed a third time", "client"),
	},
}

func serverRenewed(name string) Step {
	return Step{Name: name, Server: &Kit{From: StepCA, Renews: true}}
}

func clientRenewed(name, holder string) Step {
	return Step{Name: name, Clients: clients(Kit{From: StepCA, Renews: true}, holder)}
}

var stepCALate = Drill{
	Name:    "step-ca-late",
	Summary: "a client comes to step-ca when its certificate has expired: it is not renewed any more",
	Why: "Who renews shows what he has, and what has expired shows nothing. A renewal that is late by a second needs " +
		"a token, and somebody who gives one.",
	Isolated: true,
	Clients: []Client{
		good(),
		{
			Holder: "late", Kit: Kit{From: StepCA, Life: lateLife}, Over: streams(),
			Course: refusedBetween("late's certificate expires", "late is enrolled again by a token", wire.Server, wire.Expired),
		},
	},
	Steps: []Step{
		{Name: "late's certificate expires", Expires: "late"},
		notRenewed("late asks for it to be renewed", "late"),
		{Name: "late is enrolled again by a token", Clients: clients(Kit{From: StepCA, Life: time.Hour}, "late")},
	},
}

var stepCARevoked = Drill{
	Name:    "step-ca-revoked",
	Summary: "step-ca revokes a certificate: it is not renewed, and is good until it expires",
	Why: "An authority that publishes no list revokes by not renewing. How long somebody stays in who was let go is " +
		"how long certificates live.",
	Isolated: true,
	Clients: []Client{
		good(),
		{
			Holder: "dismissed", Kit: Kit{From: StepCA, Life: shortLife}, Over: streams(),
			Course: refusedFrom("dismissed's certificate expires", wire.Expired),
		},
	},
	Steps: []Step{
		clientRenewed("dismissed's certificate is renewed", "dismissed"),
		{Name: "step-ca revokes it", Revokes: "dismissed"},
		notRenewed("dismissed asks for it to be renewed", "dismissed"),
		{Name: "dismissed's certificate expires", Expires: "dismissed"},
	},
}

// notRenewed is who asks for what step-ca must refuse.
func notRenewed(name, holder string) Step {
	return Step{Name: name, Clients: clients(Kit{From: StepCA, Renews: true}, holder), Bad: true}
}

// online is a holder who got a certificate from step-ca: by what he has, or by a token.
func (m *mint) online(
	ctx context.Context, of *pki.Authority, holder string, request pki.Request, kit Kit,
) (id *pki.Identity, err error) {
	if m.running == nil {
		if m.running, err = m.stepCA(ctx, of); err != nil {
			return nil, err
		}
	}
	if kit.Renews {
		return m.running.Renew(ctx, m.holds[holder])
	}
	id, err = m.running.Enrol(ctx, request, kit.Life)
	if err == nil && id.Certificate.NotAfter.After(m.lives[Enrolled].until) {
		m.lives[Enrolled] = life{time.Now(), id.Certificate.NotAfter}
	}
	return id, err
}

// matures is when two thirds are over of the time that the certificate of a holder has had from when it was
// given to him: by then agents renew it.
func (m *mint) matures(holder string) time.Time {
	of := m.lives[holder]
	return of.from.Add(of.until.Sub(of.from) * 2 / 3)
}
