// Package cases is the catalogue of what an adversary tries: each case is one
// mutation of a good exchange, what must follow by each profile, and where that
// is written.
//
// It exists so that adding a case touches one file and no engine. It is data: it
// knows no runtime, starts nothing, and never says what did happen. It is not a
// place for cases that differ from the control in two things at once: those
// prove neither.
package cases
