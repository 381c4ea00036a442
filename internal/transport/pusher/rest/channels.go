package rest

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/internal/transport/pusher/apps"
)

// kickTime is how long other nodes may take to say that they have closed a
// user's connections; those that take longer close them, too.
const kickTime = 500 * time.Millisecond

// attributes are what a caller wants to know of a channel.
func (t *API) attributes(ctx context.Context, a *apps.App, ch string, attrs []string) (map[string]any, error) {
	out := make(map[string]any)
	for _, attr := range attrs {
		switch attr {
		case "user_count":
			if !apps.IsPresence(ch) {
				continue
			}
			ids, err := t.occ.People(ctx, a, ch)
			if err != nil {
				return nil, err
			}
			out[attr] = len(ids)
		case "subscription_count":
			n, err := t.occ.Subscribers(ctx, a, ch)
			if err != nil {
				return nil, err
			}
			out[attr] = n
		case "cache":
			e, err := t.occ.Last(ctx, a, ch)
			if err != nil {
				return nil, err
			}
			if e.Name != "" {
				out[attr] = map[string]any{"data": e.Data, "ttl": a.CacheSeconds}
			}
		}
	}
	return out, nil
}

func (t *API) listChannels(c *call) (any, error) {
	prefix := c.query.Get("filter_by_prefix")
	attrs, err := info(c.query.Get("info"), "user_count", "subscription_count")
	if err != nil {
		return nil, err
	}
	if slices.Contains(attrs, "user_count") && !apps.IsPresence(prefix) {
		return nil, refusal(http.StatusBadRequest, "user_count is for presence channels: give filter_by_prefix=presence-")
	}
	all, err := t.occ.Occupied(c.Context(), c.app)
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

func (t *API) showChannel(c *call) (any, error) {
	ch := c.PathValue("channel")
	if !apps.GoodChannel(ch) {
		return nil, refusal(http.StatusBadRequest, "invalid channel name %q", apps.Clip(ch))
	}
	attrs, err := info(c.query.Get("info"), "user_count", "subscription_count", "cache")
	if err != nil {
		return nil, err
	}
	switch {
	case slices.Contains(attrs, "user_count") && !apps.IsPresence(ch):
		return nil, refusal(http.StatusBadRequest, "user_count is for presence channels")
	case slices.Contains(attrs, "cache") && !apps.IsCache(ch):
		return nil, refusal(http.StatusBadRequest, "cache is for cache channels")
	}
	n, err := t.occ.Subscribers(c.Context(), c.app, ch)
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

func (t *API) listUsers(c *call) (any, error) {
	ch := c.PathValue("channel")
	if !apps.GoodChannel(ch) || !apps.IsPresence(ch) {
		return nil, refusal(http.StatusBadRequest, "users are listed of presence channels only")
	}
	ids, err := t.occ.People(c.Context(), c.app, ch)
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
func (t *API) terminate(c *call) (any, error) {
	if _, err := t.g.Kick(c.Context(), gateway.Target{App: c.app.Tenant, User: c.PathValue("user")}, kickTime); err != nil {
		return nil, err
	}
	return struct{}{}, nil
}

func (t *API) countConnections(c *call) (any, error) {
	n, err := t.occ.Connected(c.Context(), c.app)
	if err != nil {
		return nil, err
	}
	return map[string]int{"connections": n}, nil
}
