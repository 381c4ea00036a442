package pusher

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/karez/karez/internal/gateway"
)

// kickTime is how long other nodes may take to say that they have closed a
// user's connections; those that take longer close them, too.
const kickTime = 500 * time.Millisecond

// attributes are what a caller wants to know of a channel.
func (t *Transport) attributes(ctx context.Context, a *App, ch string, attrs []string) (map[string]any, error) {
	out := make(map[string]any)
	for _, attr := range attrs {
		switch attr {
		case "user_count":
			if !isPresence(ch) {
				continue
			}
			ids, err := t.people(ctx, a, ch)
			if err != nil {
				return nil, err
			}
			out[attr] = len(ids)
		case "subscription_count":
			n, err := t.rooms.subscribers(ctx, a, ch)
			if err != nil {
				return nil, err
			}
			out[attr] = n
		case "cache":
			c, _, err := get[cachedEvent](ctx, t.broker(), cacheKey(a, ch))
			if err != nil {
				return nil, err
			}
			if c.Name != "" {
				out[attr] = map[string]any{"data": dataText(c.Data), "ttl": a.CacheSeconds}
			}
		}
	}
	return out, nil
}

func (t *Transport) listChannels(c *call) (any, error) {
	prefix := c.query.Get("filter_by_prefix")
	attrs, err := info(c.query.Get("info"), "user_count", "subscription_count")
	if err != nil {
		return nil, err
	}
	if slices.Contains(attrs, "user_count") && !isPresence(prefix) {
		return nil, refusal(http.StatusBadRequest, "user_count is for presence channels: give filter_by_prefix=presence-")
	}
	all, err := t.rooms.occupied(c.Context(), c.app)
	if err != nil {
		return nil, err
	}
	out := make(map[string]any)
	for ch := range all {
		if !strings.HasPrefix(ch, prefix) || ch[0] == '#' {
			continue
		}
		if out[ch], err = t.attributes(c.Context(), c.app, ch, attrs); err != nil {
			return nil, err
		}
	}
	return map[string]any{"channels": out}, nil
}

func (t *Transport) showChannel(c *call) (any, error) {
	ch := c.PathValue("channel")
	if !goodChannel(ch) {
		return nil, refusal(http.StatusBadRequest, "invalid channel name %q", clip(ch))
	}
	attrs, err := info(c.query.Get("info"), "user_count", "subscription_count", "cache")
	if err != nil {
		return nil, err
	}
	switch {
	case slices.Contains(attrs, "user_count") && !isPresence(ch):
		return nil, refusal(http.StatusBadRequest, "user_count is for presence channels")
	case slices.Contains(attrs, "cache") && !isCache(ch):
		return nil, refusal(http.StatusBadRequest, "cache is for cache channels")
	}
	n, err := t.rooms.subscribers(c.Context(), c.app, ch)
	if err != nil {
		return nil, err
	}
	out, err := t.attributes(c.Context(), c.app, ch, attrs)
	if err != nil {
		return nil, err
	}
	out["occupied"] = n > 0
	return out, nil
}

func (t *Transport) listUsers(c *call) (any, error) {
	ch := c.PathValue("channel")
	if !goodChannel(ch) || !isPresence(ch) {
		return nil, refusal(http.StatusBadRequest, "users are listed of presence channels only")
	}
	ids, err := t.people(c.Context(), c.app, ch)
	if err != nil {
		return nil, err
	}
	users := make([]map[string]string, 0, len(ids))
	for _, id := range ids {
		users = append(users, map[string]string{"id": id})
	}
	return map[string]any{"users": users}, nil
}

// terminate closes all connections of a user who has signed in, on all nodes
// and over all protocols.
func (t *Transport) terminate(c *call) (any, error) {
	if _, err := t.g.Kick(c.Context(), gateway.Target{App: c.app.Tenant, User: c.PathValue("user")}, kickTime); err != nil {
		return nil, err
	}
	return struct{}{}, nil
}

func (t *Transport) countConnections(c *call) (any, error) {
	n, err := t.rooms.connected(c.Context(), c.app)
	if err != nil {
		return nil, err
	}
	return map[string]int{"connections": n}, nil
}
