package client_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/karez/karez/client"
	"github.com/karez/karez/turn"
	"github.com/karez/karez/wire"
)

// A fake is a server that a test plays itself, in fake time: it says what the
// real one says only on bad days.
type fake struct {
	t     *testing.T
	conns chan *fakeConn // opened by the client, in order
	pipes chan net.Conn
	http  *http.Client

	mu     sync.Mutex // guards the two below
	refuse bool       // answer no handshake
	tried  []time.Time
}

// A fakeConn is one connection of the client.
type fakeConn struct {
	t  *testing.T
	ws *websocket.Conn
}

// withFake runs f in a bubble of fake time.
func withFake(t *testing.T, f func(t *testing.T, s *fake)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &fake{t: t, conns: make(chan *fakeConn), pipes: make(chan net.Conn)}
		ctx, stop := context.WithCancel(t.Context())
		tr := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			a, b := net.Pipe()
			select {
			case s.pipes <- b:
				return a, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}}
		s.http = &http.Client{Transport: tr}
		srv := &http.Server{Handler: http.HandlerFunc(s.serve), BaseContext: func(net.Listener) context.Context { return ctx }}
		ln := &pipeListener{pipes: s.pipes, closed: make(chan struct{})}
		var wg sync.WaitGroup
		wg.Go(func() { srv.Serve(ln) })
		f(t, s)
		stop()
		tr.CloseIdleConnections()
		srv.Close()
		wg.Wait()
	})
}

func (s *fake) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.tried = append(s.tried, time.Now())
	refuse := s.refuse
	s.mu.Unlock()
	if refuse {
		http.Error(w, "not today", http.StatusBadGateway)
		return
	}
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{wire.JSON.Subprotocol()}})
	if err != nil {
		return
	}
	defer ws.CloseNow()
	select {
	case s.conns <- &fakeConn{t: s.t, ws: ws}:
		<-r.Context().Done() // the test has it
	case <-r.Context().Done():
	}
}

// dial returns a client, to be closed by the test.
func (s *fake) dial() *client.Client {
	c, err := client.New("http://fake", client.Options{Token: client.Static("t"), Transport: client.WebSocket, HTTP: s.http})
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// next returns the client's next connection, after its hello and a welcome.
func (s *fake) next() *fakeConn {
	s.t.Helper()
	select {
	case c := <-s.conns:
		c.want(wire.CmdHello)
		c.send(`{"type":"welcome","session":"s1","user":"ada","ping":15000}`)
		return c
	case <-time.After(10 * time.Minute):
		s.t.Fatal("the client does not connect")
		return nil
	}
}

// want reads the client's next command, which is of this type.
func (c *fakeConn) want(kind string) *wire.Command {
	c.t.Helper()
	_, p, err := c.ws.Read(context.Background())
	if err != nil {
		c.t.Fatalf("read %s: %v", kind, err)
	}
	var cmd wire.Command
	if err := json.Unmarshal(p, &cmd); err != nil || cmd.Type != kind {
		c.t.Fatalf("got %s, want %s", p, kind)
	}
	return &cmd
}

func (c *fakeConn) send(frames ...string) {
	c.t.Helper()
	for _, f := range frames {
		if err := c.ws.Write(context.Background(), websocket.MessageText, []byte(f)); err != nil {
			c.t.Fatalf("send %s: %v", f, err)
		}
	}
}

// reply answers cmd; more is what the reply holds, beginning with a comma.
func (c *fakeConn) reply(cmd *wire.Command, more string) {
	c.t.Helper()
	id, _ := json.Marshal(cmd.ID)
	c.send(`{"id":` + string(id) + `,"type":"reply"` + more + `}`)
}

func (c *fakeConn) cut() { c.ws.CloseNow() }

type pipeListener struct {
	pipes  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.pipes:
		return c, nil
	case <-l.closed:
		return nil, io.EOF
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// A reader collects what a loop yields.
type reader struct {
	evs chan client.Event
	err chan error
}

func follow(ctx context.Context, c *client.Client, o client.FollowOptions) *reader {
	r := &reader{evs: make(chan client.Event), err: make(chan error, 1)}
	go func() {
		defer close(r.evs)
		for ev, err := range c.Channel(channel).Follow(ctx, o) {
			if err != nil {
				r.err <- err
				return
			}
			if d, ok := ev.(client.Delta); ok {
				a := *d.Answer
				d.Answer = &turn.Answer{At: a.At, State: a.State, Parts: []turn.Part{{Kind: turn.KindText, Data: []byte(a.Text())}}}
				ev = d
			}
			r.evs <- ev
		}
	}()
	return r
}
