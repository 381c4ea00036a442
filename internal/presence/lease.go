package presence

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/karez/karez/broker"
)

// A node's lease and how it is minded. More leaseTTL keeps the members of a
// node that lost its power for longer, less takes a node that was only slow
// for dead.
const (
	leaseTTL  = 15 * time.Second
	leaseBeat = 5 * time.Second
	tickEvery = 2 * time.Second  // leases of others, idle channels, what failed
	callTime  = 10 * time.Second // what is done for one channel at the broker
)

// DefaultLinger keeps a member whose last session has closed for a reload of
// its page. Less shows reloads to the others, more shows who is gone.
const DefaultLinger = time.Second

// Broker is what presence needs of the port.
type Broker interface {
	broker.State
	broker.Signals
}

// Options configure a Node; the zero value works.
type Options struct {
	Node   string        // its name, for who looks into the broker
	Linger time.Duration // 0: DefaultLinger; below 0: none
	// Derive, if set, tells the agents of a channel from what every node can
	// read, once before it returns and then when they change, until stop.
	Derive func(ctx context.Context, app, channel string, tell func([]Member)) (stop func(), err error)
	Log    *slog.Logger
}

// A Node is this node's side of presence.
type Node struct {
	b      Broker // set once, as all of this group
	id     string // of this process: a node that is started again is another
	linger time.Duration
	derive func(ctx context.Context, app, channel string, tell func([]Member)) (stop func(), err error)
	log    *slog.Logger
	ctx    context.Context // ends with Close
	end    context.CancelFunc
	wg     sync.WaitGroup

	mu       sync.Mutex // guards the three below; before channel.mu
	channels map[room]*channel
	seen     map[string]time.Time // when another node's lease was last known to stand
	closed   bool

	spawnMu sync.Mutex // guards the one below and wg's growth
	ended   bool

	leaseMu sync.Mutex // held while the lease is written; guards the two below
	held    bool
	rev     broker.Rev
}

// New starts the presence of a node over b. Close ends it.
func New(b Broker, o Options) *Node {
	n := &Node{
		b: b, id: o.Node + "." + rand.Text()[:8], linger: o.Linger, derive: o.Derive, log: o.Log,
		channels: make(map[room]*channel), seen: make(map[string]time.Time),
	}
	if n.linger == 0 {
		n.linger = DefaultLinger
	}
	if n.log == nil {
		n.log = slog.Default()
	}
	n.ctx, n.end = context.WithCancel(context.Background())
	n.wg.Go(n.mind)
	return n
}

// spawn runs f on a goroutine that Close waits for, unless it is too late.
func (n *Node) spawn(f func()) bool {
	n.spawnMu.Lock()
	defer n.spawnMu.Unlock()
	if n.ended {
		return false
	}
	n.wg.Go(f)
	return true
}

// Open looks at a channel. wake is called when there is something to tell.
func (n *Node) Open(ctx context.Context, app, ch string, wake func()) (*View, error) {
	r := room{app, ch}
	v := &View{wake: wake}
	n.mu.Lock()
	if n.closed {
		n.mu.Unlock()
		return nil, broker.ErrClosed
	}
	c := n.channels[r]
	if c == nil {
		c = &channel{
			n: n, room: r, ready: make(chan struct{}), set: NewSet(), views: make(map[*View]struct{}), locals: make(map[string]*local),
			rosters: make(map[uint64]*Roster), share: share{stale: make(map[string]bool), dead: make(map[string]bool)},
		}
		n.channels[r] = c
		n.spawn(c.open)
	}
	v.c = c
	c.mu.Lock()
	c.views[v] = struct{}{}
	c.mu.Unlock()
	n.mu.Unlock()
	var err error
	select {
	case <-c.ready:
		err = c.err
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		v.Close(false)
		return nil, err
	}
	return v, nil
}

// open makes a channel ready, or gives it up.
func (c *channel) open() {
	defer close(c.ready)
	ctx, cancel := context.WithTimeout(c.n.ctx, callTime)
	defer cancel()
	unsubscribe, err := c.n.b.Subscribe(ctx, c.room.topic(), c.hear)
	underive := func() {}
	if err == nil {
		if err = c.load(ctx); err == nil && c.n.derive != nil {
			underive, err = c.n.derive(ctx, c.room.app, c.room.channel, c.derive)
		}
		if err != nil {
			unsubscribe()
		}
	}
	if err != nil {
		c.err = err
		c.n.mu.Lock()
		delete(c.n.channels, c.room)
		c.n.mu.Unlock()
		return
	}
	c.stop = func() { unsubscribe(); underive() }
}

// mind keeps the node's lease and looks after those of others.
func (n *Node) mind() {
	beat, tick := time.NewTicker(leaseBeat), time.NewTicker(tickEvery)
	defer beat.Stop()
	defer tick.Stop()
	for {
		select {
		case <-n.ctx.Done():
			return
		case <-beat.C:
			n.beat()
		case <-tick.C:
			n.tick(time.Now())
		}
	}
}

func (n *Node) leaseKey(node string) broker.Key { return broker.Key{Name: "presence:" + node} }

// hold takes the node's lease, unless it is held.
func (n *Node) hold(ctx context.Context) error {
	n.leaseMu.Lock()
	defer n.leaseMu.Unlock()
	if n.held {
		return nil
	}
	rev, err := put(ctx, n.b, n.leaseKey(n.id), []byte("1"), 0, leaseTTL)
	n.held, n.rev = err == nil, rev
	return err
}

// beat renews the node's lease. A node that finds it gone was taken for dead,
// and says again all that it has to say.
func (n *Node) beat() {
	ctx, cancel := context.WithTimeout(n.ctx, leaseBeat)
	defer cancel()
	n.leaseMu.Lock()
	defer n.leaseMu.Unlock()
	if !n.held {
		return
	}
	rev, err := n.b.Set(ctx, n.leaseKey(n.id), []byte("1"), n.rev, leaseTTL)
	if err == nil {
		n.rev = rev
		return
	}
	if n.ctx.Err() != nil {
		return
	}
	n.log.Warn("renew presence lease", "err", err)
	if !errors.Is(err, broker.ErrConflict) {
		return // the next beat may come in time
	}
	n.held = false
	for _, c := range n.all() {
		c.mu.Lock()
		if len(c.locals) > 0 {
			c.dirty, c.indexed = true, false
			c.start()
		}
		c.mu.Unlock()
	}
}

// heard notes a sign of life of another node.
func (n *Node) heard(node string) {
	n.mu.Lock()
	n.seen[node] = time.Now()
	n.mu.Unlock()
}

// stands reports whether another node's lease does; what was known lately is
// not asked for again.
func (n *Node) stands(ctx context.Context, node string) (bool, error) {
	n.mu.Lock()
	at, ok := n.seen[node]
	n.mu.Unlock()
	if ok && time.Since(at) < tickEvery {
		return true, nil
	}
	_, rev, err := n.b.Get(ctx, n.leaseKey(node))
	if err != nil {
		return false, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if rev == 0 {
		delete(n.seen, node)
		return false, nil
	}
	n.seen[node] = time.Now()
	return true, nil
}

// tick drops nodes whose lease is gone, gives up channels that nobody needs,
// and does again what failed.
func (n *Node) tick(now time.Time) {
	foreign := make(map[string][]*channel)
	for _, c := range n.all() {
		if n.release(c) {
			continue
		}
		c.mu.Lock()
		c.broken = false
		c.reload = c.reload || now.Sub(c.loaded) >= reread
		c.dirty = c.dirty || c.indexed && now.Sub(c.written) >= partTTL/3
		c.start()
		for _, node := range c.set.Nodes() {
			if node != n.id && node != derivedNode {
				foreign[node] = append(foreign[node], c)
			}
		}
		c.mu.Unlock()
	}
	ctx, cancel := context.WithTimeout(n.ctx, callTime)
	defer cancel()
	for node, cs := range foreign {
		_, rev, err := n.b.Get(ctx, n.leaseKey(node))
		if err != nil {
			return // nobody is dead because the broker is
		}
		if rev != 0 {
			n.heard(node)
			continue
		}
		n.mu.Lock()
		delete(n.seen, node)
		n.mu.Unlock()
		for _, c := range cs {
			c.lost(node)
		}
	}
}

// all returns the channels that are ready.
func (n *Node) all() []*channel {
	n.mu.Lock()
	defer n.mu.Unlock()
	out := make([]*channel, 0, len(n.channels))
	for _, c := range n.channels {
		select {
		case <-c.ready:
			out = append(out, c)
		default:
		}
	}
	return out
}

// release gives up a channel that nobody looks at and that has nobody here.
func (n *Node) release(c *channel) bool {
	n.mu.Lock()
	c.mu.Lock()
	idle := len(c.views)+len(c.locals) == 0 && !c.dirty && !c.running
	if idle && n.channels[c.room] == c {
		delete(n.channels, c.room)
	}
	c.mu.Unlock()
	n.mu.Unlock()
	if idle {
		c.stop()
	}
	return idle
}

// Close ends the node's presence. Its members stay for a moment, as they do
// when their sessions close: they are expected on another node.
func (n *Node) Close() {
	n.mu.Lock()
	n.closed = true
	n.mu.Unlock()
	n.end()
	n.spawnMu.Lock()
	n.ended = true
	n.spawnMu.Unlock()
	n.wg.Wait()
	for _, c := range n.all() {
		if c.stop != nil {
			c.stop()
		}
	}
	n.leaseMu.Lock()
	defer n.leaseMu.Unlock()
	if !n.held {
		return
	}
	n.held = false
	ctx, cancel := context.WithTimeout(context.Background(), tickEvery)
	defer cancel()
	if _, err := n.b.Set(ctx, n.leaseKey(n.id), []byte("1"), n.rev, max(n.linger, time.Millisecond)); err != nil {
		n.log.Warn("end presence lease", "err", err) // it runs out by itself
	}
}
