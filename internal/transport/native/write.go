package native

import (
	"errors"
	"time"

	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/internal/socket"
	"github.com/karez/karez/turn"
	"github.com/karez/karez/wire"
)

// Deliver writes the events of a batch, each as a frame of its own, with one
// system call. Their bodies are encoded once for all readers at this place who
// use this codec; only the head, with the connection's number for the log, is
// its own.
func (c *wsConn) Deliver(n uint32, b *gateway.Batch) error {
	bodies := b.Bodies(c.codec, func(ev *turn.Event) []byte { return c.codec.AppendBody(nil, ev) })
	var few [4]socket.Frame
	frames := few[:0]
	var head [16]byte
	h := c.codec.AppendHead(head[:0], n)
	for i, body := range bodies {
		if empty(&b.Events[i]) {
			continue
		}
		frames = append(frames, socket.Frame{Head: h, Body: body, Binary: c.codec.Binary()})
	}
	if len(frames) == 0 {
		return nil
	}
	return full(c.sock.TryWrite(frames...))
}

// empty reports whether there is nothing to show of ev: the bytes of a cut
// character went to the next event.
func empty(ev *turn.Event) bool {
	return ev.Kind.Mergeable() && len(ev.Data) == 0 && ev.Name == "" && len(ev.Attrs) == 0
}

// Opened, Ended, Signal and Renew are the rest of gateway.Conn.
func (c *wsConn) Opened(l gateway.Log) error { return c.try(opened(l)) }

func (c *wsConn) Ended(l gateway.Log, why error) error { return c.try(ended(l, why)) }

// Present writes who is there, encoded once for all readers at this place who
// use this codec.
func (c *wsConn) Present(r *gateway.Roster) error {
	body := r.Body(c.codec, func(r *gateway.Roster) []byte { return c.codec.AppendFrame(nil, present(r)) })
	return full(c.sock.TryWrite(socket.Frame{Body: body, Binary: c.codec.Binary()}))
}

func (c *wsConn) Signal(s gateway.Signal) {
	if !c.begun.Load() {
		return
	}
	_ = c.try(signal(s)) // what is in no log may be dropped for a slow client
}

func (c *wsConn) Renew(d time.Duration) {
	if !c.begun.Load() {
		return
	}
	_ = c.try(&wire.Frame{Type: wire.FrameRenew, In: int(d / time.Millisecond)}) // a full connection learns it from bye
}

func (c *wsConn) try(f *wire.Frame) error {
	return full(c.sock.TryWrite(socket.Frame{Body: c.codec.AppendFrame(nil, f), Binary: c.codec.Binary()}))
}

// full translates the socket's word for it into the gateway's.
func full(err error) error {
	if errors.Is(err, socket.ErrFull) {
		return gateway.ErrFull
	}
	return err
}

// send writes f, waiting while the connection is full, and goes before what is
// followed. Writable ends the wait also when the connection is lost. Only
// Message calls it.
func (c *wsConn) send(f *wire.Frame) error {
	fr := socket.Frame{Body: c.codec.AppendFrame(nil, f), Binary: c.codec.Binary()}
	err := c.sock.TryWrite(fr)
	if !errors.Is(err, socket.ErrFull) {
		return err
	}
	c.waiting.Store(true)
	for errors.Is(err, socket.ErrFull) {
		<-c.drained
		err = c.sock.TryWrite(fr)
	}
	c.waiting.Store(false)
	c.session.Writable()
	return err
}

func opened(l gateway.Log) *wire.Frame {
	return &wire.Frame{Type: wire.FrameLog, N: l.N, Channel: l.ID.Channel, Turn: l.ID.Name, Seq: l.At}
}

func ended(l gateway.Log, why error) *wire.Frame {
	f := &wire.Frame{Type: wire.FrameClosed, N: l.N, Seq: l.At}
	if why != nil {
		f.Error = Explain(why)
		if f.Error.Code == wire.CodeTrimmed {
			f.Type = wire.FrameReset
		}
	}
	return f
}

func present(r *gateway.Roster) *wire.Frame {
	return &wire.Frame{Type: wire.FramePresence, Channel: r.Channel, Presence: &wire.Presence{
		Full: r.Full, Here: Members(r.Here), Joined: Members(r.Joined), Left: Members(r.Left), Changed: Members(r.Changed),
	}}
}

// Members puts members into the words of the protocol.
func Members(in []gateway.Member) []wire.Member {
	out := make([]wire.Member, len(in))
	for i, m := range in {
		out[i] = wire.Member{ID: m.ID, Kind: m.Kind, State: m.State, Info: m.Info}
	}
	return out
}

func signal(s gateway.Signal) *wire.Frame {
	return &wire.Frame{Type: wire.FrameSignal, Channel: s.Channel, Name: s.Name, Data: s.Data, From: s.From}
}
