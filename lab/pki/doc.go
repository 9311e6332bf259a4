// Package pki mints what an exchange is fought over: authorities, and the
// identities that they issue.
//
// It exists so that every certificate of the lab comes from one place, is
// right in every field unless a case asks for it to be wrong, and differs from
// its control in nothing else. It is the only importer of go.step.sm/crypto.
//
// An authority is a root and one intermediate, both fresh and both in memory.
// It is born backdated, lives for a day, and is meant to be thrown away with
// the run that made it. This is not a certificate authority to run a service
// with: it keeps no record of what it issued, asks nobody whether the name is
// theirs, and guards its keys no better than the process that holds them.
//
// A [Mutation] makes one thing wrong with a chain, for the adversary to present.
// What crypto/x509 can say is said by template; the rest is done to the DER,
// which is then signed by hand. Keys and signatures made by hand are for that
// alone: they are neither quick nor safe from whoever can time them.
//
// The package must not start a peer, open a connection, or judge an exchange,
// and it writes no file. A private key leaves it unencrypted, for the one peer
// that it belongs to: as the Key of a [wire.Material], or of a [Forged] chain.
package pki
