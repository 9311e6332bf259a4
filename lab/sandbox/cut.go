package sandbox

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
)

// separable has a container that can be taken from the lab's network, and put back where it was.
func (c *Isolated) separable(p *Process, with container) {
	name := c.about.Network.Name
	var address netip.Addr
	p.cut = func(ctx context.Context) error {
		at, err := c.addressOf(ctx, p.id)
		if err != nil {
			return err
		}
		if address, err = netip.ParseAddr(at); err != nil {
			return err
		}
		if _, err = c.engine.NetworkDisconnect(
			ctx, name, client.NetworkDisconnectOptions{Container: p.id, Force: true},
		); err != nil {
			return fmt.Errorf("cutting the network of %s: %w", with.hostname, err)
		}
		return nil
	}
	p.join = func(ctx context.Context) error {
		aliases := []string{with.hostname}
		if with.alias != "" {
			aliases = append(aliases, with.alias)
		}
		_, err := c.engine.NetworkConnect(ctx, name, client.NetworkConnectOptions{
			Container: p.id,
			EndpointConfig: &network.EndpointSettings{
				Aliases: aliases, IPAMConfig: &network.EndpointIPAMConfig{IPv4Address: address},
			},
		})
		if err != nil {
			return fmt.Errorf("joining %s to the network again: %w", with.hostname, err)
		}
		return nil
	}
}
