// Package adapter says how somebody else's image is run as a peer, its code
// unchanged: what it is started with, where its material goes, what is said to
// it and by what answer a message counts as delivered.
//
// It exists so that adding a peer is adding one YAML file. It is data and its
// validation: it starts nothing, opens no connection, and judges no exchange.
// It is not a place for how one product works: that is what the file is for.
package adapter
