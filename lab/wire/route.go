package wire

import (
	"context"
	"net"
)

// RouteOut reports whether this machine knows a way to addresses outside its
// own networks. It sends nothing: connecting a UDP socket only asks the kernel
// for a route. The addresses are set aside for documentation (RFC 5737 and
// RFC 3849), so nobody is there.
func RouteOut() bool {
	for _, address := range []string{"192.0.2.1:9", "[2001:db8::1]:9"} {
		conn, err := new(net.Dialer).DialContext(context.Background(), "udp", address)
		if err == nil {
			_ = conn.Close()
			return true
		}
	}
	return false
}
