package native

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/karez/karez/internal/auth"
	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/internal/socket"
	"github.com/karez/karez/wire"
)

// A wsConn is one WebSocket client: the socket's handler and the session's
// gateway.Conn.
type wsConn struct {
	t       *Transport // set once, as all of this group
	sock    *socket.Conn
	codec   wire.Codec
	ctx     context.Context // ends with the connection
	end     context.CancelFunc
	drained chan struct{} // capacity 1: the socket can take more, or never will
	waiting atomic.Bool   // send waits for drained

	session *gateway.Session // owned by Message, which alone sets it; read by Writable and Closed under mu
	begun   atomic.Bool      // welcome was written: before it nothing else is
	mu      sync.Mutex       // guards session for the others, and late
	late    *time.Timer      // until the token has come
}

func (t *Transport) serveWS(w http.ResponseWriter, r *http.Request) {
	var who *gateway.Identity
	if token := auth.FromRequest(r); token != "" {
		id, err := t.auth(r.Context(), token)
		if err != nil {
			t.refuse(w, err)
			return
		}
		who = &id
	}
	sock, err := t.group.Upgrade(w, r, t.protocols...)
	if err != nil {
		t.log.Debug("upgrade", "err", err)
		return // the client was answered
	}
	codec, ok := wire.ByName(sock.Subprotocol())
	if !ok {
		codec = wire.JSON // a client that names none, such as a command-line tool
	}
	c := &wsConn{t: t, sock: sock, codec: codec, drained: make(chan struct{}, 1)}
	c.ctx, c.end = context.WithCancel(context.Background())
	t.mu.Lock()
	t.conns[c] = struct{}{}
	t.mu.Unlock()
	if who != nil {
		c.open(*who)
	} else {
		c.mu.Lock()
		c.late = time.AfterFunc(t.opts.Hello, func() { c.Close(errNoHello) })
		c.mu.Unlock()
	}
	sock.Serve(c)
}

// open begins the session and welcomes the client. Nothing has been written
// before, so the connection is not full.
func (c *wsConn) open(who gateway.Identity) {
	s, err := c.t.g.Open(c, who)
	if err != nil {
		c.Close(err)
		return
	}
	c.mu.Lock()
	c.session = s
	if c.late != nil {
		c.late.Stop()
	}
	c.mu.Unlock()
	if err := c.try(c.t.welcome(s)); err != nil {
		c.Close(err)
		return
	}
	c.begun.Store(true)
}

func (t *Transport) welcome(s *gateway.Session) *wire.Frame {
	l := t.g.Limits()
	return &wire.Frame{
		Type: wire.FrameWelcome, Session: s.ID(), User: s.Who().User, Ping: int(t.opts.Ping / time.Millisecond),
		Limits: &wire.Limits{Command: wire.MaxCommand, Signal: l.Signal, Follows: l.Follows},
	}
}

// Message carries out one command. The socket calls it, one at a time, and
// reads no further meanwhile: a client that asks faster than the broker
// answers is slowed down by its own connection.
func (c *wsConn) Message(p []byte, binary bool) {
	cmd, err := c.decode(p, binary)
	var id uint64
	if cmd != nil {
		id = cmd.ID
	}
	switch {
	case err != nil && c.session == nil:
		c.Close(err)
	case err != nil:
		c.answer(c.t.failure(id, err))
	case c.session == nil && cmd.Type != wire.CmdHello:
		c.Close(errNoHello)
	case c.session == nil:
		who, err := c.t.auth(c.ctx, cmd.Token)
		if err != nil {
			c.Close(err)
			return
		}
		c.open(who)
	case cmd.Type == wire.CmdFollow || cmd.Type == wire.CmdJoin || cmd.Type == wire.CmdPresence:
		c.session.Hold() // the answer first, then what is followed
		c.answer(c.t.run(c.ctx, c.session, cmd, ""))
		c.session.Release()
	default:
		c.answer(c.t.run(c.ctx, c.session, cmd, ""))
	}
}

// decode reads one command. As with Codec.DecodeCommand there may be one
// beside an error, to be named in the answer.
func (c *wsConn) decode(p []byte, binary bool) (*wire.Command, error) {
	if binary != c.codec.Binary() {
		return nil, &wire.Error{
			Code: wire.CodeBadFrame, Message: c.codec.Subprotocol() + " travels in " + frameKind(!binary) + " frames, this one was " + frameKind(binary),
			Hint: "choose the subprotocol of the encoding that you send",
		}
	}
	cmd, err := c.codec.DecodeCommand(p)
	if err == nil {
		err = cmd.Check()
	}
	return cmd, err
}

func frameKind(binary bool) string {
	if binary {
		return "binary"
	}
	return "text"
}

// answer sends f unless the client wants no answer.
func (c *wsConn) answer(f *wire.Frame) {
	if f == nil || f.ID == 0 && f.Type == wire.FrameReply {
		return
	}
	if err := c.send(f); err != nil && c.ctx.Err() == nil {
		c.Close(err)
	}
}

// Writable is called by the socket after socket.ErrFull. An answer goes first.
func (c *wsConn) Writable() {
	select {
	case c.drained <- struct{}{}:
	default:
	}
	if c.waiting.Load() {
		return // send passes it on
	}
	c.mu.Lock()
	s := c.session
	c.mu.Unlock()
	if s != nil {
		s.Writable()
	}
}

// Closed is called by the socket once, when the connection has ended.
func (c *wsConn) Closed(err error) {
	c.end()
	c.t.mu.Lock()
	delete(c.t.conns, c)
	c.t.mu.Unlock()
	c.mu.Lock()
	s := c.session
	if c.late != nil {
		c.late.Stop()
	}
	c.mu.Unlock()
	if s != nil {
		s.Close(err)
	}
}

// Close tells the client why, and ends the connection. Part of gateway.Conn.
func (c *wsConn) Close(why error) {
	if why != nil && c.ctx.Err() == nil && !errors.Is(why, socket.ErrClosed) {
		f := c.t.bye(why)
		_ = c.sock.TryWrite(socket.Frame{Body: c.codec.AppendFrame(nil, f), Binary: c.codec.Binary()}) // as good as it goes
		c.sock.Close(closeCode(f.Error.Code), f.Error.Code)
	}
	c.sock.Close(socket.CodeNormal, "") // only the first Close counts
	c.end()                             // and a command under way with it
}

var errNoHello = &wire.Error{
	Code:    wire.CodeUnauthorized,
	Message: "the first frame must be hello with a token",
	Hint:    `send {"type":"hello","token":"…"}, or an Authorization header with the handshake`,
}
