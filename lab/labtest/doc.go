// Package labtest is package lab for go test: a lab that ends with the test, and an audit
// as subtests.
//
//	func TestOrders(t *testing.T) {
//		l := labtest.Start(t)
//		labtest.Audit(t, l, labtest.HTTPServer(func(m labtest.Material) (*http.Server, error) {
//			return orders.NewServer(m.TrustFile(), m.ChainFile(), m.KeyFile())
//		}))
//	}
//
// It exists so that a service's own tests can ask who gets in. A subject is what is put to
// the test: code of the test's own process, which needs no engine; an image; a container that
// was started already. The code is given material, and what it makes of that is tested as it
// is. A subtest stands for each attacker, and below it one for each case, so that -run finds
// it by its id:
//
//	go test -run 'TestOrders/server/nobody/chain/self-signed'
//
// What fails a test is what fails an audit: nobody, a former peer or an insider is let in, or
// the subject crashes. What an erring authority could do is logged.
//
// It is the only package that imports testing. It judges nothing itself; it is not a way to
// start services for other tests: use testcontainers-go for those.
package labtest
