// Package card says what many audits side by side came to: a scorecard, as text, as JSON, as
// Markdown for a page of a repository, and as one HTML page that needs nothing else. It exists so
// that all of them say the same thing, in the words in which package report says it of one audit.
//
// It must not run anything, judge anything, or know how a finding came about. Every format lists
// servers before clients, of each those first that let in the gravest attacker, and findings as
// package report does.
package card
