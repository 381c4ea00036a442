package gateway

import (
	"context"
	"errors"
	"maps"
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
	g    *Gateway // set once, as all of this group
	s    *Session
	room room
	tell func([]Member)

	mu     sync.Mutex        // guards the three below
	turns  map[uint32]string // by number
	states map[string]string // of turns that have not ended
	shown  string
}

// derive tells the agent of a channel; see presence.Options.
func (g *Gateway) derive(ctx context.Context, app, ch string, tell func([]Member)) (stop func(), err error) {
	a := &agents{g: g, room: room{app, ch}, tell: tell, turns: make(map[uint32]string)}
	a.s = &Session{
		g: g, id: g.opts.Node + "-agents", conn: a, who: Identity{App: app, Grants: readAll{}}, opened: time.Now(),
		cursors: make(map[turn.ID]*Cursor), rooms: map[room]*follow{a.room: {opened: make(map[string]bool)}}, // it hears no signals
	}
	if err := a.begin(ctx); err != nil {
		a.s.Close(nil)
		return nil, err
	}
	return func() { a.s.Close(nil) }, nil
}

// begin tells how the channel's agent is, and sets cursors where that was read.
func (a *agents) begin(ctx context.Context) error {
	app, ch := a.room.app, a.room.channel
	top, live, err := a.s.now(ctx, app, ch)
	if err != nil {
		return err
	}
	states := make(map[string]string)
	for name := range live {
		at, state, err := a.g.agentState(ctx, turn.NewID(app, ch, name))
		if err != nil {
			return err
		}
		if state != "" {
			states[name], live[name] = state, at
		}
	}
	a.mu.Lock()
	a.states = maps.Clone(states)
	a.show()
	a.mu.Unlock()
	for name := range states {
		a.s.mu.Lock()
		if fo := a.s.rooms[a.room]; fo != nil {
			fo.opened[name] = true
		}
		a.s.mu.Unlock()
		if err := a.s.add(turn.NewID(app, ch, name), live[name], false, Pace{}); err != nil && !errors.Is(err, ErrTooMany) {
			return err
		}
	}
	return a.s.add(turn.Timeline(app, ch), top, true, Pace{})
}

// again begins anew where the timeline is now: it was deleted, or lost its end.
func (a *agents) again() {
	err := a.begin(a.g.ctx)
	for err != nil && !errors.Is(err, ErrClosed) {
		select {
		case <-a.g.ctx.Done():
			return
		case <-time.After(time.Second):
		}
		err = a.begin(a.g.ctx)
	}
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

// show tells the agent if it has changed: it is as busy as the busiest of its
// turns. a.mu is held.
func (a *agents) show() {
	state := ""
	for _, s := range a.states {
		if rank[s] > rank[state] {
			state = s
		}
	}
	if state == a.shown {
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

// Ended forgets a turn. Without a timeline it would hear of no other.
func (a *agents) Ended(l Log, _ error) error {
	if l.ID.Kind != turn.TurnLog {
		a.g.spawn(a.again)
		return nil
	}
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
