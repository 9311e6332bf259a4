package cases

import (
	"bytes"
	"slices"
	"strings"

	"golang.org/x/net/idna"

	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// hostName makes a name of a certificate of the name by which the good server is called.
type hostName func(host string) pki.GeneralName

// hostNames replaces the leaf's names by these.
func hostNames(names ...hostName) func(pki.Request) pki.Mutation {
	return func(good pki.Request) pki.Mutation {
		all := make([]pki.GeneralName, len(names))
		for i, of := range names {
			all[i] = of(hostOf(good))
		}
		return pki.LeafNames(all...)
	}
}

// hostInCommonName has the host's name in the subject, and these names elsewhere.
func hostInCommonName(names ...hostName) func(pki.Request) pki.Mutation {
	return func(good pki.Request) pki.Mutation {
		return pki.Together(commonName(hostOf(good)), hostNames(names...)(good))
	}
}

// itsHost stands for the name of the good server among those that an authority may issue.
var itsHost = pki.DNSName(host)

// forHost puts that name in.
func forHost(permitted []pki.GeneralName, good pki.Request) []pki.GeneralName {
	permitted = slices.Clone(permitted)
	for i, name := range permitted {
		if bytes.Equal(name, itsHost) {
			permitted[i] = pki.DNSName(hostOf(good))
		}
	}
	return permitted
}

// hostOf is the name by which the good server is called.
func hostOf(good pki.Request) string {
	if len(good.DNS) > 0 {
		return good.DNS[0]
	}
	return host
}

// shortNameOf is what whoever goes by common names expects.
func shortNameOf(good pki.Request) string {
	if good.Role == wire.Server {
		return hostOf(good)
	}
	return good.Name
}

// dnsName is a dNSName in which HOST stands for the host's name.
func dnsName(form string) hostName {
	return func(host string) pki.GeneralName { return pki.DNSName(strings.ReplaceAll(form, "HOST", host)) }
}

// uriName is a URI in which HOST stands for the host's name.
func uriName(form string) hostName {
	return func(host string) pki.GeneralName { return pki.URIName(strings.ReplaceAll(form, "HOST", host)) }
}

func inCapitals(host string) pki.GeneralName { return pki.DNSName(strings.ToUpper(host)) }

// Wildcards within the first label, none of which is a label of its own, for that would be good.
func wildcardAtEnd(host string) pki.GeneralName {
	label, rest := cutLabel(host)
	return pki.DNSName(label[:(len(label)+1)/2] + "*" + rest)
}

func wildcardAtBeginning(host string) pki.GeneralName {
	label, rest := cutLabel(host)
	return pki.DNSName("*" + label[len(label)/2:] + rest)
}

func wildcardAmid(host string) pki.GeneralName {
	label, rest := cutLabel(host)
	return pki.DNSName(label[:1] + "*" + label[len(label)-1:] + rest)
}

// cutLabel parts the first label from the rest, which begins with a dot.
func cutLabel(host string) (label, rest string) {
	if i := strings.Index(host, "."); i > 0 {
		return host[:i], host[i:]
	}
	return host, ""
}

// cyrillic are letters that look like those of ASCII.
var cyrillic = map[rune]string{
	'a': "а", 'c': "с", 'e': "е", 'i': "і", 'j': "ј", 'o': "о", 'p': "р", 'x': "х", 'y': "у",
}

// lookAlike has a Cyrillic letter in place of one that looks the same; where there is none such, a
// letter that nobody sees (U+200D).
func lookAlike(host string) pki.GeneralName { return pki.DNSName(likeness(host)) }

func likeness(host string) string {
	for i, letter := range host {
		if other, is := cyrillic[letter]; is {
			return host[:i] + other + host[i+1:]
		}
	}
	label, rest := cutLabel(host)
	return label + "\u200d" + rest
}

// encodedLookAlike is the same as DNS has it (RFC 3492).
func encodedLookAlike(host string) pki.GeneralName {
	encoded, err := idna.Punycode.ToASCII(likeness(host))
	if err != nil {
		encoded = "xn--" + host // which is no encoding of the host either
	}
	return pki.DNSName(encoded)
}
