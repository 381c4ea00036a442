// Package occupancy knows, of a Pusher app's channels and over all nodes, who is
// subscribed and what was said last, and tells webhooks of it.
//
// Read rooms.go, then roster.go (members), beat.go (nodes that died) and
// hook.go (at least once, over the broker's jobs).
package occupancy

import (
	"context"
	"crypto/rand"
	"hash/fnv"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/internal/transport/pusher/apps"
)

// buckets is over how many values of State an app's channels are spread. More
// makes changes cheaper, less makes listing all channels cheaper.
const buckets = 32

// Times of rooms.
const (
	gatherTime = 50 * time.Millisecond // changes are written together
	flushTime  = 2 * time.Second       // for the last word of a node that goes down
	beatEvery  = 15 * time.Second      // a node says that it is there
	beatDead   = 60 * time.Second      // and is forgotten after
	outStale   = 30 * time.Second      // an event that waits for so long has lost its node
	recheck    = 2 * time.Second       // who has left a channel may still be in its grace
	recheckFor = 30                    // times
)

// countEvent is the protocol's own name for how many subscribers there are.
const countEvent = "pusher_internal:subscription_count"

// A place is a channel of an app.
type place struct {
	app *apps.App
	ch  string
}

// Options configure an Occupancy.
type Options struct {
	Connections func() map[string]int // of this node, by app
	Client      *http.Client          // that sends webhooks; nil: one that follows no redirects
	Log         *slog.Logger
}

// An Occupancy counts the subscribers of channels: exactly on this node, and
// for all nodes in State, where a change from nobody to somebody is seen by one
// node alone, which tells the webhooks.
type Occupancy struct {
	g           *gateway.Gateway // set once, as all of this group
	b           broker.Broker
	apps        []*apps.App
	hooks       *hooks
	connections func() map[string]int
	log         *slog.Logger
	ctx         context.Context // ends with Close
	stop        context.CancelFunc
	wg          sync.WaitGroup
	node        string        // this run of the node: one that comes back under its name begins at nothing
	woken       chan struct{} // capacity 1

	mu      sync.Mutex    // guards all below
	local   map[place]int // subscribers on this node
	dirty   map[place]bool
	members map[place]int // presence channels whose members may have changed: checks left
}

// A bucket is a value of State: who counts how many on which channel. Events
// stand in Out until they are jobs, so that none is lost with a node.
type bucket struct {
	Count map[string]map[string]int `json:"count,omitempty"` // by channel and node
	Out   []outEvent                `json:"out,omitempty"`
}

// An outEvent is not a job yet. The node that made it sees to that, or whoever
// buries the node.
type outEvent struct {
	hookEvent
	By string `json:"by"`
	At int64  `json:"at"` // Unix seconds
}

// mine are the events of nodes, and those that have waited for so long that
// their node must have failed.
func mine(out []outEvent, nodes ...string) (told []hookEvent) {
	for _, e := range out {
		if slices.Contains(nodes, e.By) || time.Since(time.Unix(e.At, 0)) > outStale {
			told = append(told, e.hookEvent)
		}
	}
	return told
}

// without is out less what was told.
func without(out []outEvent, told []hookEvent) []outEvent {
	return slices.DeleteFunc(out, func(e outEvent) bool { return slices.ContainsFunc(told, e.same) })
}

// out makes events that wait to be told.
func (r *Occupancy) out(events ...hookEvent) (out []outEvent) {
	for _, e := range events {
		out = append(out, outEvent{e, r.node, time.Now().Unix()})
	}
	return out
}

// New starts to count for list. Close ends it.
func New(g *gateway.Gateway, list []*apps.App, o Options) *Occupancy {
	r := &Occupancy{
		g: g, b: g.Turns().Broker(), apps: list, connections: o.Connections, log: o.Log,
		node: g.Node() + "-" + rand.Text()[:8], woken: make(chan struct{}, 1),
		local: make(map[place]int), dirty: make(map[place]bool), members: make(map[place]int),
	}
	r.ctx, r.stop = context.WithCancel(context.Background())
	r.hooks = newHooks(r, o.Client)
	r.hooks.start()
	r.wg.Go(r.run)
	return r
}

// Close writes down who is still there, and ends what New began.
func (r *Occupancy) Close() {
	r.stop()
	r.wg.Wait()
}

// Joined counts a subscriber in.
func (r *Occupancy) Joined(a *apps.App, ch string) { r.add(place{a, ch}, 1) }

// Left counts a subscriber out.
func (r *Occupancy) Left(a *apps.App, ch string) { r.add(place{a, ch}, -1) }

func (r *Occupancy) add(p place, n int) {
	if p.ch[0] == '#' {
		return // the server's own
	}
	r.mu.Lock()
	if r.local[p] += n; r.local[p] <= 0 {
		delete(r.local, p)
	}
	r.dirty[p] = true
	if apps.IsPresence(p.ch) {
		r.members[p] = recheckFor
	}
	r.mu.Unlock()
	r.wake()
}

// Changed says that the members of a presence channel may be others.
func (r *Occupancy) Changed(a *apps.App, ch string) {
	r.mu.Lock()
	r.members[place{a, ch}] = max(1, r.members[place{a, ch}])
	r.mu.Unlock()
	r.wake()
}

func (r *Occupancy) wake() {
	select {
	case r.woken <- struct{}{}:
	default:
	}
}

// run writes changes to State, together and one after the other.
func (r *Occupancy) run() {
	ctx := r.ctx
	r.beat(ctx)
	tick, again := time.NewTicker(beatEvery), time.NewTicker(recheck)
	defer tick.Stop()
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTime)
			defer cancel()
			r.flush(ctx) // everybody has left
			return
		case <-tick.C:
			r.beat(ctx)
		case <-again.C:
			r.flush(ctx)
		case <-r.woken:
			pause(ctx, gatherTime)
			r.flush(ctx)
		}
	}
}

// flush writes what has changed. What fails is tried again.
func (r *Occupancy) flush(ctx context.Context) {
	r.mu.Lock()
	dirty, members := r.dirty, slices.Collect(maps.Keys(r.members))
	r.dirty = make(map[place]bool)
	r.mu.Unlock()
	groups := make(map[broker.Key][]place)
	for p := range dirty {
		k := bucketKey(p.app, bucketOf(p.ch))
		groups[k] = append(groups[k], p)
	}
	for k, places := range groups {
		if err := r.write(ctx, k, places); err != nil {
			r.log.Warn("count subscribers", "err", err)
			r.mu.Lock()
			for _, p := range places {
				r.dirty[p] = true
			}
			r.mu.Unlock()
		}
	}
	for _, p := range members {
		r.checkMembers(ctx, p)
	}
}

// write sets this node's counts in one bucket, all of them of one app.
func (r *Occupancy) write(ctx context.Context, k broker.Key, places []place) error {
	app := places[0].app
	var counts map[string]int // totals that changed
	var out []hookEvent
	err := update(ctx, r.b, k, 0, func(b *bucket) bool {
		counts = make(map[string]int)
		for _, p := range places {
			r.mu.Lock()
			n := r.local[p]
			r.mu.Unlock()
			if before, after := b.set(p.ch, r.node, n); before != after {
				counts[p.ch] = after
				b.Out = append(b.Out, r.out(transitions(app, p.ch, before, after)...)...)
			}
		}
		out = mine(b.Out, r.node)
		return len(counts) > 0 || len(out) > 0
	})
	if err != nil {
		return err
	}
	r.tellCounts(ctx, app, counts)
	return r.tell(ctx, app, k, out)
}

// tell makes jobs of a bucket's events, and takes them out of it.
func (r *Occupancy) tell(ctx context.Context, a *apps.App, k broker.Key, out []hookEvent) error {
	if len(out) == 0 {
		return nil
	}
	if err := r.hooks.put(ctx, a, out...); err != nil {
		return err
	}
	return update(ctx, r.b, k, 0, func(b *bucket) bool {
		b.Out = without(b.Out, out)
		return true
	})
}

// set changes one node's count and returns the totals before and after.
func (b *bucket) set(ch, node string, n int) (before, after int) {
	before = total(b.Count[ch])
	switch {
	case n > 0 && b.Count == nil:
		b.Count = map[string]map[string]int{ch: {node: n}}
	case n > 0 && b.Count[ch] == nil:
		b.Count[ch] = map[string]int{node: n}
	case n > 0:
		b.Count[ch][node] = n
	default:
		delete(b.Count[ch], node)
		if len(b.Count[ch]) == 0 {
			delete(b.Count, ch)
		}
	}
	return before, total(b.Count[ch])
}

func total(nodes map[string]int) (n int) {
	for _, c := range nodes {
		n += c
	}
	return n
}

// transitions are the events that a change of a channel's subscribers makes, as
// far as anybody wants them.
func transitions(a *apps.App, ch string, before, after int) (out []hookEvent) {
	var all []hookEvent
	switch {
	case before == 0:
		all = append(all, hookEvent{Name: hookOccupied, Channel: ch})
	case after == 0:
		all = append(all, hookEvent{Name: hookVacated, Channel: ch})
	}
	if a.SubscriptionCount && !apps.IsPresence(ch) {
		all = append(all, hookEvent{Name: hookCount, Channel: ch, Count: &after})
	}
	for _, e := range all {
		if wanted(a, &e) {
			out = append(out, e)
		}
	}
	return out
}

func (e hookEvent) same(o hookEvent) bool {
	return e.Name == o.Name && e.Channel == o.Channel && e.UserID == o.UserID && (e.Count == nil || o.Count != nil && *e.Count == *o.Count)
}

// tellCounts tells subscribers how many they are.
func (r *Occupancy) tellCounts(ctx context.Context, a *apps.App, counts map[string]int) {
	if !a.SubscriptionCount {
		return
	}
	for ch, n := range counts {
		if apps.IsPresence(ch) || n == 0 {
			continue
		}
		data := mustJSON(map[string]int{"subscription_count": n})
		if err := r.g.Signal(ctx, a.Tenant, gateway.Signal{Channel: ch, Name: countEvent, Data: data, Server: true}); err != nil {
			r.log.Debug("tell subscription count", "channel", ch, "err", err)
		}
	}
}

func bucketOf(ch string) int {
	h := fnv.New32a()
	h.Write([]byte(ch))
	return int(h.Sum32() % buckets)
}

func bucketKey(a *apps.App, i int) broker.Key {
	return broker.Key{App: a.Tenant, Name: "pusher-rooms-" + a.ID + "-" + strconv.Itoa(i)}
}
