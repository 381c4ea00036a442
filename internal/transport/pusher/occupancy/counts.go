package occupancy

import (
	"context"
	"time"

	"github.com/karez/karez/internal/presence"
	"github.com/karez/karez/internal/transport/pusher/apps"
)

// Subscribers returns how many subscribers a channel has on all nodes. This
// node's are counted as they are now.
func (r *Occupancy) Subscribers(ctx context.Context, a *apps.App, ch string) (int, error) {
	b, _, err := get[bucket](ctx, r.b, bucketKey(a, bucketOf(ch)))
	if err != nil {
		return 0, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	_, n := b.set(ch, r.node, r.local[place{a, ch}])
	return n, nil
}

// Occupied returns all channels that have subscribers, and how many.
func (r *Occupancy) Occupied(ctx context.Context, a *apps.App) (map[string]int, error) {
	out := make(map[string]int)
	node := r.node
	for i := range buckets {
		b, _, err := get[bucket](ctx, r.b, bucketKey(a, i))
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

// People returns the ids of a presence channel's members that are no agents.
func (r *Occupancy) People(ctx context.Context, a *apps.App, ch string) ([]string, error) {
	all, err := r.g.Members(ctx, a.Tenant, ch)
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

// Connected returns how many connections an app has on all nodes; other nodes'
// are as they were within beatEvery.
func (r *Occupancy) Connected(ctx context.Context, a *apps.App) (int, error) {
	all, _, err := get[beats](ctx, r.b, beatsKey)
	if err != nil {
		return 0, err
	}
	n := r.connections()[a.ID]
	for node, b := range all {
		if node != r.node && time.Since(time.Unix(b.At, 0)) < beatDead {
			n += b.Conns[a.ID]
		}
	}
	return n, nil
}
