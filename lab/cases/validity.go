package cases

import (
	"crypto/x509"
	"encoding/asn1"
	"strings"
	"time"

	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

const forever = "A certificate is good for ever, or from whenever its holder likes: one that was stolen years ago still opens."

// validityCases are of the dates. They are counted from when the authority was
// made, and the clocks of both sides are the same.
func validityCases() []Case {
	return append(outOfDate(), dateForms()...)
}

func dated(id, row, summary, meaning string, rules map[Profile]Rule, reasons []wire.Reason, m pki.Mutation) Case {
	return Case{
		ID: "validity/" + id, Row: row, Roles: asBoth, Summary: summary, Meaning: meaning,
		Reasons: reasons, Rules: rules, Mutation: same(m),
	}
}

// dates of one draft, as distances from now.
func dates(of func(*pki.Forgery) *pki.Draft, notBefore, notAfter time.Duration) pki.Mutation {
	return func(f *pki.Forgery) {
		template := of(f).Template
		template.NotBefore, template.NotAfter = f.Now.Add(notBefore), f.Now.Add(notAfter)
	}
}

func ofRoot(f *pki.Forgery) *pki.Draft { return f.OwnRoot() }

func outOfDate() []Case {
	expired, early := []wire.Reason{wire.Expired}, []wire.Reason{wire.NotYetValid}
	path := alike(MustRefuse, "RFC 5280, 6.1.3 (a)(2)")
	anchor := strictOnly("RFC 5280, 6.1.1 (d)", "policy: an authority that has expired vouches for nobody")
	const (
		hour = time.Hour
		day  = 24 * hour // longer than any lab lives
	)
	return []Case{
		dated("expired", "C01", "presents a certificate that expired an hour ago", forever, path, expired, dates(pki.OfLeaf, -2*hour, -hour)),
		dated("expired-a-second-ago", "C06", "presents a certificate that expired a second before it was made", forever, path, expired, dates(pki.OfLeaf, -hour, -2*time.Second)),
		dated("not-yet-valid", "C02", "presents a certificate that begins in a day", forever, path, early, dates(pki.OfLeaf, day, 2*day)),
		dated("expired-issuer", "C03", "has an intermediate that expired an hour ago", "An authority that was given up, and its key thrown away with little care, still issues.", path, expired, dates(pki.OfIssuer, -2*hour, -hour)),
		dated("not-yet-valid-issuer", "C03", "has an intermediate that begins in a day", "Only the dates of leaves are looked at.", path, early, dates(pki.OfIssuer, day, 2*day)),
		dated("expired-root", "C04", "has a trusted root that expired an hour ago", "An authority that was given up still vouches.", anchor, expired, dates(ofRoot, -2*hour, -hour)),
		dated("not-yet-valid-root", "C04", "has a trusted root that begins in a day", "Dates of roots are not looked at.", anchor, early, dates(ofRoot, day, 2*day)),
		dated("ends-before-it-begins", "C07", "presents a certificate that ends before it begins", "Each date is compared alone, or they are taken in order: no moment lies between them.", path,
			[]wire.Reason{wire.Expired, wire.NotYetValid}, dates(pki.OfLeaf, hour, -hour)),
		dated("begins-now", "C06", "presents a certificate that begins in the second in which it was made", "A good peer is turned away: dates are inclusive.", alike(MustAccept, "RFC 5280, 4.1.2.5"),
			early, dates(pki.OfLeaf, 0, day)),
		dated("outlives-its-issuer", "C07", "presents a certificate that ends long after its issuer's", "A good peer is turned away: each certificate is judged at the present moment, by its own dates.", alike(MustAccept, "RFC 5280, 6.1.3 (a)(2)"),
			expired, dates(pki.OfLeaf, -hour, 400*24*hour)),
	}
}

const (
	utc         = asn1.TagUTCTime
	generalized = asn1.TagGeneralizedTime
)

// notAfter writes the leaf's end by hand: a moment in a layout, and what is to
// follow it.
func notAfter(tag int, layout string, at func(now time.Time) time.Time, rest ...string) pki.Mutation {
	return func(f *pki.Forgery) {
		text := at(f.Now.UTC()).Format(layout) + strings.Join(rest, "")
		f.Leaf.Edit(func(t *pki.TBS) { t.NotAfter = pki.Element(asn1.ClassUniversal, tag, false, []byte(text)) })
	}
}

func dateForms() []Case {
	inADay := func(now time.Time) time.Time { return now.AddDate(0, 0, 1) }
	year := func(y int) func(time.Time) time.Time {
		return func(time.Time) time.Time { return time.Date(y, time.December, 31, 23, 59, 59, 0, time.UTC) }
	}
	form := func(cite string) map[Profile]Rule { return alike(MayEither, cite) }
	bad := []wire.Reason{wire.BadCertificate, wire.Expired}
	const strange = "Dates in a form that is not allowed are read as some date or other."
	return []Case{
		dated("no-well-defined-end", "C07", "presents a certificate that ends in the year 9999", "A good peer is turned away: this is how a certificate says that it has no end.",
			alike(MustAccept, "RFC 5280, 4.1.2.5"), bad, pki.Leaf(func(c *x509.Certificate) { c.NotAfter = year(9999)(time.Time{}) })),
		dated("after-2050", "C06", "presents a certificate that ends in 2051", "A good peer is turned away: such dates are written in another form.",
			alike(MustAccept, "RFC 5280, 4.1.2.5"), bad, pki.Leaf(func(c *x509.Certificate) { c.NotAfter = year(2051)(time.Time{}) })),
		dated("two-digit-2049", "C06", "presents a certificate that ends in the year 49", "A good peer is turned away: the year is 2049.",
			alike(MustAccept, "RFC 5280, 4.1.2.5.1"), bad, notAfter(utc, "060102150405Z", year(2049))),
		dated("two-digit-1950", "C06", "presents a certificate that ends in the year 50", "It ended in 1950, and is taken to last until 2050.",
			alike(MustRefuse, "RFC 5280, 4.1.2.5.1"), bad, notAfter(utc, "060102150405Z", year(1950))),
		dated("four-digit-before-2050", "C06", "presents a certificate whose end is written in the form for later years", strange,
			form("RFC 5280, 4.1.2.5"), bad, notAfter(generalized, "20060102150405Z", inADay)),
		dated("fraction-of-a-second", "C06", "presents a certificate that ends amid a second", strange,
			form("RFC 5280, 4.1.2.5.2"), bad, notAfter(generalized, "20060102150405", inADay, ".5Z")),
		dated("leap-second", "C06", "presents a certificate that ends in a leap second", strange,
			form("RFC 5280, 4.1.2.5.1"), bad, notAfter(utc, "060102", func(now time.Time) time.Time { return now.Add(48 * time.Hour) }, "235960Z")),
		dated("without-seconds", "C06", "presents a certificate whose end has no seconds", strange,
			form("RFC 5280, 4.1.2.5.1"), bad, notAfter(utc, "0601021504Z", inADay)),
		dated("expired-but-for-its-zone", "C06", "presents a certificate that has expired, and would not have if its time zone were left out",
			"It expired hours ago: the zone of the date is not read.", alike(MustRefuse, "RFC 5280, 4.1.2.5.1"), bad,
			notAfter(utc, "060102150405-0700", func(now time.Time) time.Time { return now.Add(-2 * time.Hour).In(time.FixedZone("", 12*60*60)) })),
		dated("no-such-month", "C06", "presents a certificate that ends in a thirteenth month", strange,
			alike(MustRefuse, "RFC 5280, 4.1.2.5.1"), bad, notAfter(utc, "06", func(now time.Time) time.Time { return now.AddDate(2, 0, 0) }, "1301000000Z")),
	}
}
