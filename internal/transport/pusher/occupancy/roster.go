package occupancy

import (
	"context"
	"slices"

	"github.com/karez/karez/broker"
)

// A roster is a value of State: the members of a presence channel that webhooks
// were told of.
type roster struct {
	IDs []string   `json:"ids,omitempty"`
	Out []outEvent `json:"out,omitempty"`
}

// checkMembers tells webhooks who has come and gone since they were last told,
// whoever saw it: the node whose write holds tells it.
func (r *Occupancy) checkMembers(ctx context.Context, p place) {
	added, removed := hookEvent{Name: hookAdded, Channel: p.ch}, hookEvent{Name: hookRemoved, Channel: p.ch}
	if !wanted(p.app, &added) && !wanted(p.app, &removed) {
		r.checked(p, true)
		return
	}
	ids, err := r.People(ctx, p.app, p.ch)
	if err == nil {
		err = r.tellMembers(ctx, p, ids)
	}
	if err != nil {
		r.log.Warn("check members", "channel", p.ch, "err", err)
	}
	if err == nil {
		r.checked(p, len(ids) == 0)
	}
}

// checked counts a check; a channel that this node has subscribers on hears of
// every change, others are looked at for a while.
func (r *Occupancy) checked(p place, done bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.members[p]--; done || r.members[p] <= 0 || r.local[p] > 0 {
		delete(r.members, p)
	}
}

func (r *Occupancy) tellMembers(ctx context.Context, p place, ids []string) error {
	k := broker.Key{App: p.app.Tenant, Channel: p.ch, Name: "pusher-members-" + p.app.ID}
	var out []hookEvent
	err := update(ctx, r.b, k, 0, func(o *roster) bool {
		before := len(o.Out)
		for _, id := range ids {
			if !slices.Contains(o.IDs, id) {
				o.Out = append(o.Out, r.out(hookEvent{Name: hookAdded, Channel: p.ch, UserID: id})...)
			}
		}
		for _, id := range o.IDs {
			if !slices.Contains(ids, id) {
				o.Out = append(o.Out, r.out(hookEvent{Name: hookRemoved, Channel: p.ch, UserID: id})...)
			}
		}
		changed := len(o.Out) > before
		o.IDs, out = ids, mine(o.Out, r.node)
		return changed || len(out) > 0
	})
	if err != nil || len(out) == 0 {
		return err
	}
	if err := r.hooks.put(ctx, p.app, out...); err != nil {
		return err
	}
	return update(ctx, r.b, k, 0, func(o *roster) bool {
		o.Out = without(o.Out, out)
		return true
	})
}
