package finding

import (
	"bytes"
	"fmt"
	"strings"
)

// Difference says in what a chain differs from the good one, in the words of [Decode]:
// "valid: ... instead of ...". Certificates are DER, leaf first. It is empty if they say
// the same, and only keys or signatures differ.
func Difference(good, sent [][]byte) string {
	var all []string
	for i := range max(len(good), len(sent)) {
		of := ""
		if i > 0 {
			of = fmt.Sprintf("issuer %d, ", i)
		}
		switch {
		case i >= len(sent):
			all = append(all, of+"missing")
		case i >= len(good):
			// one more is said once, below
		case !bytes.Equal(good[i], sent[i]):
			for _, part := range differing(good[i], sent[i], i > 0) {
				all = append(all, of+part)
			}
		}
	}
	if len(sent) > len(good) {
		all = append(all, fmt.Sprintf("%d certificates instead of %d", len(sent), len(good)))
	}
	return strings.Join(all, "; ")
}

// Differs says whether a part of a certificate is another than the good one's. Serial numbers
// always are, which says nothing of those that an authority may give.
func Differs(good, sent Part) bool {
	return good != sent && (sent.Label != "serial" || oddSerial(sent))
}

// oddSerial says whether a serial number is none that an authority may give (RFC 5280,
// 4.1.2.2): negative, zero, or of more than 20 octets.
func oddSerial(p Part) bool {
	return p.Label == "serial" && (p.Text[0] == '-' || p.Text == "0" || len(p.Text) > 40)
}

// differing are the parts of a certificate in which it differs from the good one.
func differing(good, sent []byte, issuer bool) (all []string) {
	want, err := Decode(good)
	if err != nil {
		return nil
	}
	got, err := Decode(sent)
	if err != nil {
		return []string{fmt.Sprintf("not as X.509 has it (%v)", err)}
	}
	for i, part := range got {
		// The names of issuers carry a tag of the authority that is a chain's own.
		if !Differs(want[i], part) || part.Label == "issuer" || issuer && part.Label == "subject" {
			continue
		}
		all = append(
			all,
			fmt.Sprintf("%s: %s instead of %s", part.Label, Or(part.Text, "none"), Or(want[i].Text, "none")),
		)
	}
	return all
}
