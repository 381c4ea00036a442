package pusher

import (
	"context"
	"encoding/json"
	"time"

	"github.com/karez/karez/broker"
)

// A cached event is the last one of a cache channel.
type cachedEvent struct {
	Name string          `json:"name,omitempty"`
	Data json.RawMessage `json:"data,omitempty"`
}

func cacheKey(a *App, ch string) broker.Key {
	return broker.Key{App: a.Tenant, Channel: ch, Name: "pusher-cache"}
}

// keep remembers an event for those who subscribe later.
func (t *Transport) keep(ctx context.Context, a *App, ch, name string, data json.RawMessage) error {
	ttl := time.Duration(a.CacheSeconds) * time.Second
	return update(ctx, t.broker(), cacheKey(a, ch), ttl, func(c *cachedEvent) bool {
		*c = cachedEvent{Name: name, Data: data}
		return true
	})
}

// cached returns what a new subscriber of a cache channel gets behind the
// answer: the last event, or cache_miss.
func (t *Transport) cached(ctx context.Context, a *App, ch string) ([]byte, error) {
	c, _, err := get[cachedEvent](ctx, t.broker(), cacheKey(a, ch))
	if err != nil {
		return nil, err
	}
	if c.Name != "" {
		return appendEvent(nil, c.Name, ch, dataText(c.Data), ""), nil
	}
	t.hooks.add(ctx, a, hookEvent{Name: hookMiss, Channel: ch})
	return appendEvent(nil, evCacheMiss, ch, "", ""), nil
}

func (t *Transport) broker() broker.Broker { return t.g.Turns().Broker() }
