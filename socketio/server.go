package socketio

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/karez/karez/internal/engineio"
)

// Options configure a Server. The zero value has the reference server's
// values.
type Options struct {
	PingInterval   time.Duration // between pings; 0: 25 s
	PingTimeout    time.Duration // for the answer to one; 0: 20 s
	UpgradeTimeout time.Duration // for the change from polling to WebSocket; 0: 10 s
	ConnectTimeout time.Duration // from a connection's begin to its first namespace; 0: 45 s
	MaxPayload     int           // bytes of one message or POST from a client; 0: 1,000,000
	MaxAttachments int           // of one packet from a client; 0: 10. Clients take as many by default
	MaxConnections int           // 0: 1,000,000
	MaxQueue       int           // bytes kept for a client that does not read, see Socket.Emit; 0: 1 MiB
	MaxNamespaces  int           // that one connection is in; 0: 64
	KeepCutPolls   bool          // a poll that is cut off does not end the session; the reference ends it
	NoPolling      bool
	NoWebSocket    bool
	NoUpgrade      bool     // let clients that poll stay there
	Origins        []string // pages of other origins that may connect, "*" for all; none: whoever stands before decides
	Log            *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.ConnectTimeout == 0 {
		o.ConnectTimeout = 45 * time.Second
	}
	for _, d := range []struct {
		v *int
		n int
	}{{&o.MaxPayload, 1_000_000}, {&o.MaxAttachments, 10}, {&o.MaxQueue, 1 << 20}, {&o.MaxNamespaces, 64}} {
		if *d.v == 0 {
			*d.v = d.n
		}
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return o
}

// A Server is a Socket.IO server. It is an http.Handler for the path of its
// clients, /socket.io/ unless they say otherwise.
type Server struct {
	opts   Options // set once, as all of this group
	engine *engineio.Server
	stop   chan struct{}
	wg     sync.WaitGroup // sweep, and each client's goroutine while there is one

	mu         sync.Mutex // guards all below, and wg's growth
	namespaces map[string]*Namespace
	fresh      map[*client]time.Time // in no namespace yet, since
	closed     bool
}

// NewServer returns a server. Close ends it.
func NewServer(o Options) *Server {
	o = o.withDefaults()
	s := &Server{opts: o, stop: make(chan struct{}), namespaces: make(map[string]*Namespace), fresh: make(map[*client]time.Time)}
	s.engine = engineio.New(engineio.Options{
		PingInterval: o.PingInterval, PingTimeout: o.PingTimeout, UpgradeTimeout: o.UpgradeTimeout, MaxPayload: o.MaxPayload,
		MaxSessions: o.MaxConnections, KeepCutPolls: o.KeepCutPolls, NoPolling: o.NoPolling, NoWebSocket: o.NoWebSocket,
		NoUpgrade: o.NoUpgrade, Origins: o.Origins, Log: o.Log,
	}, s.accept)
	s.wg.Go(s.sweep)
	return s
}

// ServeHTTP serves one request of a client.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.engine.ServeHTTP(w, r) }

// Of returns a namespace, made if need be. Clients can connect to it from then
// on. A name without a slash gets one.
func (s *Server) Of(name string) *Namespace {
	if name == "" || name[0] != '/' {
		name = "/" + name
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.namespaces[name]
	if n == nil {
		n = newNamespace(s, name)
		s.namespaces[name] = n
	}
	return n
}

// lookup returns a namespace that there is, or nil.
func (s *Server) lookup(name string) *Namespace {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.namespaces[name]
}

// Connections returns how many clients are connected.
func (s *Server) Connections() int { return s.engine.Sessions() }

// Close disconnects all clients and waits for the handlers under way. When ctx
// ends first it hangs up on those that have not said goodbye; handlers see
// their socket's Context end.
func (s *Server) Close(ctx context.Context) error {
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	s.mu.Unlock()
	if first {
		close(s.stop)
	}
	err := s.engine.Close(ctx)
	done := make(chan struct{})
	go func() {
		s.wg.Wait()
		close(done)
	}()
	select {
	case <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// spawn runs f on a goroutine that Close waits for.
func (s *Server) spawn(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wg.Go(f)
}

// accept is engineio.Accept.
func (s *Server) accept(conn *engineio.Conn) engineio.Handler {
	c := newClient(s, conn)
	s.mu.Lock()
	s.fresh[c] = time.Now()
	s.mu.Unlock()
	return c
}

// settle takes c off those that are in no namespace.
func (s *Server) settle(c *client) {
	s.mu.Lock()
	delete(s.fresh, c)
	s.mu.Unlock()
}

// sweep ends connections that have not joined a namespace in time, and forgets
// what recovery has kept for too long.
func (s *Server) sweep() {
	tick := time.NewTicker(min(max(s.opts.ConnectTimeout/20, 10*time.Millisecond), time.Second))
	defer tick.Stop()
	for {
		select {
		case <-s.stop:
			return
		case now := <-tick.C:
			for _, c := range s.late(now) {
				c.conn.Close(engineio.ErrClientClose)
			}
		}
	}
}

func (s *Server) late(now time.Time) (late []*client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c, since := range s.fresh {
		if now.Sub(since) >= s.opts.ConnectTimeout {
			late = append(late, c)
		}
	}
	for _, n := range s.namespaces {
		if m := n.memory.Load(); m != nil {
			m.forget(now)
		}
	}
	return late
}
