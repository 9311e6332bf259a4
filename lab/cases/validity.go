package cases

import (
	"crypto/x509"
	"encoding/asn1"
	"strings"
	"time"

	"github.com/mtlslab/mtlslab/lab/pki"
	"github.com/mtlslab/mtlslab/lab/wire"
)

const forever = "A certificate is good for ever, or from whenever its holder likes: one that was stolen " +
	"years ago still opens."

// validityCases are of the dates. They are counted from when the authority was
// made, and the clocks of both sides are the same.
func validityCases() []Case {
	return by(Former, append(outOfDate(), dateForms()...))
}

func dated(c Case) Case {
	c.ID, c.Roles = "validity/"+c.ID, asBoth
	return c
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
		born = -2 * day  // as what the authority makes begins otherwise
	)
	return []Case{
		dated(Case{
			ID: "expired", Margin: hour, Summary: "presents a certificate that expired an hour ago",
			Meaning: forever, Rules: path, Reasons: expired,
			Mutation: same(dates(pki.OfLeaf, -2*hour, -hour)),
		}),
		dated(Case{
			ID: "expired-a-second-ago", Margin: 2 * time.Second,
			Summary: "presents a certificate that expired a second before it was made",
			Meaning: forever, Rules: path, Reasons: expired,
			Mutation: same(dates(pki.OfLeaf, born, -2*time.Second)),
		}),
		dated(Case{
			ID: "not-yet-valid", Margin: day, Summary: "presents a certificate that begins in a day",
			Meaning: forever, Rules: path, Reasons: early,
			Mutation: same(dates(pki.OfLeaf, day, 2*day)),
		}),
		dated(Case{
			ID: "expired-issuer", Margin: hour, Summary: "has an intermediate that expired an hour ago",
			Meaning:  "An authority that was given up, and its key thrown away with little care, still issues.",
			Rules:    path,
			Reasons:  expired,
			Mutation: same(dates(pki.OfIssuer, -2*hour, -hour)),
		}),
		dated(Case{
			ID: "not-yet-valid-issuer", Margin: day, Summary: "has an intermediate that begins in a day",
			Meaning: "Only the dates of leaves are looked at.", Rules: path, Reasons: early,
			Mutation: same(dates(pki.OfIssuer, day, 2*day)),
		}),
		dated(Case{
			ID: "expired-root", Margin: hour, Summary: "has a trusted root that expired an hour ago",
			Meaning: "An authority that was given up still vouches.", Rules: anchor, Reasons: expired,
			Mutation: same(dates(ofRoot, -2*hour, -hour)),
		}),
		dated(Case{
			ID: "not-yet-valid-root", Margin: day, Summary: "has a trusted root that begins in a day",
			Meaning: "Dates of roots are not looked at.", Rules: anchor, Reasons: early,
			Mutation: same(dates(ofRoot, day, 2*day)),
		}),
		dated(Case{
			ID: "ends-before-it-begins", Margin: hour, Attacker: Authority,
			Summary:  "presents a certificate that ends before it begins",
			Meaning:  "Each date is compared alone, or they are taken in order: no moment lies between them.",
			Rules:    path,
			Reasons:  []wire.Reason{wire.Expired, wire.NotYetValid},
			Mutation: same(dates(pki.OfLeaf, hour, -hour)),
		}),
		dated(Case{
			ID: "begins-now", Margin: time.Second,
			Summary:  "presents a certificate that begins in the second in which it was made",
			Meaning:  "A good peer is turned away: dates are inclusive.",
			Rules:    alike(MustAccept, "RFC 5280, 4.1.2.5"),
			Reasons:  early,
			Mutation: same(dates(pki.OfLeaf, 0, day)),
		}),
		dated(Case{
			ID: "outlives-its-issuer", Summary: "presents a certificate that ends long after its issuer's",
			Meaning:  "A good peer is turned away: each certificate is judged at the present moment, by its own dates.",
			Rules:    alike(MustAccept, "RFC 5280, 6.1.3 (a)(2)"),
			Reasons:  expired,
			Mutation: same(dates(pki.OfLeaf, born, 400*day)),
		}),
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
		dated(Case{
			ID: "no-well-defined-end", Summary: "presents a certificate that ends in the year 9999",
			Meaning:  "A good peer is turned away: this is how a certificate says that it has no end.",
			Rules:    alike(MustAccept, "RFC 5280, 4.1.2.5"),
			Reasons:  bad,
			Mutation: same(pki.Leaf(func(c *x509.Certificate) { c.NotAfter = year(9999)(time.Time{}) })),
		}),
		dated(Case{
			ID: "after-2050", Summary: "presents a certificate that ends in 2051",
			Meaning:  "A good peer is turned away: such dates are written in another form.",
			Rules:    alike(MustAccept, "RFC 5280, 4.1.2.5"),
			Reasons:  bad,
			Mutation: same(pki.Leaf(func(c *x509.Certificate) { c.NotAfter = year(2051)(time.Time{}) })),
		}),
		dated(Case{
			ID: "two-digit-2049", Summary: "presents a certificate that ends in the year 49",
			Meaning:  "A good peer is turned away: the year is 2049.",
			Rules:    alike(MustAccept, "RFC 5280, 4.1.2.5.1"),
			Reasons:  bad,
			Mutation: same(notAfter(utc, "060102150405Z", year(2049))),
		}),
		dated(Case{
			ID: "two-digit-1950", Attacker: Authority, Summary: "presents a certificate that ends in the year 50",
			Meaning:  "It ended in 1950, and is taken to last until 2050.",
			Rules:    alike(MustRefuse, "RFC 5280, 4.1.2.5.1"),
			Reasons:  bad,
			Mutation: same(notAfter(utc, "060102150405Z", year(1950))),
		}),
		dated(Case{
			ID:      "four-digit-before-2050",
			Summary: "presents a certificate whose end is written in the form for later years",
			Meaning: strange, Rules: form("RFC 5280, 4.1.2.5"), Reasons: bad,
			Mutation: same(notAfter(generalized, "20060102150405Z", inADay)),
		}),
		dated(Case{
			ID: "fraction-of-a-second", Summary: "presents a certificate that ends amid a second",
			Meaning: strange, Rules: form("RFC 5280, 4.1.2.5.2"), Reasons: bad,
			Mutation: same(notAfter(generalized, "20060102150405", inADay, ".5Z")),
		}),
		dated(Case{
			ID: "leap-second", Summary: "presents a certificate that ends in a leap second",
			Meaning: strange, Rules: form("RFC 5280, 4.1.2.5.1"), Reasons: bad,
			Mutation: same(
				notAfter(utc, "060102", func(now time.Time) time.Time { return now.Add(48 * time.Hour) }, "235960Z"),
			),
		}),
		dated(Case{
			ID: "without-seconds", Summary: "presents a certificate whose end has no seconds",
			Meaning: strange, Rules: form("RFC 5280, 4.1.2.5.1"), Reasons: bad,
			Mutation: same(notAfter(utc, "0601021504Z", inADay)),
		}),
		dated(Case{
			ID: "expired-but-for-its-zone", Margin: 2 * time.Hour, Attacker: Authority,
			Summary: "presents a certificate that has expired, and would not have if its time zone were left out",
			Meaning: "It expired hours ago: the zone of the date is not read.",
			Rules:   alike(MustRefuse, "RFC 5280, 4.1.2.5.1"),
			Reasons: bad,
			Mutation: same(
				notAfter(
					utc,
					"060102150405-0700",
					func(now time.Time) time.Time { return now.Add(-2 * time.Hour).In(time.FixedZone("", 12*60*60)) },
				),
			),
		}),
		dated(Case{
			ID: "no-such-month", Attacker: Authority, Summary: "presents a certificate that ends in a thirteenth month",
			Meaning: strange, Rules: alike(MustRefuse, "RFC 5280, 4.1.2.5.1"), Reasons: bad,
			Mutation: same(
				notAfter(utc, "06", func(now time.Time) time.Time { return now.AddDate(2, 0, 0) }, "1301000000Z"),
			),
		}),
	}
}
