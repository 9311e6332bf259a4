package cases_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// TestDifferences compares every forged chain with the good one, field by field,
// and records the names of the fields that differ: "-" is gone, "+" is new, "~"
// is another. The certificates are read with encoding/asn1 alone, for
// crypto/x509 does not read them all. What is fresh in every chain is left out:
// serial numbers, keys, key identifiers, signatures, the tag in the name of an
// authority that is the chain's own.
//
// Signatures are not looked at; crypto-x509.golden shows which hold.
func TestDifferences(t *testing.T) {
	f := allForged(t)
	controls := map[wire.Role][]fields{}
	for _, role := range []wire.Role{wire.Client, wire.Server} {
		good, err := f.authority.Forge(cases.Control(role))
		if err != nil {
			t.Fatal(err)
		}
		again, err := f.authority.Forge(cases.Control(role))
		if err != nil {
			t.Fatal(err)
		}
		controls[role] = read(good)
		if diff := differences(controls[role], read(again)); len(diff) > 0 {
			t.Fatalf("two good chains differ in %q", diff)
		}
	}
	var text bytes.Buffer
	for _, c := range certificateCases() {
		lines := map[string][]string{}
		for _, role := range c.Roles {
			one := f.of[key(c, role)]
			diff := differences(controls[role], read(one))
			if n := len(one.ExtraRoots); n > 0 {
				diff = append(diff, fmt.Sprintf("+%d trusted", n))
			}
			if n := len(one.SystemRoots); n > 0 {
				diff = append(diff, fmt.Sprintf("+%d trusted by the system", n))
			}
			diff = append(diff, listDifferences(t, c, one)...)
			if !slices.EqualFunc(one.ExtraCRLs, one.LaterCRLs, bytes.Equal) {
				diff = append(diff, "+lists later")
			}
			if len(diff) == 0 {
				if !slices.Contains(onlySigned, c.ID) {
					t.Errorf("%s as %s differs from the control in nothing", c.ID, role)
				}
				diff = []string{"~signature"}
			}
			line := strings.Join(diff, ", ")
			lines[line] = append(lines[line], string(role))
		}
		for _, line := range slices.Sorted(maps.Keys(lines)) {
			fmt.Fprintf(&text, "%s %s: %s\n", c.ID, strings.Join(lines[line], ","), line)
		}
	}
	golden(t, "differences.golden", text.Bytes())
}

// onlySigned are the cases that differ from the control in who signed what.
var onlySigned = []string{
	"chain/tampered-signature", "chain/tampered-issuer-signature", "chain/tampered-names", "chain/namesake",
	"chain/namesake-intermediate", "chain/other-authority", "crypto/zero-signature", "crypto/empty-signature",
	"resumption/of-stranger", // as chain/other-authority
}

// listDifferences says what is odd about the lists of a chain's own issuers, of
// which each should have one that is good and empty.
func listDifferences(t *testing.T, c cases.Case, forged *pki.Forged) (diff []string) {
	t.Helper()
	if !strings.HasPrefix(c.ID, "revocation/") {
		return nil
	}
	var certs []*x509.Certificate
	for _, der := range slices.Concat(forged.Chain, forged.ExtraRoots) {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		certs = append(certs, cert)
	}
	names := []string{"leaf", "issuer1", "root"}
	lists := 0
	for _, der := range forged.ExtraCRLs {
		list, err := x509.ParseRevocationList(der)
		if err != nil {
			t.Fatal(err)
		}
		by := slices.IndexFunc(
			certs,
			func(cert *x509.Certificate) bool { return bytes.Equal(cert.RawSubject, list.RawIssuer) },
		)
		of := "list of another"
		if by >= 0 {
			of = "list of " + names[by]
			lists++
			if list.CheckSignatureFrom(certs[by]) != nil {
				diff = append(diff, of+" ~signature")
			}
		}
		diff = append(diff, oddities(of, list, certs, names)...)
	}
	if lists != max(1, len(certs)-1) {
		diff = append(diff, fmt.Sprintf("%d lists", lists))
	}
	return diff
}

func oddities(of string, list *x509.RevocationList, certs []*x509.Certificate, names []string) (diff []string) {
	for _, entry := range list.RevokedCertificateEntries {
		on := "somebody"
		if i := slices.IndexFunc(
			certs,
			func(cert *x509.Certificate) bool { return cert.SerialNumber.Cmp(entry.SerialNumber) == 0 },
		); i >= 0 {
			on = names[i]
		}
		diff = append(diff, of+" +"+on)
		for _, extension := range entry.Extensions {
			diff = append(diff, fmt.Sprintf("%s +%s of entry", of, extension.Id))
		}
	}
	for _, extension := range list.Extensions {
		if id := extension.Id.String(); id != "2.5.29.20" && id != "2.5.29.35" {
			diff = append(diff, fmt.Sprintf("%s +%s", of, id))
		}
	}
	now := time.Now()
	if now.After(list.NextUpdate) || now.Before(list.ThisUpdate) {
		diff = append(diff, of+" ~dates")
	}
	return diff
}

// fields of one certificate, by name.
type fields map[string]string

func differences(control, forged []fields) []string {
	var diff []string
	for i := range max(len(control), len(forged)) {
		name := fmt.Sprintf("issuer%d", i)
		if i == 0 {
			name = "leaf"
		}
		switch {
		case i >= len(forged):
			diff = append(diff, "-"+name)
			continue
		case i >= len(control):
			if i < 6 || i == len(forged)-1 {
				diff = append(diff, "+"+name)
			}
			continue
		}
		for _, field := range slices.Sorted(maps.Keys(union(control[i], forged[i]))) {
			was, had := control[i][field]
			is, has := forged[i][field]
			switch {
			case !has:
				diff = append(diff, "-"+name+"."+field)
			case !had:
				diff = append(diff, "+"+name+"."+field)
			case was != is:
				diff = append(diff, "~"+name+"."+field)
			}
		}
	}
	return diff
}

func union(a, b fields) fields {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

func read(forged *pki.Forged) []fields {
	var all []fields
	for _, der := range forged.Chain {
		all = append(all, readCertificate(der))
	}
	return all
}

// readCertificate puts what cannot be read into the field "broken".
func readCertificate(der []byte) fields {
	f := fields{}
	body, form, rest := outermost(der)
	f["form"], f["trailing"] = form, fmt.Sprintf("%x", rest)
	parts := elements(body)
	if len(parts) != 3 {
		f["broken"] = fmt.Sprintf("%d parts", len(parts))
		return f
	}
	f["outer algorithm"] = oidOf(parts[1])
	tbs := elements(parts[0].Bytes)
	f["version"] = "absent"
	if len(tbs) > 0 && tbs[0].Class == asn1.ClassContextSpecific {
		f["version"] = fmt.Sprintf("%x", tbs[0].Bytes)
		tbs = tbs[1:]
	}
	if len(tbs) < 6 {
		f["broken"] = fmt.Sprintf("%d fields", len(tbs))
		return f
	}
	f["serial"] = serialOf(tbs[0].Bytes)
	f["inner algorithm"] = oidOf(tbs[1])
	f["issuer"], f["subject"] = nameOf(tbs[2].FullBytes), nameOf(tbs[4].FullBytes)
	if dates := elements(tbs[3].Bytes); len(dates) == 2 {
		f["notBefore"], f["notAfter"] = fmt.Sprintf(
			"%d %s",
			dates[0].Tag,
			dates[0].Bytes,
		), fmt.Sprintf(
			"%d %s",
			dates[1].Tag,
			dates[1].Bytes,
		)
	}
	f["key"] = keyOf(tbs[5])
	for _, last := range tbs[6:] {
		if last.Tag == 3 {
			readExtensions(f, last)
		}
	}
	return f
}

// outermost reads the outermost element in whatever form its length is.
func outermost(der []byte) (body []byte, form string, rest []byte) {
	if len(der) < 6 {
		return nil, "too short", nil
	}
	if der[1] == 0x80 {
		return der[2 : len(der)-2], "indefinite", nil
	}
	var outer asn1.RawValue
	rest, err := asn1.Unmarshal(der, &outer)
	if err != nil {
		return der[6:], "overlong", nil
	}
	return outer.Bytes, "DER", rest
}

func elements(content []byte) (all []asn1.RawValue) {
	for len(content) > 0 {
		var element asn1.RawValue
		rest, err := asn1.Unmarshal(content, &element)
		if err != nil {
			return all
		}
		all, content = append(all, element), rest
	}
	return all
}

func oidOf(algorithm asn1.RawValue) string {
	parts := elements(algorithm.Bytes)
	if len(parts) == 0 {
		return "none"
	}
	var oid asn1.ObjectIdentifier
	if _, err := asn1.Unmarshal(parts[0].FullBytes, &oid); err != nil {
		return fmt.Sprintf("%x", parts[0].Bytes)
	}
	return oid.String()
}

// serialOf hides a number of 128 random bits, or nearly so many.
func serialOf(content []byte) string {
	if n := len(content); n > 12 && n <= 17 && content[0] < 0x80 {
		return "fresh"
	}
	return fmt.Sprintf("%x", content)
}

var tag = regexp.MustCompile(`OU=[0-9a-f]{12},?`)

func nameOf(der []byte) string {
	var name pkix.RDNSequence
	if _, err := asn1.Unmarshal(der, &name); err != nil {
		return fmt.Sprintf("%x", der)
	}
	return tag.ReplaceAllString(name.String(), "")
}

// keyOf says what kind of key it is, with its parameters and length.
func keyOf(info asn1.RawValue) string {
	parts := elements(info.Bytes)
	if len(parts) != 2 {
		return "broken"
	}
	exponent := ""
	if keys := elements(parts[1].Bytes[1:]); oidOf(parts[0]) == "1.2.840.113549.1.1.1" && len(keys) == 1 &&
		len(elements(keys[0].Bytes)) == 2 {
		exponent = fmt.Sprintf(" exponent %x", elements(keys[0].Bytes)[1].Bytes)
	}
	return fmt.Sprintf("%x, %d bytes%s", sha256.Sum256(parts[0].Bytes), len(parts[1].Bytes)/4*4, exponent)
}

var extensionNames = map[string]string{
	"2.5.29.14": "subjectKeyId", "2.5.29.15": "keyUsage", "2.5.29.17": "subjectAltName", "2.5.29.19": "basicConstraints",
	"2.5.29.30": "nameConstraints", "2.5.29.31": "crlDistributionPoints", "2.5.29.32": "certificatePolicies",
	"2.5.29.33": "policyMappings", "2.5.29.35": "authorityKeyId", "2.5.29.36": "policyConstraints",
	"2.5.29.37": "extKeyUsage", "1.3.6.1.5.5.7.1.24": "tlsFeature", "2.999.1": "unknown",
}

func readExtensions(f fields, tagged asn1.RawValue) {
	list := elements(tagged.Bytes)
	if len(list) != 1 {
		f["broken"] = "extensions"
		return
	}
	for _, raw := range elements(list[0].Bytes) {
		parts := elements(raw.Bytes)
		if len(parts) < 2 {
			f["broken"] = "extension"
			continue
		}
		name := oidOf(raw)
		if len(parts[0].Bytes) > 100 {
			name = "huge"
		} else if extensionNames[name] != "" {
			name = extensionNames[name]
		}
		value := ""
		for _, part := range parts[1:] {
			value += fmt.Sprintf("%x ", part.Bytes)
		}
		if name == "subjectKeyId" || name == "authorityKeyId" {
			value = fmt.Sprintf("%d bytes", len(parts[len(parts)-1].Bytes))
		}
		for f[name] != "" {
			name += "+"
		}
		f[name] = value
	}
}
