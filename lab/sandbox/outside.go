package sandbox

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/moby/moby/client"

	"github.com/mtlslab/mtlslab/lab/wire"
)

// What is outside of every sandbox: a root name server, by its address, and a name that
// every resolver of the world knows (RFC 2606, 3).
const (
	publicAddress = "198.41.0.4:53"
	publicName    = "example.com:443"
)

// hostPort is one at which nobody needs to listen: also a host that refuses a connection
// has been reached.
const hostPort = "1"

// maxOutside bounds how many addresses of a kind are tried.
const maxOutside = 8

// findOutside lists what no program in a sandbox may reach: the host by every address that
// it has, where it is the engine's too, the engine's own bridges, programs of other
// sandboxes, and the world.
func (e *Engine) findOutside(ctx context.Context, run string) ([]string, error) {
	bridges, err := e.bridges(ctx)
	if err != nil {
		return nil, err
	}
	others, err := e.others(ctx, run)
	if err != nil {
		return nil, err
	}
	var all []string
	if strings.HasPrefix(e.about.Host, "unix:") {
		all = append(all, ofThisHost()...)
	}
	seen := make(map[string]bool)
	var outside []string
	for _, address := range append(append(append(all, bridges...), others...), publicAddress, publicName) {
		if !seen[address] {
			seen[address] = true
			outside = append(outside, address)
		}
	}
	return outside, nil
}

// ofThisHost are the addresses of the machine, but for those that mean something else to
// everybody.
func ofThisHost() []string {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var all []string
	for _, address := range addresses {
		prefix, err := netip.ParsePrefix(address.String())
		if err != nil || len(all) == maxOutside {
			continue
		}
		ip := prefix.Addr()
		if !ip.IsLoopback() && !ip.IsLinkLocalUnicast() && !labRange.Contains(ip) {
			all = append(all, net.JoinHostPort(ip.String(), hostPort))
		}
	}
	return all
}

// builtIn are the networks that an engine makes itself, Docker and Podman. Not every engine
// has a filter for them.
var builtIn = []string{"bridge", "podman"}

// bridges are the addresses that the engine's host has in its own networks.
func (e *Engine) bridges(ctx context.Context) ([]string, error) {
	networks, err := e.NetworkList(ctx, client.NetworkListOptions{})
	if err != nil {
		return nil, fmt.Errorf("listing networks: %w", err)
	}
	var all []string
	for _, n := range networks.Items {
		if !slices.Contains(builtIn, n.Name) {
			continue
		}
		for _, config := range n.IPAM.Config {
			if config.Gateway.IsValid() {
				all = append(all, net.JoinHostPort(config.Gateway.String(), hostPort))
			}
		}
	}
	return all, nil
}

// others are the addresses of programs of other sandboxes that run.
func (e *Engine) others(ctx context.Context, run string) ([]string, error) {
	listed, err := e.ContainerList(ctx, client.ContainerListOptions{Filters: client.Filters{}.Add("label", labelRun)})
	if err != nil {
		return nil, fmt.Errorf("listing containers: %w", err)
	}
	var all []string
	for _, c := range listed.Items {
		if c.Labels[labelRun] == run || c.NetworkSettings == nil {
			continue
		}
		for _, endpoint := range c.NetworkSettings.Networks {
			if endpoint.IPAddress.IsValid() && len(all) < maxOutside {
				all = append(all, net.JoinHostPort(endpoint.IPAddress.String(), wire.DefaultPort))
			}
		}
	}
	return all, nil
}
