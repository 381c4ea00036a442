package socket

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gobwas/ws"
)

// closeTime bounds how long a closing connection waits for its peer, in each
// of two steps: to take what is still on its way, and to hang up.
const closeTime = time.Second

// A Handler is what stands above one connection.
type Handler interface {
	// Message is called for each whole message, one at a time. Text is valid
	// UTF-8. p is valid only during the call. It should return soon: while
	// it runs nothing more is read from this connection, and with a poller
	// from others neither.
	Message(p []byte, binary bool)
	// Writable is called once after TryWrite has answered ErrFull and the
	// socket has taken what was under way, or never will: TryWrite tells. It
	// may run beside Message, never beside itself, and must not block.
	Writable()
	// Closed is called last, once. err is a *CloseError after a close
	// handshake or a violation, ErrSilent, io.EOF or another error of the
	// network.
	Closed(err error)
}

// A Conn is one WebSocket connection. Its methods may be called concurrently.
type Conn struct {
	g        *Group   // set once, as all of this group
	nc       net.Conn // read from and closed
	base     net.Conn // carries the deadlines of writes: nc or what lies below its TLS
	tls      *tls.Conn
	protocol string
	out      out

	seen    atomic.Int64 // when the peer last sent anything, on g's clock
	started atomic.Int64 // when the message under way began; 0: none
	slot    int          // owned by g, guarded by its mutex, as index
	index   int
	heard   uint64 // bytes acknowledged when sweep last looked; owned by g's sweep

	mu      sync.Mutex // guards all of this group and the order of writes
	served  bool
	closing bool // nothing more is written or handed out
	said    bool // a close frame was written
	ended   bool // Close came before Serve
	cause   error

	in      parser // owned by run, as all below
	early   []byte // came with the handshake
	second  int64  // of g's clock, in which
	control int    // that many control frames came
}

// maxControl is how many control frames a peer may send in a second. A client
// needs one each ten seconds; test suites send dozens at once.
const maxControl = 100

// Subprotocol returns the subprotocol chosen in the handshake, or "".
func (c *Conn) Subprotocol() string { return c.protocol }

// LastSeen returns when bytes last came from the peer, or when it last
// acknowledged some that had been waiting.
func (c *Conn) LastSeen() time.Time { return c.g.start.Add(time.Duration(c.seen.Load())) }

// Serve hands what comes from now on to h. It is called once, soon after
// Upgrade, and returns at once. If Close came before it, h.Closed is called
// before it returns.
func (c *Conn) Serve(h Handler) {
	c.mu.Lock()
	if c.served {
		c.mu.Unlock()
		panic("socket: Serve called twice")
	}
	c.served = true
	ended, why := c.ended, c.cause
	c.mu.Unlock()
	if ended {
		h.Closed(why)
		return
	}
	c.out.serve(h)
	go c.run(h)
}

// TryWrite sends frames without ever waiting, in one system call if it can: all
// of them or none. ErrFull: an earlier write has not been taken whole by the
// socket; Writable follows. ErrClosed: the connection is closing or closed. What
// the socket does not take at once is copied and written when it can: at most
// the bytes of this call.
func (c *Conn) TryWrite(frames ...Frame) error {
	c.mu.Lock()
	if c.closing {
		c.mu.Unlock()
		return ErrClosed
	}
	if c.out.full(true) {
		c.mu.Unlock()
		return ErrFull
	}
	err := c.write(frames)
	c.mu.Unlock()
	if err != nil {
		c.kill(fmt.Errorf("write: %w", err))
		return ErrClosed
	}
	return nil
}

// write is called with mu held: frames of two calls must not mix.
func (c *Conn) write(frames []Frame) error {
	b := newBatch()
	defer b.free()
	b.pack(frames)
	return c.send(b.iov)
}

// send writes whole frames, with mu held.
func (c *Conn) send(iov [][]byte) error {
	if c.tls == nil {
		return c.out.put(iov)
	}
	b := newBatch()
	defer b.free()
	c.out.begin(b)
	for _, p := range iov {
		if len(p) == 0 {
			continue
		}
		if _, err := c.tls.Write(p); err != nil {
			c.out.end()
			return err
		}
	}
	return c.out.end()
}

// Close sends a close frame with code (0: none) and reason, of which about 120
// bytes fit, and returns at once. Nothing can be written after it and no more
// messages are handed out. The connection ends when the peer answers, after a
// second at the latest. Only the first call counts. Before Serve, Close itself
// takes that second if the peer does not read.
func (c *Conn) Close(code int, reason string) {
	c.mu.Lock()
	if c.closing {
		c.mu.Unlock()
		return
	}
	c.cause = &CloseError{Code: code, Reason: reason}
	c.say(code, reason)
	c.ended = !c.served
	ended := c.ended
	c.mu.Unlock()
	if ended {
		c.end(nil, false)
		return
	}
	c.nc.SetReadDeadline(time.Now().Add(closeTime))
}

// say writes the last frame, with mu held. Its loss is no error: the peer is
// gone.
func (c *Conn) say(code int, reason string) {
	c.closing, c.said = true, true
	c.base.SetWriteDeadline(time.Now().Add(closeTime))
	c.send([][]byte{closeFrame(code, reason)})
}

// kill ends the connection without a word. Whoever reads or waits for room is
// woken, and run does the rest.
func (c *Conn) kill(why error) {
	c.mu.Lock()
	if c.cause == nil {
		c.cause = why
	}
	c.closing = true
	c.mu.Unlock()
	past := time.Unix(1, 0)
	c.nc.SetReadDeadline(past)
	c.base.SetWriteDeadline(past)
}

// ping asks the peer for a sign of life, unless bytes wait for it already.
func (c *Conn) ping() {
	c.mu.Lock()
	var err error
	if !c.closing && !c.out.full(false) {
		err = c.send([][]byte{ws.CompiledPing})
	}
	c.mu.Unlock()
	if err != nil {
		c.kill(fmt.Errorf("write: %w", err))
	}
}

// pong answers a ping. If the peer does not read, only its latest ping is
// answered, when it does (RFC 6455, 5.5.3).
func (c *Conn) pong(p []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closing && !c.out.postpone(p) {
		c.send([][]byte{controlFrame(ws.OpPong, p)}) // an error shows in the next read
	}
}

// latePong sends the answer that waited.
func (c *Conn) latePong() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p := c.out.postponed(); p != nil && !c.closing {
		c.send([][]byte{controlFrame(ws.OpPong, p)})
	}
}

// errBye ends a read when the peer has sent its close frame.
var errBye = errors.New("close frame received")

// took handles bytes that came from the peer; it may change them.
func (c *Conn) took(p []byte, h Handler) error {
	now := c.g.now()
	c.seen.Store(now)
	for len(p) > 0 {
		it, n, err := c.in.next(p)
		if err != nil {
			return err
		}
		p = p[n:]
		switch it.op {
		case 0:
		case ws.OpText, ws.OpBinary:
			c.started.Store(0)
			if !c.isClosing() {
				h.Message(it.p, it.op == ws.OpBinary)
			}
		default:
			if err := c.steer(it, now); err != nil {
				return err
			}
		}
	}
	switch began := c.started.Load(); {
	case !c.in.mid():
		c.started.Store(0)
	case began == 0:
		c.started.Store(now)
	case c.g.late(began, now):
		return c.g.slow()
	}
	return nil
}

// steer handles a control frame.
func (c *Conn) steer(it item, now int64) error {
	if s := now / int64(time.Second); s != c.second {
		c.second, c.control = s, 0
	}
	if c.control++; c.control > maxControl {
		return violation(CodePolicy, "more than %d control frames in a second", maxControl)
	}
	switch it.op {
	case ws.OpPing:
		c.pong(it.p)
	case ws.OpClose:
		code, reason, err := parseClose(it.p)
		if err != nil {
			return err
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if !c.closing {
			c.cause = &CloseError{Code: code, Reason: reason, Peer: true}
			c.say(code, "")
		}
		return errBye
	}
	return nil
}

func (c *Conn) isClosing() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closing
}
