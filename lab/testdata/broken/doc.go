// Package broken makes verifications with one fault each, for the peers that
// are broken on purpose. It exists so that the tests can show the lab catching
// them. Nothing but those may use it.
//
// Every fault but a few works in one way: the honest verification of package
// wire is asked about certificates that were doctored after they were parsed, in
// the one field that the fault does not look at. Signatures still hold, because
// they are over the bytes that came. So all else is verified as ever, and what
// is let through is let through for this fault.
package broken
