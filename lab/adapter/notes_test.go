package adapter_test

import (
	"testing"

	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// An adapter that gives a list to which nothing in it leads is told so, and where files are at
// fixed places that is known.
func TestWhatLeadsToMaterial(t *testing.T) {
	t.Parallel()
	with := func(command []string, files map[string]string) *adapter.Adapter {
		return &adapter.Adapter{
			Name: "x", Role: wire.Server, Port: 1, Command: command, Files: files,
			Material: adapter.Material{
				Files: adapter.Layout{CA: "ca.crt", Cert: "tls.crt", Key: "tls.key", CRL: "crl.pem"},
			},
		}
	}
	for name, test := range map[string]struct {
		adapter         *adapter.Adapter
		material, lists bool
		notes           int
	}{
		"its command":      {with([]string{"serve", "{{.CA}}", "{{.CRL}}"}, nil), true, true, 0},
		"its files":        {with([]string{"serve"}, map[string]string{"/etc/x": "crl {{.CRL}}\nca {{.CA}}"}), true, true, 0},
		"only where given": {with([]string{"serve", "{{.Dir}}", "{{with .CRL}}--lists{{end}}"}, nil), true, true, 0},
		"not to the lists": {with([]string{"serve", "{{.CA}}"}, nil), true, false, 1},
		"nothing leads":    {with([]string{"serve", "/certs/ca.crt", "{{.Port}}"}, nil), false, false, 0},
	} {
		a := test.adapter
		if a.LeadsToMaterial() != test.material || a.LeadsToLists() != test.lists || len(a.Notes()) != test.notes {
			t.Errorf("%s: %t, %t, %q", name, a.LeadsToMaterial(), a.LeadsToLists(), a.Notes())
		}
	}
}
