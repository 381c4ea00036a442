package socketio

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/karez/karez/internal/engineio"
)

var (
	errSlow   = fmt.Errorf("%w: %w", engineio.ErrClientClose, ErrFull)
	errServer = errors.New(ReasonServer)
)

// Bounds of what waits for a client's handlers; beyond them nothing more is
// read from it.
const maxInbox = 1024 // packets; and Options.MaxPayload bytes

// A client is one connection, with a socket in each of its namespaces.
type client struct {
	s    *Server // set once
	conn *engineio.Conn

	dec decoder // owned by Message

	mu      sync.Mutex // guards all below
	par     parser     // set by the first packet
	sockets map[string]*Socket
	was     bool // has been in a namespace

	inbox  []*received
	bytes  int        // of inbox
	room   *sync.Cond // inbox has shrunk
	works  bool       // work runs
	closed bool
	reason string

	queue  []engineio.Message // the connection has not taken
	queued int                // bytes
	wants  map[*Socket]bool   // TryEmit answered ErrFull
}

func newClient(s *Server, conn *engineio.Conn) *client {
	c := &client{s: s, conn: conn, sockets: make(map[string]*Socket, 1)}
	c.room = sync.NewCond(&c.mu)
	return c
}

func (c *client) parser() parser {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.par == nil {
		return jsonParser{}
	}
	return c.par
}

// Message is part of engineio.Handler. Acknowledgements go at once to who
// waits for them, perhaps a handler; the rest goes to the handlers' goroutine.
func (c *client) Message(p []byte, binary bool) {
	if c.dec == nil {
		par := parser(jsonParser{})
		if binary {
			par = msgpackParser{}
		}
		c.dec = par.decoder(c.s.opts.MaxAttachments)
		c.mu.Lock()
		c.par = par
		c.mu.Unlock()
	}
	r, err := c.dec.add(p, binary)
	if err == nil && r != nil {
		err = c.take(r)
	}
	if err != nil {
		c.s.opts.Log.Debug("receive packet", "err", err)
		c.conn.Close(engineio.ErrBadPacket)
	}
}

func (c *client) take(r *received) error {
	c.mu.Lock()
	if r.typ == typeAck {
		s := c.sockets[r.nsp]
		c.mu.Unlock()
		if s != nil {
			s.acked(r.id, r.args)
		}
		return nil
	}
	defer c.mu.Unlock()
	if r.typ != typeConnect && !c.was {
		return fmt.Errorf("%w: the first packet must be CONNECT", ErrPacket)
	}
	c.was = true
	for !c.closed && len(c.inbox) > 0 && (len(c.inbox) >= maxInbox || c.bytes+r.size > c.s.opts.MaxPayload) {
		c.room.Wait()
	}
	if c.closed {
		return nil
	}
	c.inbox, c.bytes = append(c.inbox, r), c.bytes+r.size
	c.start()
	return nil
}

// start lets work run, unless it does. c.mu is held.
func (c *client) start() {
	if !c.works {
		c.works = true
		c.s.spawn(c.work)
	}
}

// work runs the handlers of what has come, then of the end.
func (c *client) work() {
	for {
		c.mu.Lock()
		if len(c.inbox) > 0 {
			r := c.inbox[0]
			c.inbox[0] = nil
			c.inbox, c.bytes = c.inbox[1:], c.bytes-r.size
			c.room.Signal()
			c.mu.Unlock()
			c.handle(r)
			continue
		}
		if !c.closed || len(c.sockets) == 0 {
			c.inbox, c.works = nil, false
			c.mu.Unlock()
			return
		}
		var all []*Socket
		for _, s := range c.sockets {
			all = append(all, s)
		}
		reason := c.reason
		c.mu.Unlock()
		for _, s := range all {
			c.guard(func() { c.leave(s, reason) })
		}
	}
}

// guard runs a handler; one that panics costs its client the connection, as
// with net/http.
func (c *client) guard(f func()) {
	defer func() {
		if v := recover(); v != nil {
			c.s.opts.Log.Error("handler panicked", "panic", v, "stack", string(debug.Stack()))
			c.conn.Close(errServer)
		}
	}()
	f()
}

func (c *client) handle(r *received) {
	c.mu.Lock()
	s, closed := c.sockets[r.nsp], c.closed
	c.mu.Unlock()
	switch {
	case r.typ == typeConnect && s == nil && !closed:
		c.guard(func() { c.connect(r) })
	case r.typ == typeConnect && !closed:
		c.conn.Close(engineio.ErrBadPacket) // twice in one namespace
	case r.typ == typeDisconnect && s != nil:
		c.guard(func() { c.leave(s, ReasonClient) })
	case r.typ == typeEvent && s != nil:
		c.guard(func() { s.handle(&Event{Name: r.name, Args: r.args, s: s, id: r.id}) })
	}
}

// handle runs the handlers of an event.
func (s *Socket) handle(e *Event) {
	s.mu.Lock()
	f, all := s.handlers[e.Name], s.any
	s.mu.Unlock()
	if all != nil {
		all(e)
	}
	if f != nil {
		f(e)
	} else if g := s.ns.handler(e.Name); g != nil {
		g(s, e)
	}
}

// connect lets the client into a namespace, or says why not.
func (c *client) connect(r *received) {
	ns := c.s.lookup(r.nsp)
	c.mu.Lock()
	full := len(c.sockets) >= c.s.opts.MaxNamespaces
	c.mu.Unlock()
	if ns == nil || full {
		why := "Invalid namespace"
		if full {
			why = "Too many namespaces"
		}
		c.refuse(r.nsp, &ConnectError{Message: why})
		return
	}
	s := c.newSocket(ns, r)
	err := ns.admit(s)
	if err == nil {
		err = c.enter(s)
	}
	if err != nil {
		c.leave(s, ReasonServer)
		c.refuse(r.nsp, err)
	}
}

func (c *client) newSocket(ns *Namespace, r *received) *Socket {
	req := c.conn.Request()
	s := &Socket{c: c, ns: ns, id: rand.Text()[:20], rooms: make(map[string]struct{})}
	s.ctx, s.end = context.WithCancel(context.Background())
	s.handshake = Handshake{Auth: json.RawMessage("{}"), Header: req.Header, Query: req.URL.Query(), Remote: req.Remote, Secure: req.TLS, Time: req.At}
	if r.data.raw != nil || r.data.value != nil {
		s.handshake.Auth = r.data.JSON()
	}
	c.mu.Lock()
	c.sockets[ns.name] = s
	if c.closed {
		s.end()
	}
	c.mu.Unlock()
	return s
}

// admit runs the middlewares and what is done on connecting.
func (n *Namespace) admit(s *Socket) error {
	n.mu.RLock()
	fs := append(append(([]func(*Socket) error)(nil), n.use...), n.connect...)
	first := len(n.use)
	n.mu.RUnlock()
	m := n.memory.Load()
	if m != nil {
		m.restore(s)
	}
	for i, f := range fs {
		if i == first {
			s.Join(s.id)
		}
		if err := f(s); err != nil {
			return err
		}
	}
	s.Join(s.id)
	return nil
}

// enter tells the client that it is connected, and sends what was emitted
// before.
func (c *client) enter(s *Socket) error {
	answer := struct {
		SID string `json:"sid"`
		PID string `json:"pid,omitempty"`
	}{s.id, s.pid}
	ms, err := c.parser().encode(&packet{typ: typeConnect, nsp: s.ns.name, id: noID, data: answer})
	if err != nil {
		return err
	}
	if old := s.ns.add(s); old != nil && old != s {
		old.c.conn.Close(errServer) // its client is here
	}
	c.s.settle(c)
	s.mu.Lock()
	if s.state == disconnected { // by the application, or with its connection
		s.mu.Unlock()
		s.ns.drop(s)
		return &ConnectError{Message: ReasonServer}
	}
	s.state = connected
	err = c.send(ms)
	for _, ms := range s.early {
		if err == nil {
			err = c.send(ms)
		}
	}
	s.early = nil
	drained, wants := s.drained, s.wantEarly
	s.mu.Unlock()
	if err != nil {
		c.conn.Close(errSlow)
		return nil
	}
	if wants && drained != nil {
		drained()
	}
	return nil
}

func (c *client) refuse(nsp string, why error) {
	data := struct {
		Message string `json:"message"`
		Data    any    `json:"data,omitempty"`
	}{Message: why.Error()}
	if e := (*ConnectError)(nil); errors.As(why, &e) {
		data.Message, data.Data = e.Message, e.Data
	}
	ms, err := c.parser().encode(&packet{typ: typeConnectError, nsp: nsp, id: noID, data: data})
	if err != nil {
		c.s.opts.Log.Error("refuse connection", "err", err)
		return
	}
	if c.send(ms) != nil {
		c.conn.Close(errSlow)
	}
}

// leave ends a socket, once.
func (c *client) leave(s *Socket, reason string) {
	s.mu.Lock()
	was := s.state
	s.state = disconnected
	left := s.left
	s.early, s.left = nil, nil
	s.mu.Unlock()
	c.mu.Lock()
	if c.sockets[s.ns.name] == s {
		delete(c.sockets, s.ns.name)
	}
	delete(c.wants, s)
	c.mu.Unlock()
	if was == disconnected {
		return
	}
	s.end()
	rooms := s.ns.drop(s)
	if m := s.ns.memory.Load(); m != nil {
		m.save(s, rooms, was == connected && reason != ReasonClient && reason != ReasonServer)
	}
	for _, f := range left {
		f(reason)
	}
}

// Closed is part of engineio.Handler.
func (c *client) Closed(why error) {
	c.s.settle(c)
	c.mu.Lock()
	c.closed, c.reason = true, reason(why)
	c.queue = nil
	for _, s := range c.sockets {
		s.end()
	}
	c.room.Broadcast()
	c.start()
	c.mu.Unlock()
}

func reason(why error) string {
	switch {
	case errors.Is(why, ErrFull):
		return ReasonError
	case errors.Is(why, engineio.ErrPingTimeout):
		return ReasonPing
	case errors.Is(why, engineio.ErrBadPacket):
		return ReasonParse
	case errors.Is(why, engineio.ErrOverlap), errors.Is(why, engineio.ErrPollCut):
		return ReasonError
	case errors.Is(why, engineio.ErrServerClosed):
		return ReasonShutdown
	case errors.Is(why, errServer):
		return "server disconnect"
	}
	return ReasonTransport
}
