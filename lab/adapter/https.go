package adapter

import (
	"cmp"
	"path"
	"strings"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// HTTPS is the adapter of the commonest of servers: it is asked by GET at port 443, and reads
// its roots, chain and key where Material.Files says, which is to be set.
func HTTPS(image string) *Adapter {
	return &Adapter{
		Name: nameOf(image), Role: wire.Server, Image: image, Port: 443, Speaks: HTTP, Env: make(map[string]string),
		Material: Material{Files: Layout{CA: "ca", Cert: "cert", Key: "key"}},
	}
}

// nameOf is what a peer is called whose image is known alone.
func nameOf(image string) string {
	base, _, _ := strings.Cut(path.Base(image), "@")
	base, _, _ = strings.Cut(base, ":")
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(base))
	return cmp.Or(strings.Join(strings.FieldsFunc(name, func(r rune) bool { return r == '-' }), "-"), "image")
}
