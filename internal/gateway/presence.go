package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/karez/karez/internal/presence"
)

// A Member is one who is present on a channel.
type Member = presence.Member

// A Roster says who is on a channel, or what has changed since its reader was
// last told.
type Roster = presence.Roster

// A seat is a session's place in a channel's presence. The pool moves it as it
// moves cursors.
type seat struct {
	mark
	s *Session // set once
	r room     // set once

	view  *presence.View // guarded by s.mu; nil: not open yet, or taken away
	again bool           // guarded by s.mu: everybody is to be told again
}

// Join makes the session's user visible on a channel, and tells the session
// who is there, from a full Roster on. The same user counts once however many
// sessions join. Joining again replaces info and state, and begins again with
// a full Roster. The token needs presence. ErrTooMany: the channel is full, or
// the session is on too many. ErrBadName: state or info cannot be taken.
// broker.ErrTooLarge: the info.
func (s *Session) Join(ctx context.Context, ch, state string, info json.RawMessage) error {
	return s.JoinAs(ctx, ch, Member{ID: s.Who().User, State: state, Info: info})
}

// JoinAs is Join for a transport that knows better than the token who the
// member is: one that has checked a signature over it.
func (s *Session) JoinAs(ctx context.Context, ch string, m Member) error {
	p, err := s.sit(ctx, ch)
	if err != nil {
		return err
	}
	s.mu.Lock()
	v := p.view
	s.mu.Unlock()
	if v == nil {
		return ErrClosed
	}
	if err := v.Join(m); err != nil {
		return refused(err)
	}
	s.sitDown(p)
	return nil
}

// refused puts the words of presence into ours.
func refused(err error) error {
	switch {
	case errors.Is(err, presence.ErrCrowded):
		return fmt.Errorf("%w: %w", ErrTooMany, err)
	case errors.Is(err, presence.ErrBadMember):
		return fmt.Errorf("%w: %w", ErrBadName, err)
	case errors.Is(err, presence.ErrAbsent):
		return ErrNotJoined
	}
	return err
}

// Watch tells the session who is on a channel, from a full Roster on, without
// making anybody visible. Watching again, or what was joined, begins again
// with a full one. The token needs presence.
func (s *Session) Watch(ctx context.Context, ch string) error {
	p, err := s.sit(ctx, ch)
	if err == nil {
		s.sitDown(p)
	}
	return err
}

// sit returns the session's seat at a channel, taken if need be.
func (s *Session) sit(ctx context.Context, ch string) (*seat, error) {
	if err := s.may(Presence, ch); err != nil {
		return nil, err
	}
	p := &seat{s: s, r: room{s.Who().App, ch}}
	s.mu.Lock()
	old, err := s.free(p)
	s.mu.Unlock()
	if old != nil || err != nil {
		return old, err
	}
	v, err := s.g.presence.Open(ctx, p.r.app, ch, func() { s.wake(p) })
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	if old, err = s.free(p); old == nil && err == nil {
		if s.seats == nil {
			s.seats = make(map[room]*seat)
		}
		p.view, s.seats[p.r] = v, p
		s.mu.Unlock()
		return p, nil
	}
	s.mu.Unlock()
	v.Close(false)
	return old, err
}

// free returns the seat that the session has in p's place, or why it may not
// take one. s.mu is held.
func (s *Session) free(p *seat) (*seat, error) {
	switch {
	case s.closed:
		return nil, ErrClosed
	case s.seats[p.r] != nil:
		return s.seats[p.r], nil
	case len(s.seats) >= s.g.opts.MaxFollows:
		return nil, fmt.Errorf("%w: a connection is told of the presence of at most %d channels", ErrTooMany, s.g.opts.MaxFollows)
	}
	return nil, nil
}

// sitDown lets p begin with everybody.
func (s *Session) sitDown(p *seat) {
	s.mu.Lock()
	p.again = true
	s.mu.Unlock()
	s.wake(p)
}

// step tells the reader what has changed. See Cursor.step.
func (p *seat) step() (more bool, err error) {
	p.s.mu.Lock()
	v, again, closed := p.view, p.again, p.closed
	p.again = false
	p.s.mu.Unlock()
	switch {
	case closed:
		return false, nil
	case v == nil && !again:
		return false, nil // it is woken when it is open
	case v == nil: // taken away: the reader sees nobody
		if err := p.s.conn.Present(&Roster{Channel: p.r.channel, Full: true}); err != nil {
			p.s.mu.Lock()
			p.again = true
			p.s.mu.Unlock()
			return false, err
		}
		return false, nil
	case again:
		v.Again()
	}
	r, to := v.Next()
	if r == nil {
		return false, nil
	}
	if err := p.s.conn.Present(r); err != nil { // ErrFull: what follows is merged with it
		return false, err
	}
	v.Took(to)
	return false, nil
}

// Leave ends Join and Watch. The others are told at once; when a session
// closes without it, its user stays for a moment (Options.Linger), so that a
// reload of the page does not flicker.
func (s *Session) Leave(ch string) {
	s.mu.Lock()
	r := room{s.who.App, ch}
	p := s.seats[r]
	delete(s.seats, r)
	s.mu.Unlock()
	if p != nil {
		p.leave(false)
	}
}

// leave ends p; see presence.View.Close.
func (p *seat) leave(linger bool) {
	p.s.mu.Lock()
	v := p.view
	p.closed, p.view = true, nil
	p.s.mu.Unlock()
	if v != nil {
		v.Close(linger)
	}
}

// unseat takes away the seats that who may not have, and returns them to be
// woken: their reader sees nobody from here on. s.mu is held.
func (s *Session) unseat(who Identity) (lost []reader) {
	for r, p := range s.seats {
		if who.Grants != nil && who.Grants.May(Presence, who.App, r.channel) {
			continue
		}
		delete(s.seats, r)
		if v := p.view; v != nil {
			s.g.spawn(func() { v.Close(false) }) // it wakes others; s.mu is held
		}
		p.view, p.again = nil, true
		lost = append(lost, p)
	}
	return lost
}

// SetState changes the state of the member that the session joined a channel
// as. ErrNotJoined.
func (s *Session) SetState(ch, state string) error {
	if err := s.may(Presence, ch); err != nil {
		return err
	}
	s.mu.Lock()
	var v *presence.View
	if p := s.seats[room{s.who.App, ch}]; p != nil {
		v = p.view
	}
	s.mu.Unlock()
	if v == nil {
		return ErrNotJoined
	}
	return refused(v.SetState(state))
}

// Members says who is on a channel of an app now.
func (g *Gateway) Members(ctx context.Context, app, ch string) ([]Member, error) {
	v, err := g.presence.Open(ctx, app, ch, func() {})
	if err != nil {
		return nil, err
	}
	defer v.Close(false)
	return v.Members(), nil
}
