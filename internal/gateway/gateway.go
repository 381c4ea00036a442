// Package gateway is one node of the delivery tier, without socket, product or
// wire format: feeds read live logs once for all who watch them here, sessions
// own cursors, a pool moves the cursors whose feeds have grown and whose
// connections can take more.
//
// A token's way through it: a Feed hears from the broker that its log has
// grown, reads, and wakes its cursors; the pool runs their sessions; a Session
// gives its Conn the next Batch at each cursor's place. Nothing is queued for
// a connection: a slow one has a cursor that lags (design: 2, 7).
//
// A transport makes a Conn of a client's connection, calls Open, and turns the
// client's commands into the methods of Session.
//
// Read feed.go, cursor.go, session.go, follow.go, then batch.go, pool.go,
// signal.go and sweep.go.
package gateway

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/internal/presence"
	"github.com/karez/karez/internal/turns"
	"github.com/karez/karez/turn"
)

// Options configure a Gateway; the zero value works.
type Options struct {
	Node        string        // the node's name, for operators and other nodes; "" makes one up
	MaxSessions int           // sessions on this node; 0: DefaultMaxSessions
	MaxFollows  int           // cursors of one session; 0: DefaultMaxFollows
	Window      int           // bytes of events that a feed keeps for its cursors; 0: DefaultWindow
	Frame       int           // bytes of merged text given to a connection at once; 0: DefaultFrame
	Idle        time.Duration // a turn whose author has no lease may be silent for so long; 0: DefaultIdle
	Grace       time.Duration // from a token's expiry to the end of its session; 0: DefaultGrace
	Linger      time.Duration // how long a member whose last session has closed stays; 0: presence.DefaultLinger; below 0: not at all
	Log         *slog.Logger
}

// Defaults of Options. More Window serves slower readers from memory, less
// sends them to the broker; more Frame catches up in fewer frames, less keeps
// the remainder that a blocked connection holds smaller.
const (
	DefaultMaxSessions = 1_000_000
	DefaultMaxFollows  = 256
	DefaultWindow      = 64 << 10
	DefaultFrame       = 16 << 10
	DefaultIdle        = 2 * time.Minute
	DefaultGrace       = 30 * time.Second
)

// The errors of a session's methods, beside those of turns and broker.
var (
	ErrForbidden = errors.New("not allowed by the token") // caller: answer so; nothing was done
	ErrExpired   = errors.New("token expired")            // caller: close; the client comes back with a fresh one
	ErrFull      = errors.New("connection full")          // Conn: nothing was taken; Writable will be called
	ErrTooMany   = errors.New("too many")                 // caller: refuse, say which limit
	ErrKicked    = errors.New("closed by an operator")
	ErrDraining  = errors.New("node is draining") // caller: the client goes to another node
	ErrClosed    = errors.New("session closed")
	ErrSubject   = errors.New("token of another subject")
	ErrNotFollow = errors.New("not followed")
	ErrNotJoined = errors.New("not joined")
	ErrBadName   = errors.New("bad name")
)

// A Gateway is one node.
type Gateway struct {
	b       broker.Broker // set once, as all of this group
	turns   *turns.Turns
	opts    Options
	log     *slog.Logger
	pool    *pool
	looking chan struct{}   // who looks into a silent turn
	ctx     context.Context // ends with Close
	end     context.CancelFunc
	wg      sync.WaitGroup

	mu       sync.Mutex // guards the four below
	feeds    map[turn.ID]*Feed
	rooms    map[room]*members
	sessions map[string]*Session
	closed   bool

	presence *presence.Node // set once
	nodeStop func()

	spawnMu sync.Mutex // guards the one below and wg's growth
	ended   bool
}

// spawn runs f on a goroutine that Close waits for, unless it is too late.
func (g *Gateway) spawn(f func()) bool {
	g.spawnMu.Lock()
	defer g.spawnMu.Unlock()
	if g.ended {
		return false
	}
	g.wg.Go(f)
	return true
}

// New starts a gateway over t's broker. Close ends it.
func New(t *turns.Turns, o Options) (*Gateway, error) {
	if o.Node == "" {
		o.Node = "n" + rand.Text()[:8]
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	defaults(&o.MaxSessions, DefaultMaxSessions)
	defaults(&o.MaxFollows, DefaultMaxFollows)
	defaults(&o.Window, DefaultWindow)
	defaults(&o.Frame, DefaultFrame)
	defaults(&o.Idle, DefaultIdle)
	defaults(&o.Grace, DefaultGrace)
	g := &Gateway{
		b: t.Broker(), turns: t, opts: o, log: o.Log.With("node", o.Node),
		feeds: make(map[turn.ID]*Feed), rooms: make(map[room]*members), sessions: make(map[string]*Session),
	}
	g.ctx, g.end = context.WithCancel(context.Background())
	stop, err := g.b.Subscribe(g.ctx, nodesTopic, g.onNodeSignal)
	if err != nil {
		g.end()
		return nil, fmt.Errorf("subscribe to node signals: %w", err)
	}
	g.nodeStop = stop
	g.pool = newPool()
	g.looking = make(chan struct{}, maxLooks)
	g.presence = presence.New(g.b, presence.Options{Node: o.Node, Linger: o.Linger, Derive: g.derive, Log: g.log})
	g.wg.Go(g.sweep)
	return g, nil
}

func defaults[T int | time.Duration](v *T, d T) {
	if *v == 0 {
		*v = d
	}
}

// Node returns the node's name.
func (g *Gateway) Node() string { return g.opts.Node }

// Limits are what a client may meet, as the node is configured.
type Limits struct {
	Follows int // logs that one session follows
	Signal  int // bytes of a signal's data
}

// Limits returns the node's.
func (g *Gateway) Limits() Limits { return Limits{Follows: g.opts.MaxFollows, Signal: MaxSignal} }

// Turns returns the life of turns that this node works on.
func (g *Gateway) Turns() *turns.Turns { return g.turns }

// Close closes every session with ErrDraining and waits for all that the
// gateway started. It does not close the broker.
func (g *Gateway) Close() {
	g.mu.Lock()
	g.closed = true
	all := make([]*Session, 0, len(g.sessions))
	for _, s := range g.sessions {
		all = append(all, s)
	}
	g.mu.Unlock()
	for _, s := range all {
		s.Close(ErrDraining)
	}
	g.presence.Close()
	g.nodeStop()
	g.end()
	g.spawnMu.Lock()
	g.ended = true
	g.spawnMu.Unlock()
	g.wg.Wait()
	g.pool.close()
}

// An Identity is who a session speaks for and what they may do.
type Identity struct {
	App     string
	User    string
	Name    string    // to show, may be empty
	Expires time.Time // of the token; zero: never
	Grants  Grants
}

// Verbs that a Grants decides on.
const (
	Read     = "read"
	Prompt   = "prompt"
	Cancel   = "cancel"
	Publish  = "publish"
	Presence = "presence"
	Manage   = "manage"
)

// Grants say what a token allows (design: 8).
type Grants interface {
	May(verb, app, channel string) bool
}

// Authenticate says who a token speaks for; it is what transports ask at the
// door. Its error is shown to the client.
type Authenticate func(ctx context.Context, token string) (Identity, error)

// Open begins a session on conn. ErrTooMany: the node is full. ErrDraining.
func (g *Gateway) Open(conn Conn, who Identity) (*Session, error) {
	s := &Session{g: g, id: g.opts.Node + "-" + rand.Text()[:16], conn: conn, who: who, opened: time.Now(), cursors: make(map[turn.ID]*Cursor)}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil, ErrDraining
	}
	if len(g.sessions) >= g.opts.MaxSessions {
		return nil, fmt.Errorf("%w: this node holds %d sessions", ErrTooMany, len(g.sessions))
	}
	g.sessions[s.id] = s
	return s, nil
}

// Sessions returns how many sessions the node holds.
func (g *Gateway) Sessions() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.sessions)
}
