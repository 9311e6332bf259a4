// Package learn carries the exercises of the workshop out: it unpacks them, checks what a learner
// has made of them, and keeps what was passed.
//
// A check is made of real exchanges, each of a message with a fresh nonce: [Exercise.Check] sets
// up what the files say (room.go, server.go, client.go, programs.go), has the other side played
// by who the claim says, and judges by delivery, as everything here does (trial.go). Nothing a
// learner could write down beforehand passes: keys, serial numbers and nonces are of the check,
// and names are the learner's own.
//
// It exists so that the command line and the tests, which play every wrong fix and every cheat,
// go the same way. The exercises themselves are data, in package exercises.
package learn
