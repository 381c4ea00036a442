package socket

import "time"

const (
	// sweepSlots spreads the connections over PingEvery: each slot is pinged
	// at its own moment.
	sweepSlots = 60
	// sweepLooks is how often in PingEvery a connection is looked at.
	sweepLooks = 4
)

// sweep pings and looks after all connections of the group, so that none needs
// a timer of its own.
func (g *Group) sweep() {
	t := time.NewTicker(max(g.opts.PingEvery/sweepSlots, time.Millisecond))
	defer t.Stop()
	var cs []*Conn
	for i := 0; ; i = (i + 1) % sweepSlots {
		select {
		case <-g.stop:
			return
		case <-t.C:
		}
		now := g.now()
		for k := range sweepLooks {
			cs = g.slotted(cs[:0], (i+k*sweepSlots/sweepLooks)%sweepSlots)
			for _, c := range cs {
				if c.look(now) && k == 0 {
					c.ping()
				}
			}
			clear(cs)
		}
	}
}

func (g *Group) slotted(cs []*Conn, i int) []*Conn {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append(cs, g.slots[i]...)
}

// look ends c if it is silent or takes too long over a message, and else
// returns true.
func (c *Conn) look(now int64) bool {
	if began := c.started.Load(); began != 0 && c.g.late(began, now) {
		late := c.g.slow()
		c.Close(late.Code, late.Reason)
		return false
	}
	silent := time.Duration(now - c.seen.Load())
	if silent > c.g.opts.DeadAfter/2 && c.hears() {
		c.seen.Store(now)
		return true
	}
	if silent < c.g.opts.DeadAfter {
		return true
	}
	c.kill(ErrSilent)
	return false
}

// hears reports whether a peer that says nothing has acknowledged some of what
// waits for it since the last look: a slow line, on which the answer to a ping
// comes behind minutes of text. Bytes that do not have to wait prove nothing,
// for the machine of a dead program acknowledges them too.
func (c *Conn) hears() bool {
	n, waiting := c.out.valve.acked()
	more := c.heard != 0 && n > c.heard
	c.heard = n
	return waiting && more
}

// late reports whether a message that began then takes too long.
func (g *Group) late(began, now int64) bool { return time.Duration(now-began) > g.opts.MessageTime }

func (g *Group) slow() *CloseError {
	return violation(CodePolicy, "a message took longer than %v", g.opts.MessageTime)
}
