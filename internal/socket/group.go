package socket

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"time"
)

// Options of a Group. The zero value works.
type Options struct {
	// MaxMessage is the largest message a peer may send, in bytes, however
	// many frames it comes in; default 1 MiB. More is closed with 1009.
	MaxMessage int
	// MessageTime bounds how long one message may take from its first byte
	// to its last; default 30 s. Less cuts off honest uploads on bad lines;
	// more lets a peer hold a half-sent message for longer.
	MessageTime time.Duration
	// PingEvery is how often each connection is pinged; default 15 s, below
	// the idle limits of proxies on the way (60 s is common).
	PingEvery time.Duration
	// DeadAfter is how long a connection may be silent, default 60 s; the
	// answer to a ping is a sign of life, and so is progress in taking
	// bytes that wait. It is noticed up to a quarter of PingEvery later.
	DeadAfter time.Duration
	// SendBuffer sets the kernel's send buffer, in bytes; 0 leaves it to
	// the kernel, which gives fast readers more. Less makes TryWrite answer
	// ErrFull sooner.
	SendBuffer int
}

func (o Options) withDefaults() Options {
	if o.MaxMessage <= 0 {
		o.MaxMessage = 1 << 20
	}
	if o.MessageTime <= 0 {
		o.MessageTime = 30 * time.Second
	}
	if o.PingEvery <= 0 {
		o.PingEvery = 15 * time.Second
	}
	if o.DeadAfter <= 0 {
		o.DeadAfter = 60 * time.Second
	}
	return o
}

// A Group owns connections of one kind: it pings them, ends those that are
// silent, and waits for them when it is closed.
type Group struct {
	opts  Options   // set once, as all of this group
	start time.Time // 0 of the group's clock is a second before, so that no time is 0
	stop  chan struct{}
	wg    sync.WaitGroup // the sweep and each Conn

	mu     sync.Mutex // guards all below
	closed bool
	slots  [sweepSlots][]*Conn
	next   int // slot of the next connection
	n      int
}

// NewGroup returns a group. Close ends it.
func NewGroup(o Options) *Group {
	g := &Group{opts: o.withDefaults(), start: time.Now().Add(-time.Second), stop: make(chan struct{})}
	g.wg.Go(g.sweep)
	return g
}

// now is the group's clock, in nanoseconds.
func (g *Group) now() int64 { return int64(time.Since(g.start)) }

// Adopt takes over a connection whose handshake is done, protocol being the
// subprotocol that was chosen. Tests use it with net.Pipe. early is what was
// read already; it is changed. On an error nc is closed.
func (g *Group) Adopt(nc net.Conn, protocol string, early []byte) (*Conn, error) {
	c := &Conn{g: g, nc: nc, base: nc, protocol: protocol, early: early}
	c.in.max = g.opts.MaxMessage
	c.out.c = c
	below := innermost(nc)
	if t, ok := nc.(*tls.Conn); ok {
		below = innermost(t.NetConn())
		if _, ok := below.(*line); ok {
			c.tls = t
		} else {
			below = nil
		}
	}
	l, lined := below.(*line)
	if lined {
		below = l.Conn
	}
	if below != nil {
		c.base = below
		c.out.valve = valveFor(below)
	} else {
		c.out.valve = blocking{nc}
	}
	if sb, ok := c.base.(interface{ SetWriteBuffer(int) error }); ok && g.opts.SendBuffer > 0 {
		sb.SetWriteBuffer(g.opts.SendBuffer)
	}
	c.seen.Store(g.now())
	if err := g.add(c); err != nil {
		nc.Close()
		return nil, err
	}
	if lined {
		l.out.Store(&c.out)
	}
	return c, nil
}

func (g *Group) add(c *Conn) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return ErrGroupClosed
	}
	g.wg.Add(1)
	g.n++
	c.slot = g.next
	g.next = (g.next + 1) % sweepSlots
	c.index = len(g.slots[c.slot])
	g.slots[c.slot] = append(g.slots[c.slot], c)
	return nil
}

// remove takes c out; the first time counts.
func (g *Group) remove(c *Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c.index < 0 {
		return
	}
	s := g.slots[c.slot]
	last := s[len(s)-1]
	s[c.index], last.index = last, c.index
	s[len(s)-1] = nil
	g.slots[c.slot] = s[:len(s)-1]
	c.index = -1
	g.n--
	g.wg.Done()
}

// Close refuses new connections, closes all that there are with 1001, and
// returns when their handlers know. When ctx ends first it hangs up on those
// that remain, and returns ctx's error.
func (g *Group) Close(ctx context.Context) error {
	g.mu.Lock()
	if !g.closed {
		g.closed = true
		close(g.stop)
	}
	g.mu.Unlock()
	for _, c := range g.all() {
		c.Close(CodeGoingAway, "the server is going down")
	}
	done := make(chan struct{})
	go func() {
		g.wg.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	for _, c := range g.all() {
		c.kill(ctx.Err())
	}
	<-done
	return ctx.Err()
}

func (g *Group) all() []*Conn {
	g.mu.Lock()
	defer g.mu.Unlock()
	cs := make([]*Conn, 0, g.n)
	for _, s := range g.slots {
		cs = append(cs, s...)
	}
	return cs
}
