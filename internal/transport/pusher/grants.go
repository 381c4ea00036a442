package pusher

import (
	"sync"

	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/internal/transport/pusher/apps"
)

// grants are what a connection may do: what its app's configuration gives to
// everybody, and what signatures have proven since (design: 8).
type grants struct {
	app *apps.App // set once

	mu     sync.Mutex // guards the one below
	proven map[string]bool
}

func (g *grants) prove(ch string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.proven == nil {
		g.proven = make(map[string]bool)
	}
	g.proven[ch] = true
}

func (g *grants) forget(ch string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.proven, ch)
}

// May is part of gateway.Grants.
func (g *grants) May(verb, app, ch string) bool {
	if app != g.app.Tenant {
		return false
	}
	g.mu.Lock()
	proven := g.proven[ch]
	g.mu.Unlock()
	open := g.app.IsOpen(ch)
	switch verb {
	case gateway.Read:
		return proven || open
	case gateway.Presence:
		return proven
	case gateway.Publish:
		switch g.app.AcceptClientEventsFrom {
		case apps.FromMembers:
			return proven
		case apps.FromAll:
			return proven || open
		}
	case gateway.Prompt, gateway.Cancel:
		return g.app.Prompts && proven
	}
	return false
}
