package engineio

import (
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/karez/karez/internal/socket"
)

// A Handler is what stands above one session.
type Handler interface {
	// Message is called for each message, one at a time. Text is valid UTF-8.
	// p is valid only during the call. While it runs nothing more is read
	// from this client.
	Message(p []byte, binary bool)
	// Writable is called after TryWrite has answered ErrFull and the client
	// has taken what was kept. It must not block.
	Writable()
	// Closed is called once. It may run while a Message still does.
	Closed(err error)
}

// A Message is one message to send. Data is shared and kept for a while: it
// must not be changed.
type Message struct {
	Data   []byte
	Binary bool
}

// A Request is the one that began a session.
type Request struct {
	Header http.Header
	URL    *url.URL
	Remote string
	TLS    bool
	At     time.Time
}

// A Conn is one session. Its methods may be called concurrently.
type Conn struct {
	s       *Server // set once, as all of this group
	id      string
	request Request

	in sync.Mutex // held while a message is handled: a client may send on two connections

	mu      sync.Mutex // guards all below
	h       Handler
	ws      *socket.Conn  // nil while the client polls
	peer    *wsPeer       // above ws, or one that is about to take over
	probed  bool          // peer has been answered: polls must end
	pending []packet      // for the next poll
	size    int           // of pending, as a payload holds it
	want    bool          // TryWrite answered ErrFull
	poll    chan struct{} // of a poll that waits, capacity 1; nil: there is none
	came    chan struct{} // closed when a poll comes; nil: nobody waits for it
	posting bool
	busy    int // handlers of messages at work: the client is alive
	pingAt  time.Time
	pinged  bool
	closed  bool
	last    packetType // what a waiting poll is told when closed
}

// ID names the session.
func (c *Conn) ID() string { return c.id }

// Request returns the request that began the session.
func (c *Conn) Request() *Request { return &c.request }

// Polling reports whether the client is not on a WebSocket (yet).
func (c *Conn) Polling() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ws == nil
}

func (c *Conn) setHandler(h Handler) {
	c.mu.Lock()
	c.h = h
	closed := c.closed
	c.mu.Unlock()
	if closed {
		h.Closed(ErrServerClosed)
	}
}

// TryWrite sends messages without waiting: all of them or none.
func (c *Conn) TryWrite(ms ...Message) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ErrClosed
	}
	if c.ws != nil {
		return c.writeWS(ms)
	}
	if c.size >= c.s.opts.PollBytes {
		c.want = true
		return ErrFull
	}
	for _, m := range ms {
		p := packet{typeMessage, m.Data}
		if m.Binary {
			p.typ = typeBinary
		}
		c.keep(p)
	}
	c.wakePoll()
	return nil
}

// keep adds p to what the next poll brings. c.mu is held.
func (c *Conn) keep(p packet) {
	c.pending = append(c.pending, p)
	c.size += p.size()
}

// wakePoll tells a waiting poll to look. c.mu is held.
func (c *Conn) wakePoll() {
	if c.poll == nil {
		return
	}
	select {
	case c.poll <- struct{}{}:
	default:
	}
}

// Close ends the session. The client may come back with a new one.
func (c *Conn) Close(why error) { c.end(why, typeClose) }

func (c *Conn) end(why error, last packetType) {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return
	}
	c.closed, c.last = true, last
	h, ws := c.h, c.ws
	var trying *socket.Conn
	if c.peer != nil {
		trying = c.peer.sock // nil while its handshake is under way
	}
	c.wakePoll()
	c.mu.Unlock()
	c.s.remove(c)
	if ws == nil && trying != nil {
		trying.Close(socket.CodeNormal, "")
	}
	if ws != nil {
		ws.Close(closeCode(why), "")
	}
	if h != nil {
		h.Closed(why)
	}
}

func closeCode(why error) int {
	switch why {
	case ErrServerClosed:
		return socket.CodeGoingAway
	case ErrBadPacket:
		return socket.CodePolicy
	}
	return socket.CodeNormal
}

// receive hands one packet from the client on.
func (c *Conn) receive(p packet) error {
	c.mu.Lock()
	h := c.h
	if c.closed || h == nil {
		c.mu.Unlock()
		return ErrClosed
	}
	switch p.typ {
	case typePong:
		c.pinged = false
		c.pingAt = time.Now().Add(c.s.opts.PingInterval)
		c.mu.Unlock()
	case typeMessage, typeBinary:
		c.busy++
		c.mu.Unlock()
		c.in.Lock()
		h.Message(p.data, p.typ == typeBinary)
		c.in.Unlock()
		c.mu.Lock()
		if c.busy--; c.pinged { // its answer may have waited behind the message
			c.pingAt = time.Now().Add(-c.s.opts.PingInterval / 8)
		}
		c.mu.Unlock()
	case typeClose:
		c.mu.Unlock()
		c.awaitPoll()
		c.end(ErrClientClose, typeNoop)
	case typeUpgrade, typeNoop:
		c.mu.Unlock()
	default: // open and ping are the server's to send
		c.mu.Unlock()
		return ErrBadPacket
	}
	return nil
}
