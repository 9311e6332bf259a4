package sandbox

import (
	"net/netip"
	"testing"
)

// TestSubnets shows that the subnets fill their range and never overlap.
func TestSubnets(t *testing.T) {
	t.Parallel()
	const all = 1 << (subnetBits - 15)
	seen := make(map[netip.Prefix]bool)
	for n := range uint32(all) {
		p := subnet(n)
		if p.Masked() != p || !labRange.Contains(p.Addr()) || seen[p] {
			t.Fatalf("subnet %d is %s", n, p)
		}
		seen[p] = true
	}
	if subnet(all) != subnet(0) {
		t.Errorf("subnet %d is %s, want it to start over", all, subnet(all))
	}
}
