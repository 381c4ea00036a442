package presence

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/karez/karez/broker"
)

// partTTL is how long a part is kept when nobody is left to sweep it. It is
// written again when a third of that has passed.
const partTTL = 24 * time.Hour

// reread is how often a channel that is looked at is read again for nothing:
// signals may be lost.
const reread = time.Minute

// A share is what a channel and the broker have in common. channel.mu guards
// it.
type share struct {
	running bool            // run is at work
	broken  bool            // it failed; tick tries again
	dirty   bool            // our part is to be written
	reload  bool            // all is to be read
	stale   map[string]bool // nodes whose part is to be read
	dead    map[string]bool // nodes without a lease, to be swept
	loaded  time.Time       // all was read
	written time.Time       // our part was
	indexed bool            // the channel's index names us
	rev     broker.Rev      // of our part
	lastAt  int64           // see now
}

// A told signal says whose part has changed, or that it was swept.
type toldSignal struct {
	Node  string `json:"node"`
	Swept bool   `json:"swept,omitempty"`
}

func (r room) topic() broker.Topic {
	return broker.Topic{App: r.app, Channel: r.channel, Name: "presence"}
}

// index names the nodes that have a part of the channel.
func (r room) index() broker.Key { return broker.Key{App: r.app, Channel: r.channel, Name: "presence"} }

func (r room) part(node string) broker.Key {
	return broker.Key{App: r.app, Channel: r.channel, Name: "presence:" + node}
}

// hear takes what another node tells. The broker calls it.
func (c *channel) hear(p []byte) {
	var sig toldSignal
	if json.Unmarshal(p, &sig) != nil || sig.Node == derivedNode {
		return
	}
	if sig.Node != c.n.id && !sig.Swept {
		c.n.heard(sig.Node)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case sig.Node == c.n.id && sig.Swept: // we were taken for dead
		c.indexed, c.dirty = false, true
	case sig.Node == c.n.id:
	case sig.Swept:
		c.put(sig.Node, nil)
	default:
		c.stale[sig.Node] = true
	}
	c.start()
}

// start lets run work, unless it does. c.mu is held.
func (c *channel) start() {
	if !c.running && !c.broken && (c.dirty || c.reload || len(c.stale)+len(c.dead) > 0) {
		c.running = c.n.spawn(c.run)
	}
}

// run does what is to be done at the broker, one thing at a time: what changes
// meanwhile is done with the next.
func (c *channel) run() {
	for {
		c.mu.Lock()
		do := c.next()
		if do == nil || c.n.ctx.Err() != nil {
			c.running = false
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
		ctx, cancel := context.WithTimeout(c.n.ctx, callTime)
		err := do(ctx)
		cancel()
		if err == nil {
			continue
		}
		if c.n.ctx.Err() == nil {
			c.n.log.Warn("share presence", "app", c.room.app, "channel", c.room.channel, "err", err)
		}
		c.mu.Lock()
		c.reload, c.broken, c.running = true, true, false
		c.mu.Unlock()
		return
	}
}

// next takes what is to be done next. c.mu is held. What fails is done again
// later: reload covers all that is read.
func (c *channel) next() func(context.Context) error {
	switch {
	case c.dirty:
		c.dirty = false
		part := make(Part)
		for k, e := range c.set.parts[c.n.id] {
			part[k] = e
		}
		return func(ctx context.Context) error { return c.write(ctx, part) }
	case len(c.dead) > 0:
		node := take(c.dead)
		return func(ctx context.Context) error { return c.sweep(ctx, node) }
	case c.reload:
		c.reload = false
		clear(c.stale)
		return c.load
	case len(c.stale) > 0:
		node := take(c.stale)
		return func(ctx context.Context) error { return c.read(ctx, node) }
	}
	return nil
}

func take(set map[string]bool) (name string) {
	for name = range set {
		break
	}
	delete(set, name)
	return name
}

// write stores our part: the part before the index, so that who finds us there
// finds it, and the lease before both.
func (c *channel) write(ctx context.Context, part Part) (err error) {
	defer func() {
		if err != nil {
			c.mu.Lock()
			c.dirty = true
			c.mu.Unlock()
		}
	}()
	var val []byte
	if len(part) > 0 {
		if err := c.n.hold(ctx); err != nil {
			return err
		}
		if val, err = json.Marshal(part); err != nil {
			return err
		}
	}
	c.mu.Lock()
	rev, indexed := c.rev, c.indexed
	c.mu.Unlock()
	if rev, err = put(ctx, c.n.b, c.room.part(c.n.id), val, rev, partTTL); err != nil {
		return err
	}
	if indexed != (val != nil) {
		if err := c.enlist(ctx, c.n.id, val != nil); err != nil {
			return err
		}
	}
	c.mu.Lock()
	c.rev, c.indexed, c.written = rev, val != nil, time.Now()
	c.mu.Unlock()
	return c.publish(ctx, toldSignal{Node: c.n.id})
}

// put stores a value that only this node writes.
func put(ctx context.Context, s broker.State, k broker.Key, val []byte, rev broker.Rev, ttl time.Duration) (broker.Rev, error) {
	for {
		next, err := s.Set(ctx, k, val, rev, ttl)
		if !errors.Is(err, broker.ErrConflict) {
			return next, err
		}
		// It was swept, has expired, or an answer of the broker was lost.
		if _, rev, err = s.Get(ctx, k); err != nil {
			return 0, err
		}
	}
}

// enlist puts a node into the channel's index, or takes it out.
func (c *channel) enlist(ctx context.Context, node string, in bool) error {
	return broker.Update(ctx, c.n.b, c.room.index(), partTTL, func(old []byte) ([]byte, bool, error) {
		nodes := decodeIndex(old)
		if slices.Contains(nodes, node) == in {
			return nil, true, nil
		}
		if in {
			nodes = append(nodes, node)
		} else {
			nodes = slices.DeleteFunc(nodes, func(n string) bool { return n == node })
		}
		if len(nodes) == 0 {
			return nil, false, nil
		}
		val, err := json.Marshal(nodes)
		return val, false, err
	})
}

func decodeIndex(p []byte) (nodes []string) {
	if json.Unmarshal(p, &nodes) != nil {
		return nil // absent, or nothing of ours
	}
	return nodes
}

func (c *channel) publish(ctx context.Context, sig toldSignal) error {
	p, err := json.Marshal(sig)
	if err != nil {
		return err
	}
	return c.n.b.Publish(ctx, c.room.topic(), p)
}

// load reads the parts of all nodes.
func (c *channel) load(ctx context.Context) error {
	val, _, err := c.n.b.Get(ctx, c.room.index())
	if err != nil {
		return err
	}
	nodes := decodeIndex(val)
	c.mu.Lock()
	c.loaded = time.Now()
	if ours := slices.Contains(nodes, c.n.id); ours != c.indexed {
		c.indexed, c.dirty = ours, true // the channel's state was deleted, or our leaving was cut short
	}
	for _, node := range c.set.Nodes() {
		if node != c.n.id && node != derivedNode && !slices.Contains(nodes, node) {
			c.put(node, nil)
		}
	}
	c.mu.Unlock()
	for _, node := range nodes {
		if node == c.n.id || node == derivedNode {
			continue
		}
		if err := c.read(ctx, node); err != nil {
			return err
		}
	}
	return nil
}

// read reads the part of one node, whose lease must stand.
func (c *channel) read(ctx context.Context, node string) error {
	live, err := c.n.stands(ctx, node)
	if err != nil {
		return err
	}
	if !live {
		c.lost(node)
		return nil
	}
	val, _, err := c.n.b.Get(ctx, c.room.part(node))
	if err != nil {
		return err
	}
	part := make(Part)
	var in Part
	if json.Unmarshal(val, &in) == nil {
		for _, e := range in {
			if e.Check() == nil {
				part[e.key()] = e
			}
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range part {
		c.lastAt = max(c.lastAt, min(e.At, time.Now().Add(time.Minute).UnixMilli())) // a clock may be ahead, not by much
	}
	c.put(node, part)
	return nil
}

// put takes in another node's part. c.mu is held.
func (c *channel) put(node string, part Part) {
	if c.set.Put(node, part) {
		c.changed(false)
	}
}

// lost drops a node whose lease is gone, and has what it left swept.
func (c *channel) lost(node string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.put(node, nil)
	c.dead[node] = true
	c.start()
}

// sweep removes what a dead node has left. Others may do the same.
func (c *channel) sweep(ctx context.Context, node string) error {
	if _, err := put(ctx, c.n.b, c.room.part(node), nil, 0, 0); err != nil {
		return err
	}
	if err := c.enlist(ctx, node, false); err != nil {
		return err
	}
	return c.publish(ctx, toldSignal{Node: node, Swept: true})
}
