// Package selftest is an application for public protocol suites to run against
// the real code: RFC 6455 echo at /echo, a bare Engine.IO echo at /engine.io/
// and a Socket.IO application at /socket.io/, which is made of the public
// package socketio alone. It is off unless asked for (karez serve --selftest),
// and takes the place of the chat's Socket.IO transport then.
//
// Read selftest.go, then app.go. docs/socketio.md says how to run the suites.
package selftest

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/karez/karez/internal/engineio"
	"github.com/karez/karez/internal/socket"
	"github.com/karez/karez/socketio"
)

// Options configure the application. The zero value is what the public
// Socket.IO suites expect: they compare exactly.
type Options struct {
	PingInterval   time.Duration // 0: 300 ms
	PingTimeout    time.Duration // 0: 200 ms
	ConnectTimeout time.Duration // 0: 1 s
	MaxPayload     int           // bytes; 0: 1,000,000
	MaxAttachments int           // of one packet; 0: 131,072
	Origins        []string      // pages that may connect; none: all
	Recovery       []string      // namespaces with connection state recovery
	Log            *slog.Logger
}

// MaxEcho is the largest message that /echo returns, in bytes, however many
// fragments it comes in.
const MaxEcho = 16 << 20

func (o Options) withDefaults() Options {
	or(&o.PingInterval, 300*time.Millisecond)
	or(&o.PingTimeout, 200*time.Millisecond)
	or(&o.ConnectTimeout, time.Second)
	or(&o.MaxPayload, 1_000_000)
	or(&o.MaxAttachments, 131_072)
	if o.Origins == nil {
		o.Origins = []string{"*"}
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return o
}

func or[T int | time.Duration](v *T, d T) {
	if *v == 0 {
		*v = d
	}
}

// An App is the application.
type App struct {
	echo   *socket.Group // set once
	engine *engineio.Server
	srv    *socketio.Server
	log    *slog.Logger
}

// New returns the application. Close ends it.
func New(o Options) *App {
	o = o.withDefaults()
	a := &App{log: o.Log}
	a.echo = socket.NewGroup(socket.Options{MaxMessage: MaxEcho, MessageTime: 2 * time.Minute})
	a.engine = engineio.New(engineio.Options{
		PingInterval: o.PingInterval, PingTimeout: o.PingTimeout, MaxPayload: o.MaxPayload, Origins: o.Origins, Log: o.Log,
	}, func(c *engineio.Conn) engineio.Handler { return &engineEcho{c: c, room: make(chan struct{}, 1)} })
	a.srv = socketio.NewServer(socketio.Options{
		PingInterval: o.PingInterval, PingTimeout: o.PingTimeout, ConnectTimeout: o.ConnectTimeout, MaxPayload: o.MaxPayload,
		MaxAttachments: o.MaxAttachments, Origins: o.Origins, Log: o.Log,
	})
	serve(a.srv, o.Recovery)
	return a
}

// Register adds the application's routes to mux.
func (a *App) Register(mux *http.ServeMux) {
	mux.HandleFunc("/echo", a.serveEcho)
	mux.Handle("/engine.io/", a.engine)
	mux.Handle("/socket.io/", a.srv)
}

// Close ends all connections, or ctx's.
func (a *App) Close(ctx context.Context) error {
	err := a.srv.Close(ctx)
	for _, e := range []error{a.engine.Close(ctx), a.echo.Close(ctx)} {
		if err == nil {
			err = e
		}
	}
	return err
}

func (a *App) serveEcho(w http.ResponseWriter, r *http.Request) {
	c, err := a.echo.Upgrade(w, r)
	if err != nil {
		a.log.Debug("upgrade", "err", err)
		return // the client was answered
	}
	c.Serve(&echo{c: c, room: make(chan struct{}, 1)})
}
