package client

import (
	"slices"
	"time"

	"github.com/karez/karez/wire"
)

// loop is what run owns: the connection and all that hangs on it. Nothing else
// touches it; the methods of Client that are called by run alone say so by
// standing in run.go, connect.go, frame.go, request.go and follower.go.
type loop struct {
	link    *link // the connection, or the one that is tried
	next    *link // a WebSocket that is tried beside an event stream
	out     []outgoing
	lastID  uint64
	pending map[uint64]*request
	follows map[uint64]sentFollow // unanswered, on this link
	logs    map[uint32]log        // what a number of this link stands for
	fs      map[place]*follower
	asked   map[uint64]*seat // as follows
	seats   map[string]*seat // by channel
	timers  []*timer
	watch   *timer // the watchdog
	bye     *wire.Frame

	token    string // in use; "": ask for one
	refused  string // the last one that the server did not take
	try      uint64 // grows with every try at a connection: what is late for an earlier one is dropped
	attempt  int    // tries since the last connection that lasted
	blocked  int    // WebSockets in a row that did not open
	heard    time.Time
	openedAt time.Time
	upgrade  time.Duration // to the next try with a WebSocket
	restream bool          // what an event stream follows has changed
}

// outgoing is a command that waits for the link to take it.
type outgoing struct {
	command *wire.Command
	request *request // nil: a follow or the like
}

// maxSignals bounds the signals that wait for the link; they are dropped past it.
const maxSignals = 64

func newLoop() loop {
	return loop{
		pending: make(map[uint64]*request), follows: make(map[uint64]sentFollow), logs: make(map[uint32]log),
		fs: make(map[place]*follower), asked: make(map[uint64]*seat), seats: make(map[string]*seat), upgrade: firstTry,
	}
}

// run owns the connection until Close. It never waits for the network nor for
// a reader: links have goroutines of their own, and readers have queues.
func (c *Client) run() {
	defer close(c.done)
	clock := time.NewTimer(time.Hour)
	defer clock.Stop()
	var set time.Time // what clock is set to
	for {
		if c.loop.restream {
			c.refollowStream()
		}
		if t := c.nextTimer(); !t.Equal(set) {
			set = t
			clock.Reset(time.Until(t))
		}
		in, nextIn := c.loop.link.messages(), c.loop.next.messages()
		out, first := c.nextOut()
		select {
		case <-c.ctx.Done():
			c.end(errClosed)
			return
		case f := <-c.calls:
			f()
		case m := <-in:
			c.message(m)
		case m := <-nextIn:
			c.candidate(m)
		case out <- first:
			c.sent()
		case <-clock.C:
			set = time.Time{}
			c.expire()
		}
	}
}

// A timer calls f in run.
type timer struct {
	at   time.Time
	f    func()
	link bool // ends with the link
}

// after calls f in run when d has passed, unless stopTimer is called.
func (c *Client) after(d time.Duration, f func()) *timer {
	t := &timer{at: time.Now().Add(d), f: f}
	c.loop.timers = append(c.loop.timers, t)
	return t
}

// onLink is after, while the link is the same.
func (c *Client) onLink(d time.Duration, f func()) *timer {
	t := c.after(d, f)
	t.link = true
	return t
}

func (c *Client) stopTimer(t *timer) {
	c.loop.timers = slices.DeleteFunc(c.loop.timers, func(o *timer) bool { return o == t })
}

// nextTimer returns when the first timer is due.
func (c *Client) nextTimer() time.Time {
	first := time.Now().Add(time.Hour).Truncate(time.Hour)
	for _, t := range c.loop.timers {
		if t.at.Before(first) {
			first = t.at
		}
	}
	return first
}

func (c *Client) expire() {
	now := time.Now()
	for _, t := range slices.Clone(c.loop.timers) {
		if t.at.After(now) || !slices.Contains(c.loop.timers, t) {
			continue
		}
		c.stopTimer(t)
		t.f()
	}
}

// --- what waits for the link ---

func (c *Client) nextOut() (chan<- *wire.Command, *wire.Command) {
	if c.loop.link == nil || len(c.loop.out) == 0 {
		return nil, nil
	}
	return c.loop.link.out, c.loop.out[0].command
}

// sent is called when the link has taken the first command.
func (c *Client) sent() {
	o := c.loop.out[0]
	c.loop.out[0] = outgoing{}
	c.loop.out = c.loop.out[1:]
	if o.request != nil {
		o.request.queued, o.request.sent = false, true
	}
}

func (c *Client) send(o outgoing) { c.loop.out = append(c.loop.out, o) }

// isOpen reports whether commands can be sent.
func (c *Client) isOpen() bool { return c.loop.link != nil && c.loop.link.open }

func (c *Client) nextID() uint64 {
	c.loop.lastID++
	return c.loop.lastID
}

// end ends everything for good, because of e.
func (c *Client) end(e *wire.Error) {
	c.cut()
	c.loop.timers = nil
	for _, f := range c.loop.fs {
		f.q.end(e)
	}
	clear(c.loop.fs)
	for _, s := range c.loop.seats {
		s.fail(e)
	}
	for _, r := range c.loop.pending {
		c.settle(r, nil, e)
	}
	s := Status{State: Closed}
	if e != errClosed {
		s.Err = e
	}
	c.set(s)
}

// ended returns why the client has ended for good, or nil.
func (c *Client) ended() *wire.Error {
	s := c.Status()
	if s.State != Closed {
		return nil
	}
	if s.Err != nil {
		return s.Err
	}
	return errClosed
}
