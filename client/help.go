package main

import (
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/mtlslab/mtlslab/lab/wire"
)

var exitCodes = []struct {
	code    int
	meaning string
}{
	{wire.ExitDelivered, "let in: every message has its receipt"},
	{wire.ExitFailed, "other failure, such as bad material"},
	{wire.ExitUsage, "flags, environment or messages that cannot be used"},
	{wire.ExitRefused, "the server is not to be trusted: this client refused it"},
	{wire.ExitRefusedByPeer, "the server refused this client, by an alert"},
	{wire.ExitUnreachable, "unreachable: no connection was made"},
	{wire.ExitNoReceipt, "no receipt: the connection ended, broke or timed out"},
}

func printHelp(w io.Writer, fs *flag.FlagSet) {
	var b strings.Builder
	b.WriteString("client sends messages to a server that it has verified, and prints the receipts.\n\n" +
		"    client -material DIR [flags] [message ...]\n\n" +
		"Without arguments each line of standard input is a message, sent when it is read.\n" +
		"A message is a line of UTF-8, at most 64 KiB.\n\n" +
		"Flags, each with the variable that is read where the flag is not given:\n")
	b.WriteString(wire.DescribeFlags(fs))
	b.WriteString("\nExit codes:\n")
	for _, e := range exitCodes {
		fmt.Fprintf(&b, "  %d  %s\n", e.code, e.meaning)
	}
	_, _ = io.WriteString(w, b.String())
}
