package occupancy

import (
	"context"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/internal/transport/pusher/apps"
)

// beats is a value of State: when each node was last there, and how many
// connections each app had there.
type beats map[string]beat

type beat struct {
	At    int64          `json:"at"` // Unix seconds
	Conns map[string]int `json:"conns,omitempty"`
}

var beatsKey = broker.Key{Name: "pusher-nodes"}

// beat says that this node is there, and cleans up after those that are not.
func (r *Occupancy) beat(ctx context.Context) {
	now := time.Now().Unix()
	own := beat{At: now, Conns: r.connections()}
	var dead []string
	err := update(ctx, r.b, beatsKey, 0, func(b *beats) bool {
		if *b == nil {
			*b = make(beats)
		}
		dead = nil
		for node, other := range *b {
			if now-other.At > int64(beatDead/time.Second) && node != r.node {
				dead = append(dead, node)
			}
		}
		(*b)[r.node] = own
		return true
	})
	if err != nil {
		r.log.Warn("count connections", "err", err)
		return
	}
	for _, node := range dead {
		if err := r.bury(ctx, node); err != nil {
			r.log.Warn("forget node", "dead", node, "err", err)
		}
	}
}

// bury takes a dead node out of all counts.
func (r *Occupancy) bury(ctx context.Context, node string) error {
	for _, a := range r.apps {
		for i := range buckets {
			var places []place
			var out []hookEvent
			k := bucketKey(a, i)
			err := update(ctx, r.b, k, 0, func(b *bucket) bool {
				places = nil
				for ch, nodes := range b.Count {
					if nodes[node] > 0 {
						places = append(places, place{a, ch})
					}
				}
				for _, p := range places {
					before, after := b.set(p.ch, node, 0)
					b.Out = append(b.Out, r.out(transitions(a, p.ch, before, after)...)...)
				}
				out = mine(b.Out, r.node, node)
				return len(places) > 0
			})
			if err == nil {
				err = r.tell(ctx, a, k, out)
			}
			if err != nil {
				return err
			}
			r.mu.Lock()
			for _, p := range places {
				if apps.IsPresence(p.ch) {
					r.members[p] = recheckFor
				}
			}
			r.mu.Unlock()
		}
	}
	r.wake()
	return update(ctx, r.b, beatsKey, 0, func(b *beats) bool {
		delete(*b, node)
		return true
	})
}
