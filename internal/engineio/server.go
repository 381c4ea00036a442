package engineio

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/karez/karez/internal/socket"
)

// Options configure a Server. The zero value has the reference's values.
type Options struct {
	PingInterval   time.Duration // between the last answer and the next ping; 0: 25 s
	PingTimeout    time.Duration // for the answer; 0: 20 s. Less ends sessions of phones that slept for a moment
	UpgradeTimeout time.Duration // from a WebSocket's opening to its taking over; 0: 10 s
	MaxPayload     int           // bytes of one message or POST from a client; 0: 1,000,000
	MaxSessions    int           // sessions at once; 0: 1,000,000
	PollBytes      int           // bytes kept for a client that polls before TryWrite answers ErrFull; 0: 64 KiB
	KeepCutPolls   bool          // a poll that is cut off leaves the session, and what it would have brought to the next one; the reference ends the session
	NoUpgrade      bool          // do not offer WebSocket to a client that polls
	NoPolling      bool
	NoWebSocket    bool
	Origins        []string       // pages of other origins that may connect, "*" for all; none: whoever stands before us decides
	Socket         socket.Options // of the WebSockets; MaxMessage is MaxPayload
	Log            *slog.Logger
}

func (o Options) withDefaults() Options {
	set(&o.PingInterval, 25*time.Second)
	set(&o.PingTimeout, 20*time.Second)
	set(&o.UpgradeTimeout, 10*time.Second)
	set(&o.MaxPayload, 1_000_000)
	set(&o.MaxSessions, 1_000_000)
	set(&o.PollBytes, 64<<10)
	o.Socket.MaxMessage = o.MaxPayload
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return o
}

func set[T int | time.Duration](v *T, d T) {
	if *v == 0 {
		*v = d
	}
}

// Accept makes the handler of a new session. It must not block and may write
// to c already.
type Accept func(c *Conn) Handler

// A Server answers the requests of Engine.IO clients.
type Server struct {
	opts   Options // set once, as all of this group
	accept Accept
	group  *socket.Group
	stop   chan struct{}
	wg     sync.WaitGroup

	mu     sync.Mutex // guards the two below
	conns  map[string]*Conn
	closed bool
}

// New returns a server. Close ends it.
func New(o Options, accept Accept) *Server {
	o = o.withDefaults()
	s := &Server{opts: o, accept: accept, group: socket.NewGroup(o.Socket), stop: make(chan struct{}), conns: make(map[string]*Conn)}
	s.wg.Go(s.sweep)
	return s
}

// Sessions returns how many sessions there are.
func (s *Server) Sessions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// Close ends all sessions with ErrServerClosed and takes no new ones. When ctx
// ends first it hangs up on those that have not said goodbye.
func (s *Server) Close(ctx context.Context) error {
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	s.mu.Unlock()
	if first {
		close(s.stop)
	}
	s.wg.Wait()
	for _, c := range s.all(nil) {
		c.Close(ErrServerClosed)
	}
	return s.group.Close(ctx)
}

func (s *Server) all(buf []*Conn) []*Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		buf = append(buf, c)
	}
	return buf
}

// ServeHTTP answers one request, at whatever path the caller has put it.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.origin(w, r) {
		forbidden.write(w)
		return
	}
	if r.Method == http.MethodOptions && len(s.opts.Origins) > 0 {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	q := r.URL.Query()
	name := q.Get("transport")
	switch {
	case name == "polling" && !s.opts.NoPolling, name == "websocket" && !s.opts.NoWebSocket:
	default:
		badTransport.write(w)
		return
	}
	if q.Get("EIO") != "4" {
		badVersion.write(w)
		return
	}
	var c *Conn
	if sid := q.Get("sid"); sid != "" {
		if c = s.find(sid); c == nil {
			badSession.write(w)
			return
		}
	}
	switch {
	case name == "websocket":
		s.serveWS(w, r, c)
	case c != nil:
		c.servePoll(w, r)
	case r.Method != http.MethodGet:
		badMethod.write(w)
	default:
		s.open(w, r)
	}
}

// find returns a session that is alive.
func (s *Server) find(sid string) *Conn {
	s.mu.Lock()
	c := s.conns[sid]
	s.mu.Unlock()
	if c != nil && c.expired(time.Now()) {
		c.Close(ErrPingTimeout)
		return nil
	}
	return c
}

// add begins a session.
func (s *Server) add(r *http.Request) (*Conn, *failure) {
	c := &Conn{s: s, id: rand.Text(), request: Request{Header: r.Header.Clone(), URL: cloneURL(r.URL), Remote: r.RemoteAddr, TLS: r.TLS != nil, At: time.Now()}}
	c.pingAt = time.Now().Add(s.opts.PingInterval)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, &goingDown
	}
	if len(s.conns) >= s.opts.MaxSessions {
		return nil, &tooMany
	}
	s.conns[c.id] = c
	return c, nil
}

func cloneURL(u *url.URL) *url.URL {
	v := *u
	return &v
}

func (s *Server) remove(c *Conn) {
	s.mu.Lock()
	delete(s.conns, c.id)
	s.mu.Unlock()
}

// open begins a session that polls.
func (s *Server) open(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Upgrade") != "" {
		badRequest.write(w)
		return
	}
	c, bad := s.add(r)
	if bad != nil {
		bad.write(w)
		return
	}
	c.setHandler(s.accept(c))
	var upgrades []string
	if !s.opts.NoUpgrade && !s.opts.NoWebSocket {
		upgrades = []string{"websocket"}
	}
	answer(w, append([]byte{byte(typeOpen)}, s.handshake(c, upgrades)...))
}

// handshake is the data of an open packet.
func (s *Server) handshake(c *Conn, upgrades []string) []byte {
	if upgrades == nil {
		upgrades = []string{}
	}
	p, _ := json.Marshal(struct {
		SID          string   `json:"sid"`
		Upgrades     []string `json:"upgrades"`
		PingInterval int64    `json:"pingInterval"`
		PingTimeout  int64    `json:"pingTimeout"`
		MaxPayload   int      `json:"maxPayload"`
	}{c.id, upgrades, s.opts.PingInterval.Milliseconds(), s.opts.PingTimeout.Milliseconds(), s.opts.MaxPayload}) // always encodes
	return p
}

// origin reports whether the page behind a request may be here, and tells its
// browser so.
func (s *Server) origin(w http.ResponseWriter, r *http.Request) bool {
	o := r.Header.Get("Origin")
	if o == "" || len(s.opts.Origins) == 0 {
		return true
	}
	if u, err := url.Parse(o); err == nil && strings.EqualFold(u.Host, r.Host) {
		return true
	}
	if !slices.Contains(s.opts.Origins, o) && !slices.Contains(s.opts.Origins, "*") {
		return false
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", o)
	h.Add("Vary", "Origin")
	h.Set("Access-Control-Allow-Credentials", "true")
	h.Set("Access-Control-Allow-Methods", "GET, POST")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
	return true
}
