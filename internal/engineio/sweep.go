package engineio

import (
	"time"

	"github.com/karez/karez/internal/socket"
)

// The sweep looks at every session so often within the shorter of the ping's
// interval and timeout, within these bounds.
const (
	sweepLooks = 20
	sweepLeast = 10 * time.Millisecond
	sweepMost  = time.Second
)

// sweep pings sessions and ends those that do not answer. A timer for each
// would cost more than the sessions do.
func (s *Server) sweep() {
	every := min(s.opts.PingInterval, s.opts.PingTimeout) / sweepLooks
	tick := time.NewTicker(min(max(every, sweepLeast), sweepMost))
	defer tick.Stop()
	var conns []*Conn
	for {
		select {
		case <-s.stop:
			return
		case now := <-tick.C:
			conns = s.all(conns[:0])
			for _, c := range conns {
				if c.expired(now) {
					c.Close(ErrPingTimeout)
				} else {
					c.ping(now)
				}
			}
			clear(conns)
		}
	}
}

// expired reports whether the client has not answered a ping in time, reckoned
// from when the ping was due. A client whose message is still being handled
// has said something.
func (c *Conn) expired(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.closed && c.busy == 0 && !now.Before(c.pingAt.Add(c.s.opts.PingTimeout))
}

// ping sends a ping that is due. A WebSocket that is full hears something
// anyway; its ping goes out when it has room, see wsPeer.Writable.
func (c *Conn) ping(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.pinged || now.Before(c.pingAt) || c.h == nil {
		return
	}
	c.pinged = true
	if c.ws == nil {
		c.keep(packet{typ: typePing})
		c.wakePoll()
		return
	}
	if c.ws.TryWrite(socket.Frame{Body: []byte{byte(typePing)}}) != nil {
		c.pinged, c.pingAt = false, now // the socket's own pings mind it meanwhile
	}
}
