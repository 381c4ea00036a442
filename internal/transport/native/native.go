// Package native speaks Karez's own protocol (package wire, docs/protocol.md)
// over two roads: a WebSocket at /v1/ws, and for networks that block it
// server-sent events at /v1/stream with commands posted to /v1/command.
//
// It turns commands into calls of a gateway.Session and what the session gives
// into frames. It knows nothing of brokers or feeds. write.go is the last of
// the five files of a token's way.
//
// Read ws.go and write.go, then command.go, stream.go and errors.go.
package native

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/internal/socket"
	"github.com/karez/karez/wire"
)

// commandTime bounds what one command may take at the broker. Nothing is read
// from its connection meanwhile, not even pongs: a few such commands in a row
// must not make it look dead (socket.Options.DeadAfter).
const commandTime = 10 * time.Second

// closeTime bounds how long clients may take to say goodbye.
const closeTime = 2 * time.Second

// Options configure a Transport; the zero value works.
type Options struct {
	Hello  time.Duration  // for the token to come after a handshake without one; 0: DefaultHello
	Ping   time.Duration  // how often every connection hears something, so that neither a proxy nor a client's watchdog takes it for dead; 0: DefaultPing
	Socket socket.Options // of the WebSocket connections
	Log    *slog.Logger
}

// Defaults of Options. Proxies on the way cut what is silent for a minute;
// docs/protocol.md tells clients to give up after three times DefaultPing.
const (
	DefaultHello = 10 * time.Second
	DefaultPing  = 15 * time.Second
)

// Authenticate is gateway.Authenticate.
type Authenticate = gateway.Authenticate

// A Transport serves the native protocol of one node.
type Transport struct {
	g         *gateway.Gateway // set once
	auth      Authenticate
	opts      Options
	log       *slog.Logger
	group     *socket.Group
	protocols []string
	stop      chan struct{}
	wg        sync.WaitGroup

	mu    sync.Mutex // guards the one below
	conns map[*wsConn]struct{}
}

// New returns a transport over g. Close ends what it started.
func New(g *gateway.Gateway, auth Authenticate, o Options) *Transport {
	if o.Hello == 0 {
		o.Hello = DefaultHello
	}
	if o.Ping == 0 {
		o.Ping = DefaultPing
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Socket.MaxMessage == 0 {
		o.Socket.MaxMessage = wire.MaxCommand
	}
	t := &Transport{
		g: g, auth: auth, opts: o, log: o.Log, group: socket.NewGroup(o.Socket),
		stop: make(chan struct{}), conns: make(map[*wsConn]struct{}),
	}
	for _, c := range wire.Codecs() {
		t.protocols = append(t.protocols, c.Subprotocol())
	}
	t.wg.Go(t.ping)
	return t
}

// Register adds the transport's routes to mux.
func (t *Transport) Register(mux *http.ServeMux) {
	mux.HandleFunc("GET /v1/ws", t.serveWS)
	mux.HandleFunc("POST /v1/stream", t.serveStream)
	mux.HandleFunc("GET /v1/stream", t.serveStream)
	mux.HandleFunc("POST /v1/command", t.serveCommand)
}

// Close ends the transport's goroutines and whatever connections are left.
// Sessions end with the gateway: close that first.
func (t *Transport) Close() {
	close(t.stop)
	t.wg.Wait()
	for _, c := range t.all() {
		c.Close(gateway.ErrDraining) // those that have not said hello
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	if err := t.group.Close(ctx); err != nil {
		t.log.Warn("close connections", "err", err)
	}
}

// ping lets every WebSocket client hear something now and then. A browser does
// not show its page the pings of RFC 6455, so these are frames.
func (t *Transport) ping() {
	tick := time.NewTicker(t.opts.Ping)
	defer tick.Stop()
	frames := make(map[wire.Codec][]byte)
	for _, c := range wire.Codecs() {
		frames[c] = c.AppendFrame(nil, &wire.Frame{Type: wire.FramePing})
	}
	for {
		select {
		case <-t.stop:
			return
		case <-tick.C:
		}
		for _, c := range t.all() {
			if c.begun.Load() {
				// A full connection is hearing something anyway.
				_ = c.sock.TryWrite(socket.Frame{Body: frames[c.codec], Binary: c.codec.Binary()})
			}
		}
	}
}

func (t *Transport) all() []*wsConn {
	t.mu.Lock()
	defer t.mu.Unlock()
	conns := make([]*wsConn, 0, len(t.conns))
	for c := range t.conns {
		conns = append(conns, c)
	}
	return conns
}
