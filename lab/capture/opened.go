package capture

import (
	"bytes"
	"encoding/hex"
	"strings"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// KeepOpened drops the frames of all connections whose secrets are not in the capture: those of
// others, on an interface that is not the lab's alone.
func (f *File) KeepOpened() {
	f.mu.Lock()
	defer f.mu.Unlock()
	var randoms [][]byte
	for line := range strings.Lines(string(f.secrets)) {
		fields := strings.Fields(line) // label, client random, secret
		if len(fields) < 2 {
			continue
		}
		if random, err := hex.DecodeString(fields[1]); err == nil {
			randoms = append(randoms, random)
		}
	}
	connections := make([]string, len(f.frames))
	opened := make(map[string]bool)
	for i, fr := range f.frames {
		connections[i] = connectionOf(fr.data)
		for _, random := range randoms {
			// It is in the clear in the client hello (RFC 8446, 4.1.2), and nowhere else.
			if bytes.Contains(fr.data, random) {
				opened[connections[i]] = true
			}
		}
	}
	var kept []frame
	for i, fr := range f.frames {
		if opened[connections[i]] {
			kept = append(kept, fr)
		}
	}
	f.frames = kept
}

// connectionOf is the same for every frame of one TCP connection, either way; "" of others.
func connectionOf(data []byte) string {
	packet := gopacket.NewPacket(data, layers.LayerTypeEthernet, gopacket.DecodeOptions{Lazy: true, NoCopy: true})
	network, transport := packet.NetworkLayer(), packet.TransportLayer()
	if network == nil || transport == nil || transport.LayerType() != layers.LayerTypeTCP {
		return ""
	}
	tcp, ok := transport.(*layers.TCP)
	if !ok {
		return ""
	}
	from := network.NetworkFlow().Src().String() + " " + tcp.SrcPort.String()
	to := network.NetworkFlow().Dst().String() + " " + tcp.DstPort.String()
	return min(from, to) + " " + max(from, to)
}
