package occupancy

import (
	"context"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/internal/transport/pusher/apps"
)

// An Event is the last one of a cache channel.
type Event struct {
	Name string `json:"name,omitempty"`
	Data string `json:"data,omitempty"`
}

func cacheKey(a *apps.App, ch string) broker.Key {
	return broker.Key{App: a.Tenant, Channel: ch, Name: "pusher-cache"}
}

// Keep remembers the last event of a cache channel for those who subscribe
// later.
func (r *Occupancy) Keep(ctx context.Context, a *apps.App, ch string, e Event) error {
	ttl := time.Duration(a.CacheSeconds) * time.Second
	return update(ctx, r.b, cacheKey(a, ch), ttl, func(kept *Event) bool {
		*kept = e
		return true
	})
}

// Last returns the last event of a cache channel; its name is "" if there is
// none.
func (r *Occupancy) Last(ctx context.Context, a *apps.App, ch string) (Event, error) {
	e, _, err := get[Event](ctx, r.b, cacheKey(a, ch))
	return e, err
}
