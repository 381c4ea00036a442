package socket

import "net"

// A valve is how bytes leave: what the reactor, the goroutine mode and a test
// each do their own way. write and drain are never called at the same time.
type valve interface {
	// write takes what the socket has room for at this moment and returns
	// how many bytes that was; it never waits. Fewer than all: the socket is
	// full. It may change the slice bufs, not the bytes.
	write(bufs [][]byte) (int, error)
	// drain writes what next returns until that is empty, and waits for
	// room meanwhile. next is told how much of its last answer was taken.
	drain(next func(n int) []byte) error
	// acked tells how many bytes the peer's machine has acknowledged so far
	// and whether more are on their way; 0, false where nobody knows.
	acked() (n uint64, waiting bool)
}

// A blocking valve serves a net.Conn that has no descriptor, or none that this
// platform can write to without waiting: it takes nothing at once.
type blocking struct{ nc net.Conn }

func (b blocking) write([][]byte) (int, error) { return 0, nil }

func (b blocking) drain(next func(n int) []byte) error {
	for p := next(0); len(p) > 0; {
		n, err := b.nc.Write(p)
		if err != nil {
			return err
		}
		p = next(n)
	}
	return nil
}

func (b blocking) acked() (uint64, bool) { return 0, false }
