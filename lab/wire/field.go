package wire

// Field is where in a certificate one who verifies it looks for whose it is.
type Field string

// The fields.
const (
	FieldURI     Field = "uri"   // a SPIFFE ID among the alternative names (RFC 5280, 4.2.1.6)
	FieldDNS     Field = "dns"   // a DNS name there
	FieldEmail   Field = "email" // an e-mail address there
	FieldName    Field = "cn"    // the subject's common name (RFC 5280, 4.1.2.6)
	FieldSubject Field = "dn"    // the whole subject, as RFC 4514 writes it
)

// Fields lists them.
func Fields() []Field { return []Field{FieldURI, FieldDNS, FieldEmail, FieldName, FieldSubject} }

// Of is what stands in the field for a name of a lab: "client" is spiffe://lab/client,
// client.lab.test, client@lab.test, client, or OU=client,O=mtlslab.
func (f Field) Of(name string) string {
	const domain = "lab.test" // which nobody has (RFC 6761, 6.2)
	switch f {
	case FieldDNS:
		return name + "." + domain
	case FieldEmail:
		return name + "@" + domain
	case FieldName:
		return name
	case FieldSubject:
		return "OU=" + name + ",O=mtlslab"
	case FieldURI:
	}
	return "spiffe://lab/" + name
}

// Shown is what of that is found in a certificate that has it, byte for byte.
func (f Field) Shown(name string) string {
	if f == FieldSubject {
		return name
	}
	return f.Of(name)
}
