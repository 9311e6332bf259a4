package audit_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/mtlslab/mtlslab/lab/audit"
	"github.com/mtlslab/mtlslab/lab/cases"
	"github.com/mtlslab/mtlslab/lab/wire"
)

// An audit that cannot be made, or that would try nothing, is an error before
// anything is started: it must not look like one that found nothing.
func TestBadAudit(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		tried audit.Audit
		want  string
	}{
		"no role": {audit.Audit{}, `role "": choose server or client`},
		"profile": {
			audit.Audit{Role: wire.Server, Profile: "stict"},
			`profile "stict": choose rfc5280 or spiffe or strict`,
		},
		"version": {audit.Audit{Role: wire.Server, Versions: []string{"1.1"}}, `version "1.1": choose 1.2 or 1.3`},
		"no such case": {
			audit.Audit{Role: wire.Server, Cases: []string{"validity/expired", "no/such"}},
			`case "no/such": there is none of that id`,
		},
		"of the other": {
			audit.Audit{Role: wire.Server, Cases: []string{"protocol/http-server"}},
			`case "protocol/http-server": it is no case of a server, but of a client`,
		},
		"another version": {
			audit.Audit{Role: wire.Server, Versions: []string{"1.3"}, Cases: []string{"protocol/rc4"}},
			`case "protocol/rc4": it is tried in TLS 1.2 alone`,
		},
		"good":     {audit.Audit{Role: wire.Server}, "<nil>"},
		"one list": {audit.Audit{Role: wire.Server, Cases: []string{"protocol/http-server", "protocol/rc4"}}, "<nil>"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := test.tried.Check(); fmt.Sprint(err) != test.want {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}

// With Once a certificate is tried in one version, unless peers judge it by that.
func TestPlan(t *testing.T) {
	t.Parallel()
	both, last := wire.Versions(), []string{"1.3"}
	for _, test := range []struct {
		id    string
		tried audit.Audit
		want  []string
	}{
		{"validity/expired", audit.Audit{}, both},
		{"validity/expired", audit.Audit{Once: true}, last},
		{"validity/expired", audit.Audit{Once: true, Versions: []string{"1.3", "1.2"}}, last},
		{"validity/expired", audit.Audit{Once: true, Versions: []string{"1.2"}}, []string{"1.2"}},
		{"usage/key-agreement-only", audit.Audit{Once: true}, both},
		{"protocol/no-client-certificate", audit.Audit{Once: true}, both},
		{"operational/no-key", audit.Audit{}, last},
		{"operational/no-key", audit.Audit{Versions: []string{"1.2"}}, []string{"1.2"}},
		{"protocol/tls-1.0", audit.Audit{}, []string{"1.2"}},
	} {
		test.tried.Role = wire.Server
		test.tried.Cases = []string{test.id}
		plan := test.tried.Plan()
		if len(plan) != 1 || !slices.Equal(plan[0].Versions, test.want) || plan[0].Expect != cases.MustRefuse {
			t.Errorf("%s: got %+v, want %q", test.id, plan, test.want)
		}
	}
}
