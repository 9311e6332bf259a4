package issuer_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/images"
	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/issuer"
	"github.com/mtlslab/mtlslab/lab/labtest"
	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/sandbox"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// start starts step-ca with an authority's intermediate.
func start(t *testing.T, of *pki.Authority) *issuer.StepCA {
	t.Helper()
	if testing.Short() {
		t.Skip("containers take seconds")
	}
	in, err := sandbox.New(t.Context(), sandbox.Config{
		Runtime: sandbox.Containers, Run: sandbox.NewID(), Ends: time.Now().Add(10 * time.Minute),
	})
	switch {
	case errors.Is(err, sandbox.ErrNoEngine) && os.Getenv(labtest.RequireEngine) != "1":
		t.Skip(err)
	case err != nil:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := in.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	adversary := attack.New(func(ctx context.Context) (attack.Running, error) {
		started, err := in.Start(ctx, sandbox.Program{
			Hostname: "caller", Source: images.Source{Name: "adversary", Package: "./lab/adversary"},
		})
		if err != nil {
			return attack.Running{}, err
		}
		return attack.Running{Stdin: started.Stdin, Stdout: started.Stdout, Said: started.Stderr.Said}, nil
	})
	containers, err := sandbox.IsolatedOf(in)
	if err != nil {
		t.Fatal(err)
	}
	ca, err := issuer.Start(t.Context(), containers, new(sandbox.Names), adversary, of)
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

// The real step-ca issues to whom a token vouches for, renews for who holds what it issued, and for
// nobody else: not what is revoked or expired, nor what another authority issued.
func TestStepCA(t *testing.T) {
	t.Parallel()
	authority := newAuthority(t, "lab")
	ca := start(t, authority)
	const life = 20 * time.Second
	id, err := ca.Enrol(t.Context(), pki.RequestOf(wire.Client), life)
	if err != nil {
		t.Fatal(err)
	}
	mustLast(t, id, life)
	if wire.IdentityOf(id.Certificate).URIs[0] != "spiffe://lab/client" || !authority.Issued(id.Certificate) {
		t.Errorf("issued %+v", wire.IdentityOf(id.Certificate))
	}
	renewed := id
	for range 3 {
		before := renewed
		if renewed, err = ca.Renew(t.Context(), before); err != nil {
			t.Fatal(err)
		}
		was, is := wire.IdentityOf(before.Certificate), wire.IdentityOf(renewed.Certificate)
		if was.Serial == is.Serial || was.Key != is.Key {
			t.Errorf("%+v was renewed as %+v", was, is)
		}
		mustLast(t, renewed, life)
	}
	if err := ca.Revoke(t.Context(), renewed); err != nil {
		t.Fatal(err)
	}
	_, err = ca.Renew(t.Context(), renewed)
	mustRefuse(t, "what is revoked", err)
	if _, err = ca.Renew(t.Context(), id); err != nil {
		t.Errorf("one that is not revoked: %v", err)
	}

	stranger, err := newAuthority(t, "stranger").Issue(pki.RequestOf(wire.Client))
	if err != nil {
		t.Fatal(err)
	}
	_, err = ca.Renew(t.Context(), stranger)
	mustRefuse(t, "what another authority issued", err)
	mustRefuse(t, "that another authority's be revoked", ca.Revoke(t.Context(), stranger))

	_, err = ca.Enrol(t.Context(), pki.RequestOf(wire.Client), 48*time.Hour)
	mustRefuse(t, "a life that it gives nobody", err)

	brief, err := ca.Enrol(t.Context(), pki.RequestOf(wire.Client), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	<-time.After(time.Until(brief.Certificate.NotAfter.Add(time.Second))) // its date is inclusive
	_, err = ca.Renew(t.Context(), brief)
	mustRefuse(t, "what has expired", err)
}

func newAuthority(t *testing.T, name string) *pki.Authority {
	t.Helper()
	made, err := pki.New(pki.Config{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func mustLast(t *testing.T, id *pki.Identity, life time.Duration) {
	t.Helper()
	if left := time.Until(id.Certificate.NotAfter); left < life-5*time.Second || left > life {
		t.Errorf("it is good for %v more, want nearly %v", left, life)
	}
}

func mustRefuse(t *testing.T, what string, err error) {
	t.Helper()
	if !issuer.IsRefused(err) {
		t.Errorf("%s: got %v, want a refusal", what, err)
	}
	t.Log(what, ":", err)
}
