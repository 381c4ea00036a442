package socket

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// patience bounds what is waited for on real sockets: it is never slept, only
// reached when a test fails.
const patience = 20 * time.Second

// A recorder is a Handler that keeps what it is told.
type recorder struct {
	onMessage func(p []byte, binary bool)
	messages  chan string // text as it is, binary after "b:"
	writable  chan struct{}
	closed    chan error
	calls     sync.Mutex // held by Message and Closed: they never overlap
}

func newRecorder() *recorder {
	return &recorder{messages: make(chan string, 1000), writable: make(chan struct{}, 1000), closed: make(chan error, 2)}
}

func (r *recorder) Message(p []byte, binary bool) {
	if !r.calls.TryLock() {
		panic("Message called beside another call")
	}
	defer r.calls.Unlock()
	if r.onMessage != nil {
		r.onMessage(p, binary)
		return
	}
	s := string(p)
	if binary {
		s = "b:" + s
	}
	r.messages <- s
}

func (r *recorder) Writable() { r.writable <- struct{}{} }

func (r *recorder) Closed(err error) {
	if !r.calls.TryLock() {
		panic("Closed called beside another call")
	}
	defer r.calls.Unlock()
	r.closed <- err
}

func get[T any](t testing.TB, ch <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		t.Fatalf("no %s within %v", what, patience)
		panic("unreachable")
	}
}

func newGroup(t testing.TB, o Options) *Group {
	g := NewGroup(o)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := g.Close(ctx); err != nil {
			t.Errorf("close group: %v", err)
		}
	})
	return g
}

// A server is an HTTP server that upgrades each request and gives what comes
// of it to take, on the request's goroutine.
type server struct {
	*httptest.Server
	tls *tls.Config // of its clients
}

func serve(t testing.TB, g *Group, secure bool, take func(c *Conn), protocols ...string) *server {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, err := g.Upgrade(w, r, protocols...); err == nil {
			take(c)
		}
	}))
	srv := &server{Server: s}
	if secure {
		s.Listener = Listen(s.Listener)
		s.StartTLS()
		srv.tls = s.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
		srv.tls.NextProtos = nil
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return srv
}

// dial returns a connection after its handshake, for frames written by hand.
func (s *server) dial(t testing.TB, protocols ...string) *peer {
	t.Helper()
	d := ws.Dialer{Protocols: protocols, TLSConfig: s.tls, Timeout: patience}
	nc, br, _, err := d.Dial(context.Background(), strings.Replace(s.URL, "http", "ws", 1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(patience))
	p := &peer{t: t, Conn: nc, r: nc}
	if br != nil { // the server spoke at once
		p.r = br
	}
	return p
}

// A peer is a client that writes frames by hand.
type peer struct {
	net.Conn
	r io.Reader
	t testing.TB
}

func (p *peer) Read(b []byte) (int, error) { return p.r.Read(b) }

func readFrame(r io.Reader) (ws.Frame, error) {
	h, err := ws.ReadHeader(r)
	if err != nil {
		return ws.Frame{}, err
	}
	p, err := io.ReadAll(io.LimitReader(r, h.Length))
	if err == nil && int64(len(p)) < h.Length {
		err = io.ErrUnexpectedEOF
	}
	return ws.Frame{Header: h, Payload: p}, err
}

func frame(op ws.OpCode, fin bool, p string) []byte {
	b, err := ws.CompileFrame(ws.MaskFrame(ws.NewFrame(op, fin, []byte(p))))
	if err != nil {
		panic(err)
	}
	return b
}

func text(p string) []byte { return frame(ws.OpText, true, p) }

func (p *peer) put(frames ...[]byte) {
	p.t.Helper()
	if _, err := p.Write(bytes.Join(frames, nil)); err != nil {
		p.t.Fatal(err)
	}
}

func (p *peer) next() ws.Frame {
	p.t.Helper()
	f, err := readFrame(p)
	if err != nil {
		p.t.Fatal(err)
	}
	if f.Header.Masked {
		p.t.Fatal("the server masked a frame")
	}
	return f
}

// nextClose skips data and returns the close frame and whether the connection
// ended after it.
func (p *peer) nextClose() (code int, reason string) {
	p.t.Helper()
	for {
		f := p.next()
		if f.Header.OpCode != ws.OpClose {
			continue
		}
		if len(f.Payload) == 0 {
			return CodeNone, ""
		}
		c, r := ws.ParseCloseFrameData(f.Payload)
		return int(c), r
	}
}

func (p *peer) ended() {
	p.t.Helper()
	if n, err := p.Read(make([]byte, 1)); n > 0 || err == nil {
		p.t.Fatal("the server wrote after its close frame")
	} else if errors.Is(err, os.ErrDeadlineExceeded) {
		p.t.Fatal("the server did not hang up")
	}
}

// each runs fn over plain TCP and over TLS.
func each(t *testing.T, fn func(t *testing.T, secure bool)) {
	t.Run("plain", func(t *testing.T) { fn(t, false) })
	t.Run("tls", func(t *testing.T) { fn(t, true) })
}
