package gateway

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/internal/presence"
	"github.com/karez/karez/turn"
)

// An agents watcher shows a channel's agent while a turn of it has not ended.
// It is one more session with cursors on the channel's logs, and folds of each
// turn nothing but its state: a node that has no other reader of them learns
// it from the same events as one that has, and nobody writes it down.
type agents struct {
	tell func([]Member) // set once

	mu     sync.Mutex // guards the four below
	turns  map[uint32]string
	states map[string]string // of turns that have not ended
	shown  string
	begun  bool // tells
}

// derive tells the agent of a channel; see presence.Options.
func (g *Gateway) derive(ctx context.Context, app, ch string, tell func([]Member)) (stop func(), err error) {
	a := &agents{tell: tell, turns: make(map[uint32]string), states: make(map[string]string)}
	who := Identity{App: app, Grants: readAll{}}
	s := &Session{g: g, id: g.opts.Node + "-agents", conn: a, who: who, opened: time.Now(), cursors: make(map[turn.ID]*Cursor)}
	fo := &follow{opened: make(map[string]bool)}
	s.rooms = map[room]*follow{{app, ch}: fo} // it hears no signals
	top, live, err := s.now(ctx, app, ch)
	if err != nil {
		return nil, err
	}
	for name := range live {
		at, state, err := g.agentState(ctx, turn.NewID(app, ch, name))
		if err != nil {
			s.Close(nil)
			return nil, err
		}
		if state == "" {
			continue
		}
		fo.opened[name], a.states[name] = true, state
		if err := s.add(turn.NewID(app, ch, name), at, false, Pace{}); err != nil && !errors.Is(err, ErrTooMany) {
			s.Close(nil)
			return nil, err
		}
	}
	a.begin()
	if err := s.add(turn.Timeline(app, ch), top, true, Pace{}); err != nil {
		s.Close(nil)
		return nil, err
	}
	return func() { s.Close(nil) }, nil
}

type readAll struct{}

func (readAll) May(verb, _, _ string) bool { return verb == Read }

// agentState says how a turn's agent is, from the turn's last event; "" when
// it has ended.
func (g *Gateway) agentState(ctx context.Context, id turn.ID) (turn.Seq, string, error) {
	info, err := g.b.Info(ctx, id)
	if errors.Is(err, broker.ErrNotFound) || err == nil && info.Ended {
		return 0, "", nil
	}
	if err != nil {
		return 0, "", err
	}
	state := presence.Waiting
	if info.Top > 0 {
		evs, err := g.b.Read(ctx, id, info.Top-1, 1)
		if err != nil && !final(err) {
			return 0, "", err
		}
		if len(evs) > 0 && evs[0].Kind != turn.KindPrompt {
			state = agentAfter(presence.Thinking, evs[0].Kind)
		}
	}
	return info.Top, state, nil
}

// agentAfter is the state of an agent after an event of its turn; "": none.
func agentAfter(state string, k turn.Kind) string {
	switch k {
	case turn.KindPrompt, turn.KindSuspended:
		return presence.Waiting
	case turn.KindText, turn.KindAudio, turn.KindFile:
		return presence.Streaming
	case turn.KindUsage, turn.KindData, turn.KindSource:
		return state
	}
	if k.Terminal() {
		return ""
	}
	return presence.Thinking
}

// begin tells how it stands, and from here on what changes.
func (a *agents) begin() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.begun = true
	a.show()
}

// show tells the agent if it has changed: it is as busy as the busiest of its
// turns. a.mu is held.
func (a *agents) show() {
	state := ""
	for _, s := range a.states {
		if rank[s] > rank[state] {
			state = s
		}
	}
	if !a.begun || state == a.shown {
		return
	}
	a.shown = state
	if state == "" {
		a.tell(nil)
		return
	}
	a.tell([]Member{{ID: presence.Derived, Kind: presence.Agent, State: state}})
}

var rank = map[string]int{presence.Waiting: 1, presence.Thinking: 2, presence.Streaming: 3}

// Opened is part of Conn, as all below.
func (a *agents) Opened(l Log) error {
	if l.ID.Kind != turn.TurnLog {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.turns[l.N] = l.ID.Name
	if _, ok := a.states[l.ID.Name]; !ok {
		a.states[l.ID.Name] = presence.Waiting
	}
	a.show()
	return nil
}

// Deliver folds the states of a turn.
func (a *agents) Deliver(n uint32, b *Batch) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	name, ok := a.turns[n]
	if !ok {
		return nil // the timeline
	}
	for i := range b.Events {
		if state := agentAfter(a.states[name], b.Events[i].Kind); state != "" {
			a.states[name] = state
		} else {
			delete(a.states, name)
		}
	}
	a.show()
	return nil
}

// Ended forgets a turn.
func (a *agents) Ended(l Log, _ error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.states, a.turns[l.N])
	delete(a.turns, l.N)
	a.show()
	return nil
}

func (a *agents) Present(*Roster) error { return nil }
func (a *agents) Signal(Signal)         {}
func (a *agents) Renew(time.Duration)   {}
func (a *agents) Close(error)           {}
