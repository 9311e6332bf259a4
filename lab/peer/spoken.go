package peer

import (
	"github.com/mtlslab/mtlslab/lab/adapter"
	"github.com/mtlslab/mtlslab/lab/attack"
)

// Spoken is the protocol of an adapter.
type Spoken struct{ *adapter.Adapter }

// Speech is that of a message, in a request with such a head where it is one of HTTP.
func (s Spoken) Speech(message, nonce string, head *attack.Head) (Speech, error) {
	speech, err := s.Adapter.Speech(message, nonce)
	if head != nil && s.Adapter.Speaks == adapter.HTTP {
		speech = speech.Headed(*head)
	}
	return speech, err
}
