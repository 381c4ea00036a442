package gateway

import (
	"context"
	"encoding/json"
	"time"

	"github.com/karez/karez/broker"
)

// A Signal is what is in no log: typing, a word to one user.
type Signal struct {
	Channel string          `json:"channel,omitempty"` // "": for a session or user alone
	Name    string          `json:"name"`
	Data    json.RawMessage `json:"data,omitempty"`
	From    string          `json:"from,omitempty"`    // user
	Session string          `json:"session,omitempty"` // of the sender, who does not get it back
	Server  bool            `json:"server,omitempty"`  // from a back end; no client can say so
}

// A room is a channel as signals see it.
type room struct{ app, channel string }

// members are the sessions of this node that follow a channel.
type members struct {
	sessions map[*Session]struct{} // guarded by Gateway.mu
	ready    chan struct{}         // closed when subscribed
	err      error                 // set before ready closes
	stop     func()                // guarded by Gateway.mu
}

func signalTopic(r room) broker.Topic {
	return broker.Topic{App: r.app, Channel: r.channel, Name: "signal"}
}

// subscribeTime bounds a subscription, for which all who join its room wait.
const subscribeTime = 10 * time.Second

// join lets s hear a channel's signals. One subscription serves the node.
func (s *Session) join(ctx context.Context, r room, f *follow) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return ErrClosed
	}
	if s.rooms == nil {
		s.rooms = make(map[room]*follow)
	}
	s.rooms[r] = f
	s.mu.Unlock()

	m := s.g.enter(r, s)
	var err error
	select {
	case <-m.ready:
		err = m.err
	case <-ctx.Done():
		err = ctx.Err()
	}
	s.mu.Lock()
	if err != nil && s.rooms[r] == f {
		delete(s.rooms, r)
	}
	gone, closed := s.rooms[r] == nil, s.closed
	s.mu.Unlock()
	if gone { // also by a Close, a Renew or an Unfollow that came before enter
		s.g.leave(r, s)
	}
	switch {
	case err != nil:
		return err
	case closed:
		return ErrClosed
	case gone:
		return ErrNotFollow
	}
	return nil
}

// enter makes s a member of a room, which is made if need be.
func (g *Gateway) enter(r room, s *Session) *members {
	g.mu.Lock()
	m := g.rooms[r]
	first := m == nil
	if first {
		m = &members{sessions: make(map[*Session]struct{}), ready: make(chan struct{})}
		g.rooms[r] = m
	}
	m.sessions[s] = struct{}{}
	g.mu.Unlock()
	// Whoever came first may leave before it stands, so it is nobody's own.
	if first && !g.spawn(func() { g.subscribe(r, m) }) {
		m.err = ErrDraining
		close(m.ready)
	}
	return m
}

func (g *Gateway) subscribe(r room, m *members) {
	ctx, cancel := context.WithTimeout(g.ctx, subscribeTime)
	defer cancel()
	stop, err := g.b.Subscribe(ctx, signalTopic(r), func(p []byte) { g.onSignal(m, p) })
	g.mu.Lock()
	m.stop, m.err = stop, err
	orphan := g.rooms[r] != m
	if err != nil && !orphan {
		delete(g.rooms, r)
	}
	g.mu.Unlock()
	close(m.ready)
	if orphan && err == nil {
		stop()
	}
}

// leave takes s out of a room, and the room off the node with its last member.
func (g *Gateway) leave(r room, s *Session) {
	g.mu.Lock()
	m := g.rooms[r]
	var stop func()
	if m != nil {
		delete(m.sessions, s)
		if len(m.sessions) == 0 {
			delete(g.rooms, r)
			stop = m.stop
		}
	}
	g.mu.Unlock()
	if stop != nil {
		stop()
	}
}

// onSignal hands a signal to the members of a room. The broker calls it.
func (g *Gateway) onSignal(m *members, p []byte) {
	var sig Signal
	if json.Unmarshal(p, &sig) != nil {
		return
	}
	g.mu.Lock()
	to := make([]*Session, 0, len(m.sessions))
	for s := range m.sessions {
		if s.id != sig.Session {
			to = append(to, s)
		}
	}
	g.mu.Unlock()
	for _, s := range to {
		s.conn.Signal(sig)
	}
}

// Signal sends sig to all who follow its channel, on any node. What of it comes
// from outside is the caller's to check.
func (g *Gateway) Signal(ctx context.Context, app string, sig Signal) error {
	p, err := json.Marshal(sig)
	if err != nil {
		return err
	}
	return g.b.Publish(ctx, signalTopic(room{app, sig.Channel}), p)
}
