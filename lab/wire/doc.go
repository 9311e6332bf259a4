// Package wire is what both ends of an exchange agree on: the bundle of
// material a peer is given, the lines they send each other, the verification
// both binaries perform, and the outcome line in which each gives its own
// account.
//
// It exists so that the server, the client and the lab cannot drift apart. It
// imports the standard library only, starts nothing, and never judges an
// exchange as a whole: a peer knows its own side, the lab compares the two.
package wire
