// Package redisbroker is the broker on Redis Streams: Redis 7.0 or later, or
// Valkey, that stands alone.
//
// A log is one stream and an event one entry of it, with the id <epoch>-<seq>.
// So the log itself refuses an author whose epoch is over, and any program
// that can say XADD is a producer: the layout of keys and entries is a public
// contract, docs/producers.md.
//
// What must happen at once is a script (lua/). What an append adds is also
// published; a node that watches keeps the end of the log as it was told, and
// reads the stream only when it is not sure: at the start, after a gap, after
// a lost connection, or when Redis says that a plain producer wrote (client
// tracking).
//
// Read keys.go and entry.go, then append.go, read.go, mend.go, tail.go,
// watch.go, link.go; then jobs.go, signals.go, state.go, upkeep.go.
package redisbroker

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/karez/karez/broker"
)

// Options configure a Broker; the zero value works.
type Options struct {
	Node string // names this process to Redis (CLIENT LIST); "": node
	Log  *slog.Logger
}

// Bounds of a connection.
const (
	dialTime = 3 * time.Second
	callTime = 3 * time.Second // an answer that takes longer means that the connection is dead
	buffer   = 128 << 10       // bytes to read and to write, per connection

	// flushDelay lets commands of many goroutines go out together; 0 costs
	// Redis and us a system call for each.
	flushDelay = 20 * time.Microsecond
)

// A Broker is the broker on one Redis server.
type Broker struct {
	c    rueidis.Client // set once, as all of this group
	addr string
	log  *slog.Logger
	ctx  context.Context
	end  context.CancelFunc
	wg   sync.WaitGroup

	hub   *hub
	hints *hints

	adopted   sync.Mutex // guards the one below
	adoptions map[string]time.Time
}

var _ broker.Broker = (*Broker)(nil)

// Open connects to the server of a URL such as redis://user:password@host:6379/2
// or rediss://…. Errors say what to do, and wrap broker.ErrUnavailable if the
// server may yet come.
func Open(ctx context.Context, url string, o Options) (*Broker, error) {
	opt, addr, err := address(url)
	if err != nil {
		return nil, err
	}
	if o.Node == "" {
		o.Node = "node"
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	b := &Broker{addr: addr, log: o.Log, hub: newHub(), hints: newHints(), adoptions: make(map[string]time.Time)}
	b.ctx, b.end = context.WithCancel(context.Background())
	opt.ClientName = clientName(o.Node)
	opt.ForceSingleClient = true
	opt.DisableRetry = true // broker.Retry is above; a call must return
	opt.Dialer.Timeout, opt.ConnWriteTimeout = dialTime, callTime
	opt.ReadBufferEachConn, opt.WriteBufferEachConn = buffer, buffer
	opt.MaxFlushDelay = flushDelay
	opt.OnInvalidations = b.hub.invalidated
	if b.c, err = rueidis.NewClient(opt); err != nil {
		if b.c != nil {
			b.c.Close()
		}
		return nil, b.refused(ctx, err, opt.TLSConfig != nil)
	}
	if err := b.greet(ctx); err != nil {
		b.c.Close()
		return nil, err
	}
	b.wg.Go(b.link)
	return b, nil
}

// clientName is what CLIENT LIST shows; Redis takes no spaces in it.
func clientName(node string) string {
	return "karez:" + strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return '_'
		}
		return r
	}, node)
}

// Ping is part of broker.Broker.
func (b *Broker) Ping(ctx context.Context) error {
	if b.ctx.Err() != nil {
		return broker.ErrClosed
	}
	return b.wrap(ctx, b.c.Do(ctx, b.c.B().Ping().Build()).Error())
}

// Close is part of broker.Broker.
func (b *Broker) Close() error {
	b.hub.mu.Lock()
	over := b.hub.over
	b.hub.over = true
	b.hub.mu.Unlock()
	if over {
		return nil
	}
	b.end()
	b.wg.Wait()
	b.hub.lost() // who waits for a wake learns that it is over
	b.c.Close()
	return nil
}

// bound returns a context that ends with ctx or with the broker.
func (b *Broker) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(b.ctx, cancel)
	return ctx, func() { stop(); cancel() }
}
