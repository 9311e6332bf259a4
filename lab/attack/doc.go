// Package attack is what the adversary is told to do, what it saw, and the lines of
// JSON between it and the lab.
//
// It exists so that whoever plans an attack and the program that carries it out
// mean the same by every word. It knows no engine, and it judges nothing: whether
// the other side was right is not for the adversary to say.
package attack
