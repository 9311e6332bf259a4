package capture

import (
	"errors"
	"io"
	"sync"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// tlsKeyLog is the kind of secrets: TLS key log (pcapng, 4.7).
const tlsKeyLog = 0x544c534b

// maxHeld bounds what is held of a capture until it is written, in bytes.
const maxHeld = 256 << 20

// ErrTooMuch says that more went over than a file holds; what came first is in it.
var ErrTooMuch = errors.New("more went over the network than a capture holds, 256 MiB")

// File is a capture that is under way. It is held until it is written, because secrets have to
// stand before the frames that they open. Its methods may be called by many goroutines at once.
type File struct {
	mu      sync.Mutex
	frames  []frame
	secrets []byte
	held    int
}

type frame struct {
	at   time.Time
	data []byte
}

// Frame adds an Ethernet frame.
func (f *File) Frame(at time.Time, data []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.held += len(data); f.held <= maxHeld {
		f.frames = append(f.frames, frame{at, data})
	}
}

// Write adds secrets, lines of a key log: a File is what tls.Config.KeyLogWriter wants.
func (f *File) Write(lines []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.secrets = append(f.secrets, lines...)
	return len(lines), nil
}

// Secrets are the lines of the key log so far.
func (f *File) Secrets() []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.secrets
}

// Frames is how many there are so far.
func (f *File) Frames() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.frames)
}

// WriteTo writes the capture as pcapng. It returns [ErrTooMuch] once what fits is written.
func (f *File) WriteTo(w io.Writer) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	counted := &counter{w: w}
	ng, err := pcapgo.NewNgWriter(counted, layers.LinkTypeEthernet)
	if err != nil {
		return counted.n, err
	}
	if len(f.secrets) > 0 {
		if err := ng.WriteDecryptionSecretsBlock(tlsKeyLog, f.secrets); err != nil {
			return counted.n, err
		}
	}
	for _, fr := range f.frames {
		info := gopacket.CaptureInfo{Timestamp: fr.at, CaptureLength: len(fr.data), Length: len(fr.data)}
		if err := ng.WritePacket(info, fr.data); err != nil {
			return counted.n, err
		}
	}
	if err := ng.Flush(); err != nil {
		return counted.n, err
	}
	if f.held > maxHeld {
		return counted.n, ErrTooMuch
	}
	return counted.n, nil
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
