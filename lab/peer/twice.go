package peer

import (
	"slices"

	"github.com/mtlslab/mtlslab/lab/attack"
)

// Twice is a dialogue of two messages to a server on one connection, with a hold between them, and the
// speech by which what comes after that is read. Both have the nonce in them.
func Twice(in Protocol, before, message, nonce string) (attack.Dialogue, Speech, error) {
	first, _, err := words(in, before, nonce, &attack.Head{Stays: true})
	if err != nil {
		return attack.Dialogue{}, nil, err
	}
	second, speech, err := words(in, message, nonce, &attack.Head{After: true})
	if err != nil {
		return attack.Dialogue{}, nil, err
	}
	first.Talk = slices.Concat(first.Talk, []attack.Turn{{Hold: true}}, second.Talk)
	return first, speech, nil
}

// words are a message in a server's own protocol: where that is the adversary's own, a line.
func words(in Protocol, message, nonce string, head *attack.Head) (attack.Dialogue, Speech, error) {
	speech, err := in.Speech(message, nonce, head)
	if err != nil {
		return attack.Dialogue{}, nil, err
	}
	of := attack.Attack{Message: message}
	if err := speech.Ask(&of); err != nil {
		return attack.Dialogue{}, nil, err
	}
	if of.Dialogue == nil {
		of.Dialogue = &attack.Dialogue{Talk: []attack.Turn{{Say: []byte(message + "\n")}, {Hear: "\n"}}}
	}
	return *of.Dialogue, speech, nil
}
