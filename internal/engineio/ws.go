package engineio

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/karez/karez/internal/socket"
)

// A wsPeer is the socket.Handler of one WebSocket.
type wsPeer struct {
	c    *Conn
	sock *socket.Conn // set before Serve, guarded by c.mu until then
	late *time.Timer  // until an upgrade must be done, guarded by c.mu; nil otherwise
}

// serveWS opens a session on a WebSocket, or begins to move one there.
func (s *Server) serveWS(w http.ResponseWriter, r *http.Request, c *Conn) {
	if r.Method != http.MethodGet || !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		badRequest.write(w)
		return
	}
	if c != nil {
		s.probe(w, r, c)
		return
	}
	c, bad := s.add(r)
	if bad != nil {
		bad.write(w)
		return
	}
	sock, err := s.group.Upgrade(w, r)
	if err != nil {
		s.remove(c)
		s.opts.Log.Debug("upgrade", "err", err)
		return // the client was answered
	}
	p := &wsPeer{c: c, sock: sock}
	open := socket.Frame{Head: []byte{byte(typeOpen)}, Body: s.handshake(c, nil)}
	err = sock.TryWrite(open)
	c.mu.Lock()
	c.ws, c.peer = sock, p
	c.mu.Unlock()
	c.setHandler(s.accept(c))
	sock.Serve(p)
	if err != nil {
		c.Close(ErrClientClose)
	}
}

// probe lets a second connection of a session that polls try to take over.
func (s *Server) probe(w http.ResponseWriter, r *http.Request, c *Conn) {
	p := &wsPeer{c: c}
	c.mu.Lock()
	taken := c.closed || c.ws != nil || c.peer != nil
	if !taken {
		c.peer = p
	}
	c.mu.Unlock()
	if taken {
		badRequest.write(w)
		return
	}
	sock, err := s.group.Upgrade(w, r)
	if err != nil {
		c.mu.Lock()
		c.peer = nil
		c.mu.Unlock()
		return
	}
	c.mu.Lock()
	p.sock = sock
	p.late = time.AfterFunc(s.opts.UpgradeTimeout, func() { p.giveUp() })
	closed := c.closed
	c.mu.Unlock()
	sock.Serve(p)
	if closed {
		sock.Close(socket.CodeNormal, "")
	}
}

// giveUp ends a probe that has not become the session's connection.
func (p *wsPeer) giveUp() {
	c := p.c
	c.mu.Lock()
	mine := c.ws == p.sock
	if !mine && c.peer == p {
		c.peer, c.probed = nil, false
	}
	c.mu.Unlock()
	if !mine {
		p.sock.Close(socket.CodeNormal, "")
	}
}

// writeWS sends messages as frames. c.mu is held.
func (c *Conn) writeWS(ms []Message) error {
	var few [4]socket.Frame
	frames := few[:0]
	for _, m := range ms {
		f := socket.Frame{Body: m.Data, Binary: m.Binary}
		if !m.Binary {
			f.Head = messageHead
		}
		frames = append(frames, f)
	}
	return c.written(c.ws.TryWrite(frames...))
}

var messageHead = []byte{byte(typeMessage)}

func (c *Conn) written(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, socket.ErrFull):
		return ErrFull
	}
	return ErrClosed
}

// Message is part of socket.Handler.
func (p *wsPeer) Message(b []byte, binary bool) {
	c := p.c
	c.mu.Lock()
	mine := c.ws == p.sock
	c.mu.Unlock()
	if !mine {
		p.probing(b, binary)
		return
	}
	pk := packet{typeBinary, b}
	var err error
	if !binary {
		pk, err = decodePacket(b)
		if err == nil && pk.typ == typeBinary {
			err = errPayload // only a payload holds base64
		}
	}
	if err == nil {
		err = c.receive(pk)
	}
	if err != nil && err != ErrClosed {
		c.Close(ErrBadPacket)
	}
}

// probing handles what comes before the session has moved here.
func (p *wsPeer) probing(b []byte, binary bool) {
	switch s := string(b); {
	case !binary && s == "2probe":
		if p.sock.TryWrite(socket.Frame{Body: []byte("3probe")}) != nil {
			return
		}
		p.c.mu.Lock()
		p.c.probed = true
		p.c.wakePoll() // a poll that waits is sent home
		p.c.mu.Unlock()
	case !binary && s == string(typeUpgrade):
		p.takeOver()
	default:
		p.giveUp()
	}
}

// takeOver makes this WebSocket the session's connection, and sends what had
// no poll to go with.
func (p *wsPeer) takeOver() {
	c := p.c
	c.mu.Lock()
	if c.closed || c.ws != nil || c.peer != p || !c.probed {
		c.mu.Unlock()
		p.giveUp()
		return
	}
	p.late.Stop()
	c.ws, c.probed = p.sock, false
	frames := make([]socket.Frame, 0, len(c.pending))
	for _, pk := range c.pending {
		f := socket.Frame{Body: pk.data, Binary: pk.typ == typeBinary}
		if !f.Binary {
			f.Head = []byte{byte(pk.typ)}
		}
		frames = append(frames, f)
	}
	c.pending, c.size = nil, 0
	var err error
	if len(frames) > 0 {
		err = p.sock.TryWrite(frames...) // nothing but the short answer to the probe was written before
	}
	tell := c.want
	c.want = false
	c.wakePoll()
	h := c.h
	c.mu.Unlock()
	switch {
	case err != nil:
		c.Close(ErrClientClose)
	case tell && h != nil:
		h.Writable()
	}
}

// Writable is part of socket.Handler. A ping that is due goes first: a client
// that always has something to read must not take us for dead.
func (p *wsPeer) Writable() {
	c := p.c
	c.ping(time.Now())
	c.mu.Lock()
	h, mine := c.h, c.ws == p.sock
	c.mu.Unlock()
	if mine && h != nil {
		h.Writable()
	}
}

// Closed is part of socket.Handler.
func (p *wsPeer) Closed(err error) {
	c := p.c
	c.mu.Lock()
	mine := c.ws == p.sock
	if !mine && c.peer == p {
		c.peer, c.probed = nil, false
	}
	if p.late != nil {
		p.late.Stop()
	}
	c.mu.Unlock()
	if mine {
		c.end(ErrClientClose, typeClose)
	}
}
