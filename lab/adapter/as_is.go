package adapter

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// AsIs is the adapter of a client that runs as its image says, and calls that host at that port
// whatever it is told. Whatever it says over TLS counts as its message. Its trust is put into its
// system's store, and its files where Material.Files says, if that is set.
// [Adapter.Check] says whether there is such a port, and whether one that says what it says anyway
// is answered in that protocol.
func AsIs(image, host string, port int, speaks Protocol) *Adapter {
	return &Adapter{
		Name: nameOf(image), Role: wire.Client, Image: image, Speaks: speaks, Env: make(map[string]string),
		host: host, calls: cmp.Or(port, -1),
	}
}

// rulesOfCaller are those of a client that runs as its image says.
func (a *Adapter) rulesOfCaller() []rule {
	if a.calls == 0 {
		return []rule{{"command", len(a.Command) == 0, "missing: what is run for each message"}}
	}
	return []rule{
		{"port", a.calls < 1 || a.calls > 65535, "want the port that it calls, 1 to 65535"},
		{
			"speaks", !slices.Contains(OwnWords(), a.Speaks),
			fmt.Sprintf("want one of %s, as whatever it says is its message", words(OwnWords())),
		},
	}
}

// OwnWords are the protocols in which a client is answered that says what it says anyway.
func OwnWords() []Protocol { return []Protocol{HTTP, Line} }

// Calls is the port that a client calls as its image says; 0 of one that is told where to call.
func (a *Adapter) Calls() int { return a.calls }

// Host is the name by which the good server is called.
func (a *Adapter) Host() string { return cmp.Or(a.host, Host) }

// ShowsCertificate says whether a client is given one.
func (a *Adapter) ShowsCertificate() bool {
	files := a.Material.Files
	return a.calls == 0 || files.Cert != "" || files.Combined != "" || files.PKCS12 != "" || files.JKS != ""
}
