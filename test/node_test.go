package test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/internal/socket"
	"github.com/karez/karez/internal/transport/native"
	"github.com/karez/karez/internal/turns"
	"github.com/karez/karez/turn"
	"github.com/karez/karez/wire"
)

// serveNode runs a gateway with the native protocol over b in this process and
// returns its address. Everybody may do everything.
func serveNode(tb testing.TB, b broker.Broker, o gateway.Options, so socket.Options) string {
	tb.Helper()
	o.Log = slog.New(slog.DiscardHandler)
	g, err := gateway.New(turns.New(b, turns.Options{}), o)
	if err != nil {
		tb.Fatal(err)
	}
	auth := func(context.Context, string) (gateway.Identity, error) {
		return gateway.Identity{App: "app", User: "ada", Grants: everything{}}, nil
	}
	n := native.New(g, auth, native.Options{Socket: so, Log: o.Log})
	mux := http.NewServeMux()
	n.Register(mux)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	srv := &http.Server{Handler: mux}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	tb.Cleanup(func() {
		g.Close()
		n.Close()
		srv.Close()
		<-served
	})
	return ln.Addr().String()
}

type everything struct{}

func (everything) May(string, string, string) bool { return true }

// A reader is a client that costs little: it takes frames off a WebSocket and
// looks only at what it needs.
type reader struct {
	nc    net.Conn
	br    *bufio.Reader
	codec wire.Codec
	buf   []byte
}

// connect opens a WebSocket. rcvbuf, if not 0, is the size of the kernel's
// receive buffer, in bytes.
func connect(ctx context.Context, addr, token string, c wire.Codec, rcvbuf int) (*reader, error) {
	d := ws.Dialer{Protocols: []string{c.Subprotocol()}, Header: ws.HandshakeHeaderHTTP{"Authorization": {"Bearer " + token}}}
	d.NetDial = func(ctx context.Context, network, a string) (net.Conn, error) {
		nc, err := new(net.Dialer).DialContext(ctx, network, a)
		if err == nil && rcvbuf > 0 {
			err = nc.(*net.TCPConn).SetReadBuffer(rcvbuf)
		}
		return nc, err
	}
	nc, br, _, err := d.Dial(ctx, "ws://"+addr+"/v1/ws")
	if err != nil {
		return nil, err
	}
	if br == nil {
		br = bufio.NewReaderSize(nc, 4<<10)
	}
	return &reader{nc: nc, br: br, codec: c}, nil
}

func (r *reader) send(cmd *wire.Command) error {
	p := r.codec.AppendCommand(nil, cmd)
	f := ws.NewTextFrame(p)
	if r.codec.Binary() {
		f = ws.NewBinaryFrame(p)
	}
	return ws.WriteFrame(r.nc, ws.MaskFrame(f))
}

// dial connects and follows one turn.
func dial(tb testing.TB, addr string, c wire.Codec, id turn.ID, rcvbuf int) *reader {
	tb.Helper()
	r, err := connect(context.Background(), addr, "x", c, rcvbuf)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { r.nc.Close() })
	if err := r.send(&wire.Command{ID: 1, Type: wire.CmdFollow, Channel: id.Channel, Turn: id.Name}); err != nil {
		tb.Fatal(err)
	}
	return r
}

// next returns the next message; it is valid until the next call. Control
// frames are passed over.
func (r *reader) next() ([]byte, error) {
	for {
		h, err := ws.ReadHeader(r.br)
		if err != nil {
			return nil, err
		}
		if int64(cap(r.buf)) < h.Length {
			r.buf = make([]byte, h.Length)
		}
		r.buf = r.buf[:h.Length]
		if _, err := io.ReadFull(r.br, r.buf); err != nil {
			return nil, err
		}
		if !h.OpCode.IsControl() {
			return r.buf, nil
		}
	}
}

// text reads to the end of the followed turn and returns its text, and how
// many bytes the messages had.
func (r *reader) text() (text []byte, size int, err error) {
	var a turn.Answer
	for {
		if err := r.nc.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			return nil, size, err
		}
		p, err := r.next()
		if err != nil {
			return nil, size, err
		}
		f, err := r.codec.DecodeFrame(p)
		if err != nil {
			return nil, size, err
		}
		switch f.Type {
		case wire.FrameEvent:
			size += len(p)
			ev := *f.Event
			ev.First = a.At + 1 // an event covers all since the one before
			if err := a.Add(ev); err != nil {
				return nil, size, err
			}
		case wire.FrameClosed:
			r.buf = nil
			return []byte(a.Text()), size, nil
		case wire.FrameError, wire.FrameReset, wire.FrameBye:
			return nil, size, fmt.Errorf("%s: %v", f.Type, f.Error)
		}
	}
}

// An author writes a turn as a worker would.
type author struct {
	b   broker.Broker
	id  turn.ID
	e   turn.Epoch
	top turn.Seq
}

func newAuthor(tb testing.TB, b broker.Broker, name string) *author {
	tb.Helper()
	a := &author{b: b, id: turn.NewID("app", "c:"+name, name)}
	ctx := context.Background()
	prompt, err := json.Marshal(turn.Prompt{Message: name, User: "ada", Text: "go on"})
	if err != nil {
		tb.Fatal(err)
	}
	if err := b.Create(ctx, a.id, time.Hour, turn.Event{Kind: turn.KindPrompt, Data: prompt}); err != nil {
		tb.Fatal(err)
	}
	if a.e, a.top, err = b.Begin(ctx, a.id); err != nil {
		tb.Fatal(err)
	}
	return a
}

func (a *author) write(evs ...turn.Event) error {
	top, err := a.b.Append(context.Background(), a.id, a.e, a.top+1, evs...)
	if err == nil {
		a.top = top
	}
	return err
}

func text(s string) turn.Event { return turn.Event{Kind: turn.KindText, Data: []byte(s)} }

func end() turn.Event { return turn.Event{Kind: turn.KindEnd, Data: []byte(`{"reason":"stop"}`)} }

// seqOf reads the place of an event from its JSON, [n,seq,…]; 0: it is none.
func seqOf(p []byte) uint64 {
	if len(p) == 0 || p[0] != '[' {
		return 0
	}
	i := bytes.IndexByte(p, ',')
	var n uint64
	for i++; i < len(p) && p[i] >= '0' && p[i] <= '9'; i++ {
		n = n*10 + uint64(p[i]-'0')
	}
	return n
}
