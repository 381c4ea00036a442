package client

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/karez/karez/wire"
)

// Version is the version of this client, told to the server with its name.
const Version = "0.1"

// Options configure a Client. Only Token is required.
type Options struct {
	// Token returns a JWT. It is asked for the first one, when the server
	// wants a fresh one, and after one was refused; a refused token returned
	// again ends the client. It should return within 15 s, and any error but
	// a *wire.Error of code unauthorized or forbidden is tried again.
	Token func(ctx context.Context) (string, error)

	Codec     wire.Codec                // of a WebSocket; nil: wire.MessagePack
	Transport Transport                 // Auto: WebSocket, and event streams where none gets through
	Name      string                    // name and version of the program, for operators; "": karez-go/0.1
	HTTP      *http.Client              // for proxies and private certificates; nil: one of its own
	Signal    func(Signal)              // called for signals to this user or session alone; must not block, nor use the client
	Log       *slog.Logger              // warnings about what waits, debug messages about the connection; nil: none
	Backoff   func(n int) time.Duration // the pause before try n, 0 the first after a loss; nil: what docs/protocol.md says
}

// A Transport is a way of talking to the server.
type Transport string

// The transports.
const (
	Auto      Transport = ""
	WebSocket Transport = "ws"
	SSE       Transport = "sse"
)

// Codes of errors that arise here and not at the server.
const (
	CodeConnect      = "connect"      // no connection; the client goes on trying
	CodeDisconnected = "disconnected" // it broke before the answer: look whether it was done before repeating it
	CodeClosed       = "closed"       // Close was called
	CodeFollowed     = "followed"     // the channel is followed already by this client
	CodeCancelled    = "cancelled"    // of Ask: the turn was cancelled
)

// A Client is one connection to a Karez server. Its methods may be called
// concurrently.
type Client struct {
	base  string // set once, as all of this group
	opts  Options
	http  *http.Client
	owned bool // http is ours
	log   *slog.Logger
	ctx   context.Context // ends with Close
	stop  context.CancelFunc
	calls chan func() // run carries them out
	done  chan struct{}
	wg    sync.WaitGroup // run, and what it starts

	loop loop // owned by run

	mu      sync.Mutex // guards the two below
	status  Status
	changed chan struct{} // closed when status changes
}

// New returns a client of the server at url: https://host, or https://host/path.
// It connects when it is first needed. Close ends it.
func New(url string, o Options) (*Client, error) {
	base, err := baseURL(url)
	if err != nil {
		return nil, err
	}
	if o.Token == nil {
		return nil, errors.New("client: Options.Token is missing; client.Static gives one that you have")
	}
	if o.Codec == nil {
		o.Codec = wire.MessagePack
	}
	if o.Name == "" {
		o.Name = "karez-go/" + Version
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Backoff == nil {
		o.Backoff = backoff
	}
	c := &Client{
		base: base, opts: o, http: o.HTTP, log: o.Log,
		calls: make(chan func()), done: make(chan struct{}), changed: make(chan struct{}),
		status: Status{State: Idle},
	}
	if c.http == nil {
		c.http, c.owned = &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}, true
	}
	c.ctx, c.stop = context.WithCancel(context.Background())
	c.loop = newLoop()
	c.wg.Go(c.run)
	return c, nil
}

// Dial is New, and waits until the server has welcomed the client. It goes on
// trying while there is hope; bound it with ctx.
func Dial(ctx context.Context, url string, o Options) (*Client, error) {
	c, err := New(url, o)
	if err != nil {
		return nil, err
	}
	if err := c.Connect(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// Static returns an Options.Token for the one token that there is. The client
// ends when the server no longer takes it.
func Static(token string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return token, nil }
}

// Connect waits until the client is connected. The error is ctx's, joined with
// the reason why there was no connection so far, or why there will be none.
func (c *Client) Connect(ctx context.Context) error {
	if err := c.do(ctx, c.start); err != nil {
		return err
	}
	var last error
	for s := range c.Statuses(ctx) {
		switch s.State {
		case Open:
			return nil
		case Closed:
			return s.reason()
		}
		if s.Err != nil {
			last = s.Err
		}
	}
	if last != nil {
		return fmt.Errorf("%w: %w", ctx.Err(), last)
	}
	return ctx.Err()
}

// Channel returns the channel of this name. It costs nothing.
func (c *Client) Channel(name string) *Channel { return &Channel{c: c, name: name} }

// Wake tries at once what would be tried later: reconnecting, or finding out
// that the connection is dead. Programs call it when they know that the network
// has come back, or when a person asks.
func (c *Client) Wake() {
	_ = c.do(context.Background(), c.wake) // closed: nothing to wake
}

// Close ends the connection and everything that the client started. Turns go
// on: disconnecting is not cancelling (design: 4).
func (c *Client) Close() error {
	c.stop()
	c.wg.Wait()
	if c.owned {
		c.http.CloseIdleConnections()
	}
	return nil
}

// do lets run carry out f, and waits for it.
func (c *Client) do(ctx context.Context, f func()) error {
	ran := make(chan struct{})
	select {
	case c.calls <- func() { f(); close(ran) }:
		<-ran
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-c.done:
		return errClosed
	}
}

// spawn runs f on a goroutine that Close waits for. Only run calls it.
func (c *Client) spawn(f func()) { c.wg.Go(f) }

func baseURL(raw string) (string, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return "", fmt.Errorf("client: %w", err)
	}
	switch u.Scheme {
	case "ws":
		u.Scheme = "http"
	case "wss":
		u.Scheme = "https"
	case "http", "https":
	default:
		return "", fmt.Errorf("client: %q is no address of a server: write https://host", raw)
	}
	if u.Host == "" {
		return "", fmt.Errorf("client: %q names no host", raw)
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return strings.TrimRight(u.String(), "/"), nil
}
