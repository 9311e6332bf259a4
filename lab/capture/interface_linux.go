package capture

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/gopacket/gopacket/pcapgo"
)

// recent is among how many frames one is looked for that came twice: on loopback each is seen as
// it leaves and as it comes.
const recent = 16

// Interface adds the frames of a network interface of this machine until ctx ends. It needs the
// right to read them, CAP_NET_RAW. The function that it returns waits until that has ended.
func (f *File) Interface(ctx context.Context, name string) (wait func(), err error) {
	handle, err := pcapgo.NewEthernetHandle(name)
	if err != nil {
		return nil, fmt.Errorf("frames of %s cannot be read: %w", name, err)
	}
	// A bridge is shown what it passes on only so.
	if err := handle.SetPromiscuous(true); err != nil {
		return nil, errors.Join(fmt.Errorf("frames of %s cannot be read: %w", name, err), handle.Close())
	}
	stop := context.AfterFunc(ctx, func() { _ = handle.Close() })
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer stop()
		var last [recent][]byte
		for i := 0; ; i++ {
			data, info, err := handle.ReadPacketData()
			if err != nil {
				return // it is closed
			}
			twice := false
			for _, earlier := range last {
				twice = twice || bytes.Equal(earlier, data)
			}
			if !twice {
				f.Frame(info.Timestamp, data)
			}
			last[i%recent] = data
		}
	}()
	return func() { <-done }, nil
}
