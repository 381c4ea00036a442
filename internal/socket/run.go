package socket

import (
	"errors"
	"io"
	"sync"
	"time"
)

const (
	idleRead = 512      // buffer of a connection that waits
	busyRead = 16 << 10 // buffer of one that sends much, lent by a pool
	busyFrom = 4 << 10  // bytes of the message under way that earn it: who says much and sends little never has it
	// maxDrain bounds what is read and thrown away after a violation, so
	// that the peer sees the close frame and not a reset.
	maxDrain = 4 << 20
)

var busyBuffers = sync.Pool{New: func() any { return new([busyRead]byte) }}

// run reads until the connection ends, and ends it.
func (c *Conn) run(h Handler) {
	err := c.read(h)
	var bad *CloseError
	if errors.As(err, &bad) { // a violation: the peer's own close frame is errBye
		c.mu.Lock()
		if !c.closing {
			c.cause = bad
			c.say(bad.Code, bad.Reason)
		}
		c.mu.Unlock()
	}
	h.Closed(c.end(err, bad != nil))
}

func (c *Conn) read(h Handler) error {
	if early := c.early; early != nil {
		c.early = nil
		if err := c.took(early, h); err != nil {
			return err
		}
	}
	small := make([]byte, idleRead)
	for {
		n, err := c.nc.Read(small)
		if n > 0 {
			if err := c.took(small[:n], h); err != nil {
				return err
			}
		}
		if err == nil && n == len(small) && len(c.in.msg) >= busyFrom {
			err = c.readBusy(h)
		}
		if err != nil {
			return err
		}
	}
}

// readBusy reads with a large buffer while reads bring much and more of a large
// message is to come.
func (c *Conn) readBusy(h Handler) error {
	buf := busyBuffers.Get().(*[busyRead]byte)
	defer busyBuffers.Put(buf)
	for least := idleRead; ; least = len(buf) / 4 {
		n, err := c.nc.Read(buf[:])
		if n > 0 {
			if err := c.took(buf[:n], h); err != nil {
				return err
			}
		}
		if err != nil || n < least || len(c.in.msg) < busyFrom {
			return err
		}
	}
}

// end lets the peer take what is still on its way, hangs up, and returns why.
// linger says that the peer may be sending still.
func (c *Conn) end(err error, linger bool) error {
	c.mu.Lock()
	if c.cause == nil {
		c.cause = err
	}
	c.closing = true
	cause, said := c.cause, c.said
	c.mu.Unlock()
	if said {
		c.out.wait()
	}
	if linger {
		c.nc.SetReadDeadline(time.Now().Add(closeTime))
		closeWrite(c.nc)
		io.CopyN(io.Discard, c.nc, maxDrain)
	}
	c.out.stop()
	c.nc.Close()
	c.out.wait()
	c.g.remove(c)
	return cause
}
