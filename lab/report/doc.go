// Package report says what an audit came to: to people as text, to programs as
// JSON, to continuous integration as JUnit XML and SARIF, and as one HTML page that needs
// nothing else. It exists so that all of them say the same thing. Many audits side by side
// are a scorecard, which package card writes.
//
// It must not run anything, judge anything, or know how a finding came about: the
// verdict is the audit's own. What a peer said is shown with everything escaped
// that could steer a terminal, a page or a parser. It decides neither on colour nor
// on where to print; the command line does.
//
// Every format lists the findings by case, role and TLS version, whatever the
// order in which they were found.
package report
