// Package capture writes what went over a network, with the secrets by which it can be read, as
// one pcapng file: Wireshark opens it decrypted (pcapng, Decryption Secrets Block; the secrets in
// the SSLKEYLOGFILE format).
//
// It exists for demonstrations and exercises, where the secrets are those of certificates that
// die with the run. Frames come from an interface ([Interface]), or are made of a stream that is
// relayed where none can be read ([File.Relay]): then the bytes are those that went over, and the
// frames around them are not. It knows neither peers nor verdicts.
package capture
