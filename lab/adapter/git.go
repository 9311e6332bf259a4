package adapter

import (
	"fmt"
	"strings"

	"github.com/mtlslab/mtlslab/lab/attack"
)

// gitTalk asks for the branches of a repository, whose path is the nonce, and is told of one of
// that name (gitprotocol-http, smart clients; gitprotocol-pack, reference discovery).
func gitTalk(a *Adapter, _, nonce string) talk {
	const service, commit = "# service=git-upload-pack\n", "8b0f3a1c5d2e4f6a7b8c9d0e1f2a3b4c5d6e7f80"
	branches := packet(service) + "0000" + packet(commit+" refs/heads/"+nonce+"\x00agent=mtlslab\n") + "0000"
	return talk{
		asClient: attack.Dialogue{Talk: []attack.Turn{
			request(a.host, nonce+"/info/refs?service=git-upload-pack", attack.Head{}),
			{Hear: `(?s)^HTTP/1\.[01] \d\d\d.*?\r?\n\r?\n`},
		}},
		asServer: attack.Dialogue{Talk: []attack.Turn{{
			Hear: `\r?\n\r?\n`,
			Say: []byte(strings.Join([]string{
				"HTTP/1.1 200 OK", "Content-Type: application/x-git-upload-pack-advertisement",
				fmt.Sprintf("Content-Length: %d", len(branches)), "Connection: close", "", branches,
			}, "\r\n")),
		}}},
		delivered: status(`2\d\d`),
		refused:   status(numbers(refusing)),
	}
}

// packet is a line of git's after its length in four hexadecimal digits, which counts itself.
func packet(line string) string { return fmt.Sprintf("%04x%s", len(line)+4, line) }
