package pusher

import (
	"context"
	"time"

	"github.com/karez/karez/internal/presence"
)

// subscribers returns how many subscribers a channel has on all nodes. This
// node's are counted as they are now.
func (r *rooms) subscribers(ctx context.Context, a *App, ch string) (int, error) {
	b, _, err := get[bucket](ctx, r.t.broker(), bucketKey(a, bucketOf(ch)))
	if err != nil {
		return 0, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	_, n := b.set(ch, r.node, r.local[place{a, ch}])
	return n, nil
}

// occupied returns all channels that have subscribers, and how many.
func (r *rooms) occupied(ctx context.Context, a *App) (map[string]int, error) {
	out := make(map[string]int)
	node := r.node
	for i := range buckets {
		b, _, err := get[bucket](ctx, r.t.broker(), bucketKey(a, i))
		if err != nil {
			return nil, err
		}
		for ch, nodes := range b.Count {
			delete(nodes, node)
			if n := total(nodes); n > 0 {
				out[ch] = n
			}
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for p, n := range r.local {
		if p.app == a {
			out[p.ch] += n
		}
	}
	return out, nil
}

// people returns the ids of a presence channel's members that are no agents.
func (t *Transport) people(ctx context.Context, a *App, ch string) ([]string, error) {
	all, err := t.g.Members(ctx, a.Tenant, ch)
	if err != nil {
		return nil, err
	}
	ids := make([]string, 0, len(all))
	for _, m := range all {
		if m.Kind != presence.Agent {
			ids = append(ids, m.ID)
		}
	}
	return ids, nil
}

// connections counts this node's connections by app.
func (t *Transport) connections() map[string]int {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make(map[string]int)
	for a, n := range t.count {
		if n > 0 {
			out[a.ID] = n
		}
	}
	return out
}

// connected returns how many connections an app has on all nodes; other nodes'
// are as they were within beatEvery.
func (r *rooms) connected(ctx context.Context, a *App) (int, error) {
	all, _, err := get[beats](ctx, r.t.broker(), beatsKey)
	if err != nil {
		return 0, err
	}
	n := r.t.connections()[a.ID]
	for node, b := range all {
		if node != r.node && time.Since(time.Unix(b.At, 0)) < beatDead {
			n += b.Conns[a.ID]
		}
	}
	return n, nil
}
