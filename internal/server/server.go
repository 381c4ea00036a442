// Package server is the door of a node: it listens, ends TLS, lets in whom it
// may, and joins the routes of transports and pages into one HTTP server. It
// knows no protocol.
//
// Read server.go, then listen.go and door.go.
package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"
)

// Options configure a Server.
type Options struct {
	Addr    string         // host:port; port 0 takes a free one
	Cert    string         // PEM files for TLS; both or none
	Key     string         //
	Proxies []netip.Prefix // who may speak plain HTTP to an address that is not loopback
	Origins []string       // other origins whose pages may connect, such as https://app.example.com; "*" for all
	Local   bool           // answer only requests for a loopback name (no DNS rebinding): the dev server
	Body    time.Duration  // for a request's body to come whole; 0: DefaultBody
	Ready   func(context.Context) error
	Log     *slog.Logger
}

// Limits of a request before anybody is known, as net/http names them.
const (
	headerTime  = 10 * time.Second
	idleTime    = 2 * time.Minute
	headerBytes = 32 << 10
)

// Times of the server's end and of a silent HTTP/2 connection.
const (
	shutdownTime = 5 * time.Second  // for requests under way
	readyTime    = 2 * time.Second  // for the broker to answer
	pingAfter    = 30 * time.Second // without a frame: is the peer there?
	pingTime     = 15 * time.Second // for its answer
)

// DefaultBody is how long a request's body may take. Less cuts off honest
// uploads on bad lines; more lets a client hold a connection before it is known.
const DefaultBody = 30 * time.Second

// A Server serves one address.
type Server struct {
	opts     Options
	ln       net.Listener
	http     *http.Server
	url      string
	draining atomic.Bool
}

// New listens on o.Addr; Run serves. mux gets /livez and /readyz.
func New(mux *http.ServeMux, o Options) (*Server, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Body == 0 {
		o.Body = DefaultBody
	}
	ln, err := listen(o)
	if err != nil {
		return nil, err
	}
	s := &Server{opts: o, ln: ln}
	s.url = address(ln.Addr(), o.Cert != "")
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", s.ready)
	s.http = &http.Server{
		Handler:           s.door(mux),
		ReadHeaderTimeout: headerTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    headerBytes,
		TLSConfig:         &tls.Config{MinVersion: tls.VersionTLS12},
		HTTP2:             &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTime},
		ErrorLog:          slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
	}
	return s, nil
}

// URL is the address to show to a person.
func (s *Server) URL() string { return s.url }

// Run serves until ctx ends or it cannot, then lets requests under way finish
// for a moment. Streams and sockets end with their sessions: close the gateway
// first, from draining.
//
// Over TLS a client chooses HTTP/2, with any number of streams in one
// connection, or HTTP/1.1, over which WebSockets come.
func (s *Server) Run(ctx context.Context, draining func()) error {
	failed := make(chan error, 1)
	go func() { failed <- s.serve() }()
	select {
	case err := <-failed:
		s.draining.Store(true)
		draining()
		return fmt.Errorf("serve %s: %w", s.url, err)
	case <-ctx.Done():
	}
	s.draining.Store(true)
	draining()
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	err := s.http.Shutdown(end)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.http.Close()
	}
	<-failed
	return err
}

func (s *Server) serve() error {
	if s.opts.Cert == "" {
		return s.http.Serve(s.ln)
	}
	return s.http.ServeTLS(s.ln, s.opts.Cert, s.opts.Key)
}

// ready answers whoever asks, so it names no address of ours: the log does.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	if s.draining.Load() {
		http.Error(w, "not ready: the node is going down", http.StatusServiceUnavailable)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), readyTime)
	defer cancel()
	if s.opts.Ready != nil {
		if err := s.opts.Ready(ctx); err != nil {
			s.opts.Log.Warn("not ready", "err", err)
			http.Error(w, "not ready: the broker does not answer", http.StatusServiceUnavailable)
			return
		}
	}
	fmt.Fprintln(w, "ok")
}
