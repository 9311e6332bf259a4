package exercises

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/mtlslab/mtlslab/lab/strictyaml"
)

// LabFile is the name of the file that says how a lab is set up.
const LabFile = "lab.yaml"

// Lab is what a lab file says: certificates, and a server and a client, each set up as
// crypto/tls is, by the same names and with the same meaning if a key is left out.
type Lab struct {
	Learner      string                 `yaml:"learner"` // whose it is
	Authorities  map[string]Authority   `yaml:"authorities"`
	Certificates map[string]Certificate `yaml:"certificates"`
	Server       Server                 `yaml:"server"`
	Client       Client                 `yaml:"client"`

	source strictyaml.Source
}

// The authorities that are there without being made: the lab's own, and one that nobody trusts.
const (
	Own      = "lab"
	Stranger = "stranger"
)

// Authority is a sub-authority below the lab's root.
type Authority struct {
	Permitted []string `yaml:"permitted_dns"` // all others are outside its names (RFC 5280, 4.2.1.10)
}

// Certificate is a template of a leaf.
type Certificate struct {
	Authority  string   `yaml:"authority"` // Own if empty
	CommonName string   `yaml:"common_name"`
	DNS        []string `yaml:"dns"`
	URI        []string `yaml:"uri"`
	Usage      []string `yaml:"usage"` // serverAuth, clientAuth
	Days       int      `yaml:"days"`  // from now; 1 if none are given, and past if negative
	Send       []string `yaml:"send"`  // leaf, intermediate; both if empty
}

// Server is a server's TLS configuration, and whom it serves.
type Server struct {
	Certificate            string   `yaml:"certificate"`
	ClientAuth             string   `yaml:"client_auth"` // a name of tls.ClientAuthType
	ClientCAs              []string `yaml:"client_cas"`  // authorities, or certificates that are trusted themselves
	MaxVersion             string   `yaml:"max_version"`
	SessionTicketsDisabled bool     `yaml:"session_tickets_disabled"`
	VerifyPeerCertificate  *Hook    `yaml:"verify_peer_certificate"` // not called where a session is resumed
	VerifyConnection       *Hook    `yaml:"verify_connection"`
	Access                 []Access `yaml:"access"`    // the first whose path is the request's counts
	Otherwise              string   `yaml:"otherwise"` // allow or deny; allow if empty
}

// Hook is a function of the configuration that admits names only: URIs, or with CN= before them
// common names.
type Hook struct {
	Admits []string `yaml:"admits"`
}

// Access says who may ask for a path: names as of a hook, with a * at the end for whatever begins
// so, or any for whoever was let in.
type Access struct {
	Path  string   `yaml:"path"`
	Allow []string `yaml:"allow"`
}

// Client is a client's TLS configuration, and when it calls its message delivered.
type Client struct {
	Certificate        string   `yaml:"certificate"` // none if empty
	RootCAs            []string `yaml:"root_cas"`
	ServerName         string   `yaml:"server_name"`
	InsecureSkipVerify bool     `yaml:"insecure_skip_verify"`
	MaxVersion         string   `yaml:"max_version"`
	DeliveredAfter     string   `yaml:"delivered_after"` // handshake, write or receipt; receipt if empty
}

// ClientAuths are the names of tls.ClientAuthType, in the order of their values.
var ClientAuths = []string{
	"NoClientCert", "RequestClientCert", "RequireAnyClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert",
}

// ReadLab reads a lab file. What it does not understand is a *[strictyaml.Error].
func ReadLab(name string, content []byte) (*Lab, error) {
	lab := new(Lab)
	var err error
	if lab.source, err = strictyaml.Read(name, bytes.NewReader(content), lab); err != nil {
		return nil, err
	}
	return lab, lab.check()
}

func (l *Lab) check() error {
	for _, name := range []string{Own, Stranger} {
		if _, made := l.Authorities[name]; made {
			return l.source.Fault("authorities."+name, errors.New("that is an authority already: give yours another name"))
		}
	}
	for name, c := range l.Certificates {
		if err := l.checkCertificate("certificates."+name, c); err != nil {
			return err
		}
	}
	for key, authorities := range map[string][]string{
		"server.client_cas": l.Server.ClientCAs, "client.root_cas": l.Client.RootCAs,
	} {
		for _, a := range authorities {
			if _, leaf := l.Certificates[a]; !leaf && !l.known(a) {
				return l.source.Fault(key, fmt.Errorf("there is no authority and no certificate %q", a))
			}
		}
	}
	for key, c := range map[string]string{
		"server.certificate": l.Server.Certificate, "client.certificate": l.Client.Certificate,
	} {
		if _, ok := l.Certificates[c]; c != "" && !ok {
			return l.source.Fault(key, fmt.Errorf("there is no certificate %q", c))
		}
	}
	for _, is := range []struct {
		key, value string
		of         []string
	}{
		{"server.client_auth", l.Server.ClientAuth, ClientAuths},
		{"server.max_version", l.Server.MaxVersion, []string{"1.2", "1.3"}},
		{"client.max_version", l.Client.MaxVersion, []string{"1.2", "1.3"}},
		{"server.otherwise", l.Server.Otherwise, []string{"allow", "deny"}},
		{"client.delivered_after", l.Client.DeliveredAfter, []string{"handshake", "write", "receipt"}},
	} {
		if is.value != "" && !slices.Contains(is.of, is.value) {
			return l.source.Fault(is.key, fmt.Errorf("%q: choose from %s", is.value, strings.Join(is.of, ", ")))
		}
	}
	return nil
}

func (l *Lab) checkCertificate(key string, c Certificate) error {
	if c.Authority != "" && !l.known(c.Authority) {
		return l.source.Fault(key+".authority", fmt.Errorf("there is no authority %q", c.Authority))
	}
	if len(c.DNS)+len(c.URI) == 0 && c.CommonName == "" {
		return l.source.Fault(key, errors.New("it names nobody: give it dns, uri or common_name"))
	}
	for i, u := range c.URI {
		if parsed, err := url.Parse(u); err != nil || parsed.Scheme == "" {
			return l.source.Fault(fmt.Sprintf("%s.uri[%d]", key, i), fmt.Errorf("%q is no URI, such as spiffe://domain/name", u))
		}
	}
	for _, u := range c.Usage {
		if u != "serverAuth" && u != "clientAuth" {
			return l.source.Fault(key+".usage", fmt.Errorf("%q: choose from serverAuth, clientAuth", u))
		}
	}
	for _, s := range c.Send {
		if s != "leaf" && s != "intermediate" {
			return l.source.Fault(key+".send", fmt.Errorf("%q: choose from leaf, intermediate", s))
		}
	}
	return nil
}

func (l *Lab) known(authority string) bool {
	_, made := l.Authorities[authority]
	return made || authority == Own || authority == Stranger
}

// AnswersFile is the name of the file in which questions are answered.
const AnswersFile = "answers.yaml"

// Answers is what an answers file says.
type Answers struct {
	Learner string            `yaml:"learner"`
	Answers map[string]string `yaml:"answers"` // by question
}

// ReadAnswers reads an answers file. What it does not understand is a *[strictyaml.Error].
func ReadAnswers(name string, content []byte) (Answers, error) {
	var a Answers
	_, err := strictyaml.Read(name, bytes.NewReader(content), &a)
	return a, err
}
