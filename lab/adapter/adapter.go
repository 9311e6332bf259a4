package adapter

import (
	"cmp"
	"strconv"
	"time"

	"github.com/mtlslab/mtlslab/lab/strictyaml"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// Adapter is what one file says. Fields marked as templates are expanded with
// [Values] by text/template, strictly: an unknown name is an error.
type Adapter struct {
	Like   string            `yaml:"like" jsonschema:"another adapter; what this does not give is as there"`
	Change map[string]string `yaml:"change"`

	Name string    `yaml:"name" jsonschema:"what reports call the peer: lower-case letters, digits and hyphens"`
	Role wire.Role `yaml:"role" jsonschema:"the part the peer plays: server or client"`

	About string `yaml:"about" jsonschema:"one line on what the peer is and how it is set up"`
	// Library is who speaks TLS in it.
	Library string `yaml:"library" jsonschema:"the library by which it speaks TLS, such as OpenSSL"`
	Hint    string `yaml:"hint" jsonschema:"what a reader is told where the audit found a fault"`
	// Authentication are the lines that turn client certificates on, Adjusted those
	// by which the peer differs otherwise from what is shipped. Each is found to the
	// letter in what the peer is run with, or in what its image is built of.
	Authentication []string `yaml:"authentication"`
	Adjusted       []string `yaml:"adjusted"`

	Remedies []Remedy `yaml:"remedies" jsonschema:"settings that are said to help where it lets somebody in"`
	Reports  []Report `yaml:"reports" jsonschema:"what is said of the product in public"`
	Manual   Manual   `yaml:"manual" jsonschema:"of a peer that is set up as a published page says: which"`

	Image string `yaml:"image" jsonschema:"image to run; give this or build"`
	Build string `yaml:"build" jsonschema:"directory with a Dockerfile, relative to this file; give this or image"`

	Entrypoint []string          `yaml:"entrypoint" jsonschema:"in place of the image's; templates"`
	Command    []string          `yaml:"command"`
	Worker     []string          `yaml:"worker"`
	Env        map[string]string `yaml:"env" jsonschema:"added to the image's environment; templates"`
	User       string            `yaml:"user" jsonschema:"in place of the image's user, as docker run --user"`

	Material Material          `yaml:"material" jsonschema:"where certificates and keys go"`
	Files    map[string]string `yaml:"files" jsonschema:"configuration by absolute path; templates"`

	Port  int   `yaml:"port" jsonschema:"of a server: where it listens for TLS, or for the protocol that begins it"`
	Ports []int `yaml:"ports" jsonschema:"of a server: where it listens besides; each is audited in its turn"`
	Ready Ready `yaml:"ready"`

	Speaks    Protocol  `yaml:"speaks"`
	Delivered Delivered `yaml:"delivered" jsonschema:"what shows that a message arrived; each protocol has its default"`
	Refused   Refused   `yaml:"refused"`

	// Again makes a client one that stays up: its command reads its standard input, and sends a message for each line.
	Again  string `yaml:"again" jsonschema:"of a client that stays up: the line by which it sends a message; template"`
	Stdin  string `yaml:"stdin" jsonschema:"of a client: its standard input; template"`
	Hangup string `yaml:"hangup"`

	Identity wire.Field `yaml:"identity"`
	Admits   bool       `yaml:"admits" jsonschema:"of a server: it is configured to admit {{.Client}} and nobody else"`
	Open     bool       `yaml:"open"`

	Logs     bool     `yaml:"logs" jsonschema:"of a server: a message that arrived appears in its output"`
	Reload   Reload   `yaml:"reload" jsonschema:"of a server, or a client that stays up: how it reads changed files again"`
	Parallel int      `yaml:"parallel"`
	Version  []string `yaml:"version" jsonschema:"command whose first line of output is the product's version"`

	source strictyaml.Source
	at     int    // where it is asked; at Port if 0
	host   string // for which it is asked, or that it calls; [Host] if empty
	calls  int    // where it calls, of a client that runs as its image says
}

// At is the port of a server at which it is asked.
func (a *Adapter) At() int { return cmp.Or(a.at, a.Port) }

// AtEach is a server at each of its ports, that of Port first. It is run the same each time,
// and asked at another.
func (a *Adapter) AtEach() []*Adapter {
	all := []*Adapter{a}
	for _, port := range a.Ports {
		other := *a
		other.Name, other.at = a.Name+"-"+strconv.Itoa(port), port
		all = append(all, &other)
	}
	return all
}

// Material says where the files of a peer's material go, and who owns them.
type Material struct {
	Dir   string `yaml:"dir" jsonschema:"directory that holds them, a volume of its own; /mtlslab/material if empty"`
	Owner string `yaml:"owner"`
	Files Layout `yaml:"files"`
}

// Layout names the files that a peer needs. Each is made of the same material;
// those without a name are not made.
type Layout struct {
	CA         string `yaml:"ca" jsonschema:"trusted roots, PEM"`
	Cert       string `yaml:"cert" jsonschema:"the leaf, then its intermediates, PEM"`
	Key        string `yaml:"key" jsonschema:"private key, PKCS#8 PEM"`
	Combined   string `yaml:"combined" jsonschema:"key, leaf and intermediates in one file, PEM"`
	CRL        string `yaml:"crl" jsonschema:"revocation lists, PEM; only the cases of revocation are run with them"`
	PKCS12     string `yaml:"pkcs12" jsonschema:"key and chain as PKCS#12"`
	TrustStore string `yaml:"truststore" jsonschema:"trusted roots as PKCS#12 for Java"`
	JKS        string `yaml:"jks" jsonschema:"key and chain as a Java keystore"`
	TrustJKS   string `yaml:"trustjks" jsonschema:"trusted roots as a Java keystore"`
}

// Password protects what the peer cannot read unprotected. It is no secret.
const Password = "changeit"

// Ready says when a server that was started takes connections.
type Ready struct {
	Log    string `yaml:"log" jsonschema:"a line of its output matches this regular expression; the port must accept, too"`
	Within string `yaml:"within" jsonschema:"how long that may take, such as 10s; 30s if empty"`
}

// defaultWithin is how long a server may take to be ready, in a container of its
// own on a machine that is busy with others.
const defaultWithin = 30 * time.Second

// Limit is how long the server may take to be ready.
func (r Ready) Limit() time.Duration {
	limit, err := time.ParseDuration(r.Within)
	if err != nil {
		return defaultWithin
	}
	return limit
}

// Delivered says what shows that a message arrived. All that is given must hold.
type Delivered struct {
	Status []int  `yaml:"status"`
	Echo   *bool  `yaml:"echo" jsonschema:"of a server: its answer holds the message's nonce"`
	Match  string `yaml:"match" jsonschema:"of a server: its answer matches this regular expression; template"`
	Exit   []int  `yaml:"exit" jsonschema:"of a client: its exit code is one of these; 0 if none is given"`
	Output string `yaml:"output" jsonschema:"of a client: its output matches this regular expression; template"`
}

// Refused says what answer of a server's, over TLS, is a refusal. A refusal by
// TLS itself needs no word here.
type Refused struct {
	Status []int  `yaml:"status"`
	Match  string `yaml:"match" jsonschema:"of a server: its answer matches this regular expression"`
}

// Reload is how a server takes up changed files. One of its fields is given, or
// none where there is no way.
type Reload struct {
	Signal  string   `yaml:"signal" jsonschema:"signal to the server, such as HUP"`
	Command []string `yaml:"command" jsonschema:"command run beside the server; templates"`
}

// Values are what templates can name. What does not belong to the peer's role
// or layout is empty.
type Values struct {
	// The files of the material, each an absolute path. CRL is empty where the
	// peer is started without revocation lists.
	CA, Cert, Key, Combined, CRL, PKCS12, TrustStore, JKS, TrustJKS string

	Dir      string // of the material
	Password string // of PKCS12, TrustStore, JKS and TrustJKS

	Host    string // "server", which the server's certificate is for
	Open    string // "open", a second name that a server has where its adapter says so
	IP      string // of a client: the server's address
	Port    int    // of a server, where it listens; of a client, whom it calls
	Version string // "1.2" or "1.3" where only that is to be spoken, else empty

	Client  string // who is to be admitted, as identity says: spiffe://lab/client if nothing
	Message string // of a client: one line, with the nonce in it
	Nonce   string // of a client: twelve hexadecimal digits
}
