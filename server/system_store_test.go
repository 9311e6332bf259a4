package main

import (
	"path/filepath"
	"testing"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// Whom the system trusts does not matter: only whom the material names.
func TestSystemStore(t *testing.T) {
	t.Parallel()
	p, public := newPair(t), newPair(t)
	store := filepath.Join(public.dir(t), "ca.crt")
	server := startProcess(t, []string{"SSL_CERT_FILE=" + store, "SSL_CERT_DIR=/nonexistent"}, p.dir(t))
	p.deliver(t, server.address, p.config(t))
	client, alert := refusal(t, server.address, p.clientConfig(t, public.client))
	const unknownCA = 48
	if alert == nil || alert.Code != unknownCA {
		t.Errorf("alert %v, want %d", alert, unknownCA)
	}
	if o := server.outcome(t, client, wire.Refused); o.Reason != wire.UnknownAuthority {
		t.Errorf("refused for %s, want %s", o.Reason, wire.UnknownAuthority)
	}
}
