// Package pusher speaks the Pusher Channels protocol, version 7, so that
// pusher-js, Laravel Echo and every other client of Pusher or Reverb connects
// as it is: by WebSocket at /app/{key}, by pusher-js's HTTP fallback at
// /pusher/app/{key}, and for back ends the REST API under /apps/{id}.
//
// A Pusher channel is the Karez channel of the same name. What is published by
// a back end or a client is a signal, as fleeting as it is at Pusher. Turns are
// logs: they are told as events turn.* that never get lost, each turn from its
// beginning whenever a client subscribes, for Pusher clients have no cursor.
//
// Read pusher.go and conn.go, then subscribe.go, turn.go and out.go; http.go and
// poll.go are the fallback. Package apps below is what an app is, rest the API
// for back ends, occupancy who is there and the webhooks that tell of it.
package pusher

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/internal/socket"
	"github.com/karez/karez/internal/transport/pusher/apps"
	"github.com/karez/karez/internal/transport/pusher/occupancy"
	"github.com/karez/karez/internal/transport/pusher/rest"
)

// commandTime bounds what one message may take at the broker.
const commandTime = 10 * time.Second

// closeTime bounds how long clients may take to say goodbye.
const closeTime = 2 * time.Second

// maxMessage bounds what a client may send at once, in bytes: the largest
// event of any app, quoted.
const maxMessage = 2*apps.MaxMaxEvent + 16<<10

// An App is one Pusher application.
type App = apps.App

// Options configure a Transport.
type Options struct {
	Apps   []App
	Ping   time.Duration  // heartbeats of the HTTP fallback; 0: DefaultPing
	Socket socket.Options // of the WebSocket connections
	Client *http.Client   // that sends webhooks; nil: one that follows no redirects
	Log    *slog.Logger
}

// DefaultPing is below what proxies on the way cut as idle (60 s is common).
const DefaultPing = 15 * time.Second

// A Transport serves the Pusher protocol of one node.
type Transport struct {
	g     *gateway.Gateway // set once, as all of this group
	opts  Options
	log   *slog.Logger
	group *socket.Group
	byKey map[string]*apps.App
	occ   *occupancy.Occupancy
	api   *rest.API
	ctx   context.Context // ends with Close
	stop  context.CancelFunc
	wg    sync.WaitGroup

	mu    sync.Mutex // guards all below
	conns map[*conn]struct{}
	count map[*apps.App]int    // connections
	polls map[string]*httpLine // by app and session
}

// New returns a transport over g. Close ends what it started.
func New(g *gateway.Gateway, o Options) (*Transport, error) {
	o.Ping = cmp.Or(o.Ping, DefaultPing)
	if o.Log == nil {
		o.Log = slog.Default()
	}
	o.Socket.MaxMessage = cmp.Or(o.Socket.MaxMessage, maxMessage)
	t := &Transport{
		g: g, opts: o, log: o.Log, byKey: make(map[string]*apps.App),
		conns: make(map[*conn]struct{}), count: make(map[*apps.App]int), polls: make(map[string]*httpLine),
	}
	var list []*apps.App
	for _, a := range o.Apps {
		if err := a.Check(); err != nil {
			return nil, err
		}
		if slices.ContainsFunc(list, func(b *apps.App) bool { return a.ID == b.ID || a.Key == b.Key }) {
			return nil, fmt.Errorf("pusher app %q: its id or key is given twice", a.ID)
		}
		t.byKey[a.Key] = &a
		list = append(list, &a)
	}
	t.group = socket.NewGroup(o.Socket)
	t.ctx, t.stop = context.WithCancel(context.Background())
	t.occ = occupancy.New(g, list, occupancy.Options{Connections: t.connections, Client: o.Client, Log: o.Log})
	t.api = rest.New(g, t.occ, list, o.Log)
	t.wg.Go(t.sweep)
	return t, nil
}

// Register adds the transport's routes to mux.
func (t *Transport) Register(mux *http.ServeMux) {
	mux.HandleFunc("GET /app/{key}", t.serveWS)
	mux.HandleFunc("GET /app/{$}", t.serveWS)
	mux.HandleFunc("POST /pusher/app/{key}/{server}/{session}/{way}", t.serveHTTP)
	t.api.Register(mux)
}

// Close ends the transport's goroutines and whatever connections are left.
// Sessions end with the gateway: close that first.
func (t *Transport) Close() {
	for _, c := range t.all() {
		c.Close(gateway.ErrDraining)
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	if err := t.group.Close(ctx); err != nil {
		t.log.Warn("close connections", "err", err)
	}
	for _, c := range t.all() {
		c.gone(gateway.ErrDraining) // those of the fallback
	}
	t.stop()
	t.wg.Wait()
	t.occ.Close()
}

func (t *Transport) all() []*conn {
	t.mu.Lock()
	defer t.mu.Unlock()
	conns := make([]*conn, 0, len(t.conns))
	for c := range t.conns {
		conns = append(conns, c)
	}
	return conns
}

// add counts a connection in, unless the app has as many as it may.
func (t *Transport) add(c *conn) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if limit := c.app.MaxConnections; limit > 0 && t.count[c.app] >= limit {
		return false
	}
	t.conns[c] = struct{}{}
	t.count[c.app]++
	return true
}

func (t *Transport) remove(c *conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.conns[c]; !ok {
		return
	}
	delete(t.conns, c)
	t.count[c.app]--
}

// connections counts the connections of each app.
func (t *Transport) connections() map[string]int {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make(map[string]int)
	for a, n := range t.count {
		if n > 0 {
			out[a.ID] = n
		}
	}
	return out
}

// sweepEvery is how often silent connections are looked for.
const sweepEvery = 5 * time.Second

// sweep asks silent clients for a sign of life and ends those that give none.
func (t *Transport) sweep() {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-t.ctx.Done():
			return
		case now := <-tick.C:
			for _, c := range t.all() {
				c.sweep(now)
			}
		}
	}
}
