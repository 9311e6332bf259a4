package learn

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/mtlslab/mtlslab/lab/exercises"
	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// room is what all exchanges of one check share: authorities, certificates, and the key by which
// sessions are resumed.
type room struct {
	lab         *exercises.Lab
	others      map[string]exercises.Certificate // of who is not the learner
	authorities map[string]*pki.Authority        // lab and stranger
	issued      map[string]*issued               // by name
	ticketKey   [32]byte
}

// issued is a certificate that was made of a template.
type issued struct {
	tls.Certificate
	leaf *x509.Certificate
	key  []byte // PKCS#8
}

func newRoom(learner string, lab *exercises.Lab, others map[string]exercises.Certificate) (*room, error) {
	r := &room{
		lab:         lab,
		others:      others,
		authorities: make(map[string]*pki.Authority),
		issued:      make(map[string]*issued),
	}
	for _, name := range []string{exercises.Own, exercises.Stranger} {
		authority, err := pki.New(pki.Config{Name: name, TrustDomain: learner + ".test"})
		if err != nil {
			return nil, err
		}
		r.authorities[name] = authority
	}
	_, err := rand.Read(r.ticketKey[:])
	return r, err
}

// template is that of a name. A learner's stands for nobody else's.
func (r *room) template(name string) (t exercises.Certificate, ok bool) {
	if t, ok = r.others[name]; !ok {
		t, ok = r.lab.Certificates[name]
	}
	return t, ok
}

// certificate is the one of that name, made when it is first asked for.
func (r *room) certificate(name string) (*issued, error) {
	if made := r.issued[name]; made != nil {
		return made, nil
	}
	template, ok := r.template(name)
	if !ok {
		return nil, fmt.Errorf("there is no certificate %q", name)
	}
	made, err := r.issue(template)
	if err != nil {
		return nil, fmt.Errorf("certificate %s: %w", name, err)
	}
	r.issued[name] = made
	return made, nil
}

// issue makes a certificate of a template.
func (r *room) issue(t exercises.Certificate) (*issued, error) {
	if _, sub := r.lab.Authorities[t.Authority]; !sub && t.Authority != "" && r.authorities[t.Authority] == nil {
		return nil, fmt.Errorf("there is no authority %q any more", t.Authority)
	}
	root := r.authorities[exercises.Own]
	if t.Authority == exercises.Stranger {
		root = r.authorities[exercises.Stranger]
	}
	forged, err := root.Forge(pki.Request{Role: wire.Client, Name: "leaf"}, r.filled(t)) // its names are the template's
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(forged.Chain[0])
	if err != nil {
		return nil, err
	}
	return &issued{
		tls.Certificate{Certificate: forged.Chain, PrivateKey: forged.Key, Leaf: leaf},
		leaf,
		forged.PKCS8,
	}, nil
}

// filled has a chain say what the template does.
func (r *room) filled(t exercises.Certificate) pki.Mutation {
	return func(f *pki.Forgery) {
		if sub, ok := r.lab.Authorities[t.Authority]; ok {
			pki.Issuer(func(c *x509.Certificate) {
				c.PermittedDNSDomains = sub.Permitted
				c.PermittedDNSDomainsCritical = len(sub.Permitted) > 0
			})(f)
		}
		leaf := f.Leaf.Template
		leaf.Subject.CommonName, leaf.DNSNames, leaf.URIs = t.CommonName, t.DNS, nil
		for _, text := range t.URI {
			if u, err := url.Parse(text); err == nil {
				leaf.URIs = append(leaf.URIs, u)
			}
		}
		leaf.ExtKeyUsage = nil
		for _, usage := range t.Usage {
			leaf.ExtKeyUsage = append(leaf.ExtKeyUsage, usages[usage])
		}
		days := max(t.Days, 1)
		leaf.NotAfter = time.Now().AddDate(0, 0, days)
		if t.Days < 0 {
			leaf.NotAfter = time.Now().AddDate(0, 0, t.Days)
			leaf.NotBefore = leaf.NotAfter.AddDate(0, 0, -1)
		}
		if len(t.Send) > 0 && !slices.Contains(t.Send, "intermediate") {
			f.Presented = f.Presented[:1]
		}
	}
}

var usages = map[string]x509.ExtKeyUsage{
	"serverAuth": x509.ExtKeyUsageServerAuth, "clientAuth": x509.ExtKeyUsageClientAuth,
}

// pool is the roots of authorities, and certificates that are trusted themselves. Without any it
// trusts nobody.
func (r *room) pool(names []string) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	for _, name := range names {
		if authority := r.authorities[name]; authority != nil {
			pool.AppendCertsFromPEM(authority.Trust())
			continue
		}
		if _, sub := r.lab.Authorities[name]; sub {
			return nil, fmt.Errorf("%q is a sub-authority, and no root", name)
		}
		made, err := r.certificate(name)
		if err != nil {
			return nil, err
		}
		pool.AddCert(made.leaf)
	}
	return pool, nil
}

// admitted says whether one of the names is a leaf's: a URI, or with CN= before it its common
// name; with * at its end whatever begins so.
func admitted(names []string, leaf *x509.Certificate) bool {
	var own []string
	if leaf != nil {
		own = append(own, "CN="+leaf.Subject.CommonName)
		for _, u := range leaf.URIs {
			own = append(own, u.String())
		}
	}
	return slices.ContainsFunc(names, func(name string) bool {
		begin, prefix := strings.CutSuffix(name, "*")
		return slices.ContainsFunc(own, func(is string) bool {
			return is == name || prefix && strings.HasPrefix(is, begin)
		})
	})
}

// version is 0, for any, where none is named.
func version(text string) uint16 {
	v, err := wire.ParseVersion(text)
	if err != nil {
		return 0
	}
	return v
}
