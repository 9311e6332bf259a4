// Package console writes for people at a terminal: pages of rows, lines that are redrawn
// while something goes on, text that is wrapped and coloured.
//
// It exists so that all that mtlslab prints looks alike. It does not know what is printed.
// What comes from peers must be made printable by whoever prints it first.
package console
