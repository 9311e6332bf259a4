package adapter

import (
	"cmp"
	"errors"
	"path"
	"strings"
	"text/template"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// defaultDir is where material goes if an adapter does not say.
const defaultDir = "/mtlslab/material"

// Host is the name that a server's certificate is for, and that a client dials.
const Host = "server"

// Open is the name of a second host, which asks for no certificate.
const Open = "open"

// client is the name of the good client.
const client = "client"

// Known is where the peer looks for who its clients are.
func (a *Adapter) Known() wire.Field { return cmp.Or(a.Identity, wire.FieldURI) }

// Dir is the directory of the material.
func (a *Adapter) Dir() string {
	if a.Material.Dir != "" {
		return a.Material.Dir
	}
	return defaultDir
}

// Expand fills a template in.
func (a *Adapter) Expand(text string, v Values) (string, error) {
	t, err := template.New("").Parse(text)
	if err != nil {
		return "", plainError(err)
	}
	var out strings.Builder
	if err := t.Execute(&out, v); err != nil {
		return "", plainError(err)
	}
	return out.String(), nil
}

// plainError is one of a template with nothing of Go in it.
func plainError(err error) error {
	_, text, found := strings.Cut(err.Error(), "template: :")
	if !found {
		return err
	}
	return errors.New("template: line " + strings.ReplaceAll(text, "adapter.Values", "the values"))
}

// ExpandAll fills each of a list of words in. One of which nothing is left is left
// out, so that a flag can be there in some cases alone.
func (a *Adapter) ExpandAll(texts []string, v Values) ([]string, error) {
	var expanded []string
	for _, text := range texts {
		word, err := a.Expand(text, v)
		if err != nil {
			return nil, err
		}
		if word != "" || text == "" {
			expanded = append(expanded, word)
		}
	}
	return expanded, nil
}

// ValuesFor are the values that are the same for every exchange of a peer whose
// material is in dir, with revocation lists or without.
func (a *Adapter) ValuesFor(dir string, lists bool) Values {
	v := Values{
		Dir: dir, Password: Password, Host: a.Host(), Open: Open, Port: a.Port,
		Client: a.Known().Of(client),
	}
	for _, f := range a.layout() {
		if f.key == "crl" && !lists {
			continue
		}
		*f.value(&v) = f.path(dir)
	}
	return v
}

// LeadsToMaterial says whether a template of what is run leads to where the material is, so
// that it can be in another place each time. Else the peer has it at fixed places.
func (a *Adapter) LeadsToMaterial() bool {
	return a.tells(a.ValuesFor(a.Dir(), true), a.ValuesFor(a.Dir()+"-elsewhere", true))
}

// LeadsToLists says whether a template of what is run differs where the peer is given
// revocation lists. Else nothing but their place tells it of them.
func (a *Adapter) LeadsToLists() bool {
	return a.tells(a.ValuesFor(a.Dir(), true), a.ValuesFor(a.Dir(), false))
}

// LeadsToClient says whether a template of what is run says whom the peer is to admit.
func (a *Adapter) LeadsToClient() bool {
	one, other := a.ValuesFor(a.Dir(), true), a.ValuesFor(a.Dir(), true)
	other.Client += "-other"
	return a.tells(one, other)
}

// Notes are what is not wrong with an adapter, and may be a mistake.
func (a *Adapter) Notes() (notes []string) {
	if a.TakesLists() && a.LeadsToMaterial() && !a.LeadsToLists() {
		notes = append(notes, "material.files.crl is given, and nothing leads to {{.CRL}}: "+
			"that revoked certificates are taken may be the adapter's mistake")
	}
	return notes
}

// tells says whether what is run differs between two values.
func (a *Adapter) tells(one, other Values) bool {
	for _, t := range a.templates() {
		first, err := a.Expand(t.text, one)
		second, failed := a.Expand(t.text, other)
		if err == nil && failed == nil && first != second {
			return true
		}
	}
	return false
}

// TakesLists says whether the peer can be given revocation lists.
func (a *Adapter) TakesLists() bool { return a.Material.Files.CRL != "" }

// named is one file of a layout.
type named struct {
	key, name string
	value     func(*Values) *string
	make      func(material) ([]byte, error)
	secret    bool
}

func (n named) path(dir string) string {
	if path.IsAbs(n.name) {
		return n.name
	}
	return path.Join(dir, n.name)
}

// layout lists the files that the peer needs.
func (a *Adapter) layout() []named {
	l := a.Material.Files
	if l == (Layout{}) {
		l = Layout{CA: "ca.crt", Cert: "tls.crt", Key: "tls.key"}
	}
	var used []named
	for _, n := range []named{
		{"ca", l.CA, func(v *Values) *string { return &v.CA }, material.ca, false},
		{"cert", l.Cert, func(v *Values) *string { return &v.Cert }, material.cert, false},
		{"key", l.Key, func(v *Values) *string { return &v.Key }, material.key, true},
		{"combined", l.Combined, func(v *Values) *string { return &v.Combined }, material.combined, true},
		{"crl", l.CRL, func(v *Values) *string { return &v.CRL }, material.crl, false},
		{"pkcs12", l.PKCS12, func(v *Values) *string { return &v.PKCS12 }, material.pkcs12, true},
		{"truststore", l.TrustStore, func(v *Values) *string { return &v.TrustStore }, material.trustStore, false},
		{"jks", l.JKS, func(v *Values) *string { return &v.JKS }, material.jks, true},
		{"trustjks", l.TrustJKS, func(v *Values) *string { return &v.TrustJKS }, material.trustJKS, false},
	} {
		if n.name != "" {
			used = append(used, n)
		}
	}
	return used
}

// MaterialPaths are where the files of the material go.
func (a *Adapter) MaterialPaths(dir string) []string {
	var paths []string
	for _, n := range a.layout() {
		paths = append(paths, n.path(dir))
	}
	return paths
}
