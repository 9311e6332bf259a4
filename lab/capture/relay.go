package capture

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// Relay listens on loopback, carries each connection to an address, and adds what went over it
// to the capture, as frames of TCP. It returns its own address, and what ends it, once all
// connections have ended.
func (f *File) Relay(ctx context.Context, to string) (address string, stop func(), err error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // it is closed
			}
			all.Go(func() { f.carry(ctx, conn, to) })
		}
	})
	return listener.Addr().String(), func() {
		_ = listener.Close() // nothing comes of it
		all.Wait()
	}, nil
}

// carry carries one connection.
func (f *File) carry(ctx context.Context, near net.Conn, to string) {
	defer near.Close() //nolint:errcheck // it has ended
	far, err := new(net.Dialer).DialContext(ctx, "tcp", to)
	if err != nil {
		return // whoever called finds it closed
	}
	defer far.Close() //nolint:errcheck // likewise
	s := newStream(f, near.RemoteAddr(), far.RemoteAddr())
	var both sync.WaitGroup
	both.Go(func() { s.pass(far, near, s.client) })
	both.Go(func() { s.pass(near, far, s.server) })
	both.Wait()
}

// stream makes frames of what either end of a connection says.
type stream struct {
	file           *File
	mu             sync.Mutex
	client, server *end
}

// end is one end of a connection.
type end struct {
	mac  net.HardwareAddr
	ip   net.IP
	port layers.TCPPort
	next uint32 // sequence number
	peer *end
}

// window is that of every segment; nothing goes by it.
const window = 65535

func newStream(f *File, client, server net.Addr) *stream {
	s := &stream{file: f, client: endOf(client, 1), server: endOf(server, 2)}
	s.client.peer, s.server.peer = s.server, s.client
	s.segment(s.client, func(t *layers.TCP) { t.SYN = true }, nil)
	s.segment(s.server, func(t *layers.TCP) { t.SYN, t.ACK = true, true }, nil)
	s.segment(s.client, func(t *layers.TCP) { t.ACK = true }, nil)
	return s
}

func endOf(a net.Addr, last byte) *end {
	e := &end{mac: net.HardwareAddr{2, 0, 0, 0, 0, last}, ip: net.IPv4(127, 0, 0, 1).To4(), next: uint32(last) * 1000}
	if tcp, ok := a.(*net.TCPAddr); ok {
		e.port = layers.TCPPort(tcp.Port) //nolint:gosec // a port
		if ip := tcp.IP.To4(); ip != nil {
			e.ip = ip
		}
	}
	return e
}

// maxSegment is the most of a frame's payload, in bytes.
const maxSegment = 1400

// pass carries what one end says to the other.
func (s *stream) pass(to, from net.Conn, of *end) {
	part := make([]byte, maxSegment)
	for {
		n, err := from.Read(part)
		if n > 0 {
			s.segment(of, func(t *layers.TCP) { t.PSH, t.ACK = true, true }, part[:n])
			if _, err := to.Write(part[:n]); err != nil {
				return // the other end has gone
			}
		}
		if err == nil {
			continue
		}
		if errors.Is(err, io.EOF) {
			s.segment(of, func(t *layers.TCP) { t.FIN, t.ACK = true, true }, nil)
		} else {
			s.segment(of, func(t *layers.TCP) { t.RST = true }, nil)
		}
		if tcp, ok := to.(*net.TCPConn); ok {
			_ = tcp.CloseWrite() // the other end may have gone
		}
		return
	}
}

// segment adds one segment of an end's.
func (s *stream) segment(from *end, set func(*layers.TCP), payload []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	tcp := &layers.TCP{
		SrcPort: from.port, DstPort: from.peer.port, Seq: from.next, Ack: from.peer.next, Window: window,
	}
	set(tcp)
	ip := &layers.IPv4{
		Version: 4, TTL: 64, Protocol: layers.IPProtocolTCP, SrcIP: from.ip, DstIP: from.peer.ip,
	}
	ethernet := &layers.Ethernet{
		SrcMAC: from.mac, DstMAC: from.peer.mac, EthernetType: layers.EthernetTypeIPv4,
	}
	_ = tcp.SetNetworkLayerForChecksum(ip) // it is one
	buffer := gopacket.NewSerializeBuffer()
	options := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	if err := gopacket.SerializeLayers(buffer, options, ethernet, ip, tcp, gopacket.Payload(payload)); err != nil {
		return // of layers that are always the same
	}
	s.file.Frame(time.Now(), buffer.Bytes())
	from.next += uint32(len(payload)) //nolint:gosec // at most maxSegment
	if tcp.SYN || tcp.FIN {
		from.next++
	}
}
