package audit

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mtlslab/mtlslab/lab/attack"
	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/finding"
	"github.com/mtlslab/mtlslab/lab/peer"
	"github.com/mtlslab/mtlslab/lab/verdict"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// answers are those to what people ask first, as far as the trials show them.
func (r *round) answers(controls []trial, results []tried, findings []finding.Finding) []finding.Answer {
	all := inquiry{role: r.audit.Role, findings: findings}
	for i, t := range controls {
		last := results[i].Evidence.Last()
		if v := results[i].Judge(); v.Decision == verdict.WasDelivered {
			all.delivered = append(all.delivered, t.version)
			all.seen = append(all.seen, last)
		}
	}
	if r.audit.Role == wire.Server {
		all.ask("asks for a certificate", all.asks())
		all.ask("requires one", all.failing("protocol/no-client-certificate", "no: whoever has none is served", "yes"))
		all.ask("authorities it names", all.names())
		if r.server.Lacks(peer.Demand{Admission: true}) != "" {
			all.ask("whom it admits", "every holder of a certificate of its authority; it was told of no one else")
		}
	} else {
		all.ask("verifies the server", all.failing("chain/self-signed", "no: whoever signs his own is believed", "yes"))
		all.ask("checks its name", all.failing("identity/other-host", "no: any certificate of the authority will do", "yes"))
		all.ask("shows a certificate", all.shows())
	}
	all.ask("versions", all.versions())
	all.ask("revocation lists", all.failing("revocation/leaf",
		"not looked at: who is revoked gets in", "looked at: who is revoked is turned away"))
	if r.audit.Role == wire.Server {
		all.ask("resumed sessions", all.resumed())
		all.ask("open connections", all.open())
		if len(r.plain.others) > 0 {
			ports := strings.Trim(fmt.Sprint(r.plain.others), "[]")
			all.ask("also listens at", "port "+strings.ReplaceAll(ports, " ", ", ")+", which was not tried")
		}
	}
	return all.answers
}

// inquiry is what answers are drawn from.
type inquiry struct {
	role      wire.Role
	findings  []finding.Finding
	delivered []string            // versions of TLS
	seen      []attack.Connection // of good exchanges that were delivered
	answers   []finding.Answer
}

// ask notes an answer, if there is one.
func (q *inquiry) ask(question, answer string) {
	if answer != "" {
		q.answers = append(q.answers, finding.Answer{Question: question, Answer: answer})
	}
}

// of are the findings of a case.
func (q *inquiry) of(id string) (all []finding.Finding) {
	for _, f := range q.findings {
		if f.Case == id {
			all = append(all, f)
		}
	}
	return all
}

func has(all []finding.Finding, s finding.Status) bool {
	return slices.ContainsFunc(all, func(f finding.Finding) bool { return f.Status == s })
}

// failing is one of two answers by what came of a case, or why it was not tried.
func (q *inquiry) failing(id, failed, passed string) string {
	all := q.of(id)
	switch {
	case has(all, finding.Failed):
		return failed
	case has(all, finding.Passed):
		return passed
	case has(all, finding.Untried):
		return "untried: " + all[0].Means
	default:
		return ""
	}
}

func (q *inquiry) asks() string {
	asked := func(c attack.Connection) bool { return c.Asked }
	switch {
	case len(q.seen) == 0:
		return ""
	case slices.ContainsFunc(q.seen, asked):
		return "yes"
	default:
		return "no"
	}
}

// maxNamed is how many authorities are named.
const maxNamed = 1

func (q *inquiry) names() string {
	if q.asks() != "yes" {
		return ""
	}
	names := q.seen[len(q.seen)-1].Authorities
	more := ""
	if n := len(names) - maxNamed; n > 0 {
		names, more = names[:maxNamed], fmt.Sprintf(" and %d more", n)
	}
	if len(names) == 0 {
		return "none, so a client cannot tell which of its certificates is wanted"
	}
	return strings.Join(names, "; ") + more
}

func (q *inquiry) shows() string {
	switch {
	case len(q.seen) == 0:
		return ""
	case slices.ContainsFunc(q.seen, func(c attack.Connection) bool { return c.Peer != nil }):
		return "yes, where it is asked for one"
	default:
		return "no"
	}
}

// versions are those of the good exchange, and the obsolete ones that it agrees to.
func (q *inquiry) versions() string {
	versions := slices.Clone(q.delivered)
	for _, obsolete := range []string{"1.1", "1.0"} {
		if has(q.of("protocol/tls-"+obsolete), finding.Failed) {
			versions = append(versions, obsolete)
		}
	}
	slices.Sort(versions)
	return strings.Join(slices.Compact(versions), ", ")
}

// open says what becomes of a connection whose certificate is good no more.
func (q *inquiry) open() string {
	var served, ended []string
	for _, f := range q.findings {
		what, is := strings.CutPrefix(f.Case, "open/after-")
		what = strings.ReplaceAll(what, "-", " ")
		switch {
		case !is:
		case f.Decision == string(verdict.WasDelivered):
			served = append(served, what)
		case f.Decision == string(verdict.WasRefused):
			ended = append(ended, what)
		}
	}
	var words []string
	if len(served) > 0 {
		words = append(words, "served on a second after "+strings.Join(served, ", "))
	}
	if len(ended) > 0 {
		words = append(words, "ended within a second of "+strings.Join(ended, ", "))
	}
	return strings.Join(words, "; ")
}

func (q *inquiry) resumed() string {
	var stale []string
	tried := false
	for _, f := range q.findings {
		what, is := strings.CutPrefix(f.Case, "resumption/after-")
		if !is || f.Expect == cases.MustAccept {
			continue
		}
		tried = tried || f.Status == finding.Passed || f.Status == finding.Failed
		if f.Decision == string(verdict.WasDelivered) {
			stale = append(stale, strings.ReplaceAll(what, "-", " "))
		}
	}
	good := q.of("resumption/while-valid")
	slices.Sort(stale)
	switch {
	case len(stale) > 0:
		return "without a new check, after " + strings.Join(slices.Compact(stale), ", ")
	case tried:
		return "checked anew, in all that was tried"
	case len(good) > 0 && good[0].Status == finding.Untried:
		return "none: " + good[0].Means
	default:
		return ""
	}
}
