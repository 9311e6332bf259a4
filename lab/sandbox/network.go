package sandbox

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
)

// Labs take their subnets from the range that RFC 2544 sets aside for
// benchmarks, which no network of anybody's should use, so that an engine's
// own address pools are left alone: they hold about thirty networks.
var labRange = netip.MustParsePrefix("198.18.0.0/15")

// subnetBits makes subnets of 64 addresses: 61 peers, the bridge, and the two
// that no one may use.
const subnetBits = 26

// Network is the network of one lab in an engine.
type Network struct {
	Name     string `json:"name"`
	Subnet   string `json:"subnet"`
	Internal bool   `json:"internal"` // as the engine says it, not as it was asked
	id       string
}

// gateway is where the engine's host would be in the network, if it were.
func (n *Network) gateway() string {
	prefix, err := netip.ParsePrefix(n.Subnet)
	if err != nil {
		return ""
	}
	return net.JoinHostPort(prefix.Addr().Next().String(), hostPort)
}

// bridge is the interface of the network on the engine's host, as Docker names it.
func (n *Network) bridge() string {
	const digits = 12
	return "br-" + n.id[:min(digits, len(n.id))]
}

// subnet returns the n-th subnet of the range, counted round.
func subnet(n uint32) netip.Prefix {
	size := uint32(1) << (32 - subnetBits)
	n %= uint32(1) << (subnetBits - labRange.Bits())
	first := labRange.Addr().As4()
	address := [4]byte{}
	binary.BigEndian.PutUint32(address[:], binary.BigEndian.Uint32(first[:])+n*size)
	return netip.PrefixFrom(netip.AddrFrom4(address), subnetBits)
}

// noGateway keeps the host from having an address in the network: at that of the
// gateway, which even an internal network has, every service of the host would answer.
var noGateway = map[string]string{"com.docker.network.bridge.inhibit_ipv4": "true"}

// createNetwork makes an internal network in a subnet that is free. Which are
// free changes as other labs come and go, so it tries one, and another if the
// engine will not have it.
func (e *Engine) createNetwork(ctx context.Context, name string, labels map[string]string) (*Network, error) {
	const most = 20
	for tries := 1; ; tries++ {
		prefix := subnet(rand.Uint32()) //nolint:gosec // no secret, only a place to begin
		_, err := e.NetworkCreate(ctx, name, client.NetworkCreateOptions{
			Driver:   "bridge",
			Internal: true,
			Options:  noGateway,
			Labels:   labels,
			IPAM:     &network.IPAM{Config: []network.IPAMConfig{{Subnet: prefix}}},
		})
		if err == nil {
			return e.inspectNetwork(ctx, name, prefix)
		}
		// A subnet that is taken is forbidden, or invalid, as engines differ.
		taken := errdefs.IsPermissionDenied(err) || errdefs.IsInvalidArgument(err) || errdefs.IsConflict(err)
		if !taken || tries == most {
			return nil, fmt.Errorf("creating network %s in %s: %w", name, prefix, err)
		}
	}
}

func (e *Engine) inspectNetwork(ctx context.Context, name string, prefix netip.Prefix) (*Network, error) {
	made, err := e.NetworkInspect(ctx, name, client.NetworkInspectOptions{})
	if err != nil {
		return nil, fmt.Errorf("inspecting network %s: %w", name, err)
	}
	if !made.Network.Internal {
		return nil, fmt.Errorf("network %s: the engine made it, but not internal", name)
	}
	return &Network{Name: name, Subnet: prefix.String(), Internal: true, id: made.Network.ID}, nil
}
