package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/channel"
	"github.com/karez/karez/internal/turns"
	"github.com/karez/karez/turn"
)

// Where a Follow begins.
const (
	FromAfter    = ""         // after the places that the reader names
	FromNow      = "now"      // at the end; live turns from their beginning
	FromSnapshot = "snapshot" // the newest page of history first, then from there
	FromSignals  = "signals"  // no log at all: the channel's signals alone
)

// A Follow asks for a log, or for a channel: its timeline, its signals, and
// each of its turns from when it begins.
type Follow struct {
	Channel string
	Turn    string              // only this turn
	From    string              // FromAfter, FromNow, FromSnapshot; for a channel
	After   turn.Seq            // the last place of the log, or of the timeline, that the reader has
	Turns   map[string]turn.Seq // with a channel and FromAfter: what the reader has of turns begun at or before After and not ended
	Limit   int                 // with FromSnapshot: turns of history
	Pace    Pace
}

// follow is what a session keeps of a channel that it follows.
type follow struct {
	opened map[string]bool // turns opened before the timeline came to them
	recent []string        // turns opened as they began, the last ones: an entry may stand twice after a crash
	pace   Pace
}

// Follow sets cursors as f asks. Following again what is followed moves the
// cursor. With FromSnapshot it returns the history that the reader begins
// with. ErrForbidden: the token lacks read. ErrTooMany.
func (s *Session) Follow(ctx context.Context, f Follow) (*turns.Past, error) {
	if err := s.may(Read, f.Channel); err != nil {
		return nil, err
	}
	app := s.Who().App
	if f.Turn != "" {
		if err := turn.CheckName(f.Turn); err != nil {
			return nil, err
		}
		return nil, s.add(turn.NewID(app, f.Channel, f.Turn), f.After, false, f.Pace)
	}
	s.Unfollow(f.Channel, "")
	fo := &follow{opened: make(map[string]bool), pace: f.Pace}
	if err := s.join(ctx, room{app, f.Channel}, fo); err != nil {
		return nil, err
	}
	past, err := s.begin(ctx, app, f, fo)
	if err != nil {
		s.Unfollow(f.Channel, "")
	}
	return past, err
}

// begin sets the cursors of a followed channel.
func (s *Session) begin(ctx context.Context, app string, f Follow, fo *follow) (past *turns.Past, err error) {
	at, open := f.After, f.Turns
	switch f.From {
	case FromAfter:
	case FromSignals:
		return nil, nil
	case FromNow:
		if at, open, err = s.now(ctx, app, f.Channel); err != nil {
			return nil, err
		}
	case FromSnapshot:
		p, err := s.g.turns.History(ctx, app, f.Channel, "", 0, f.Limit)
		if err != nil {
			return nil, err
		}
		past, at, open = &p, p.After, make(map[string]turn.Seq)
		for _, t := range p.Turns {
			if !t.Answer.State.Terminal() {
				open[t.Name] = t.Answer.At
			}
		}
	default:
		return nil, fmt.Errorf("%w: from %q is not one of now, snapshot", ErrBadName, f.From)
	}
	s.mu.Lock()
	for name := range open {
		fo.opened[name] = true
	}
	s.mu.Unlock()
	for name, seq := range open {
		if err := turn.CheckName(name); err != nil {
			return nil, err
		}
		if err := s.add(turn.NewID(app, f.Channel, name), seq, false, f.Pace); err != nil {
			return nil, err
		}
	}
	return past, s.add(turn.Timeline(app, f.Channel), at, true, f.Pace)
}

// now returns the top of a timeline and the turns that are live.
func (s *Session) now(ctx context.Context, app, ch string) (turn.Seq, map[string]turn.Seq, error) {
	info, err := s.g.b.Info(ctx, turn.Timeline(app, ch))
	if err != nil && !errors.Is(err, broker.ErrNotFound) {
		return 0, nil, err
	}
	live, err := s.g.turns.Live(ctx, app, ch)
	if err != nil {
		return 0, nil, err
	}
	open := make(map[string]turn.Seq, len(live))
	for _, name := range live {
		open[name] = 0
	}
	return info.Top, open, nil
}

// errTaken says that the session has a cursor on that log.
var errTaken = errors.New("followed already")

// add sets a cursor, in place of one that the session may have on that log.
func (s *Session) add(id turn.ID, at turn.Seq, timeline bool, p Pace) error {
	for {
		err := s.put(&Cursor{s: s, id: id, at: at, turns: timeline, pace: p}, nil)
		if err != errTaken {
			return err
		}
		s.mu.Lock()
		old := s.cursors[id]
		s.mu.Unlock()
		if old != nil {
			s.drop(old)
		}
	}
}

// put gives the session cursor c. begun is the follow that brought a turn as
// it began, if one did: when that is over c is not wanted any more, and when
// the session has as many cursors as it may, c's own reader learns of it.
// Else ErrTooMany. ErrForbidden: the token has changed meanwhile.
func (s *Session) put(c *Cursor, begun *follow) error {
	c.closed = true // not to be woken yet
	s.g.attach(c)
	s.mu.Lock()
	err := s.admit(c, begun)
	s.mu.Unlock()
	if err != nil {
		s.g.detach(c)
		return err
	}
	s.wake(c)
	return nil
}

// admit makes c one of the session's cursors. s.mu is held.
func (s *Session) admit(c *Cursor, begun *follow) error {
	switch {
	case s.closed:
		return ErrClosed
	case allow(s.who, Read, c.id.Channel) != nil:
		return allow(s.who, Read, c.id.Channel)
	case begun != nil && s.rooms[room{c.id.App, c.id.Channel}] != begun:
		return ErrNotFollow
	case s.cursors[c.id] != nil:
		return errTaken
	}
	if len(s.cursors) >= s.g.opts.MaxFollows {
		err := fmt.Errorf("%w: a connection follows at most %d logs", ErrTooMany, s.g.opts.MaxFollows)
		if begun == nil {
			return err
		}
		c.why = err
	}
	s.cursors[c.id] = c
	c.n = s.number(c)
	c.closed = false
	return nil
}

// number gives c the lowest free number. s.mu is held.
func (s *Session) number(c *Cursor) uint32 {
	for i, o := range s.byN {
		if o == nil {
			s.byN[i] = c
			return uint32(i + 1)
		}
	}
	s.byN = append(s.byN, c)
	return uint32(len(s.byN))
}

// drop removes a cursor.
func (s *Session) drop(c *Cursor) {
	s.mu.Lock()
	if c.closed || s.closed {
		s.mu.Unlock()
		return
	}
	c.closed = true
	delete(s.cursors, c.id)
	s.byN[c.n-1] = nil
	s.mu.Unlock()
	s.g.detach(c)
}

// recentTurns is how many begun turns a follow remembers. The two entries of
// one turn stand as close together as a crash and its repair.
const recentTurns = 64

func (f *follow) note(name string) {
	if len(f.recent) == recentTurns {
		f.recent = slices.Delete(f.recent, 0, 1)
	}
	f.recent = append(f.recent, name)
}

// followBegun opens the turns that a timeline's events begin. step calls it.
func (s *Session) followBegun(tl turn.ID, evs []turn.Event) {
	for _, ev := range evs {
		if ev.Kind != channel.KindTurn {
			continue
		}
		var b channel.Begun
		if json.Unmarshal(ev.Data, &b) != nil || turn.CheckName(b.Turn) != nil {
			continue // a foreign writer's entry; the reader sees it as it is
		}
		id := turn.NewID(tl.App, tl.Channel, b.Turn)
		s.mu.Lock()
		f := s.rooms[room{tl.App, tl.Channel}]
		skip := f == nil || f.opened[b.Turn] || s.cursors[id] != nil || slices.Contains(f.recent, b.Turn)
		var p Pace
		if f != nil {
			delete(f.opened, b.Turn)
			f.note(b.Turn)
			p = f.pace
		}
		s.mu.Unlock()
		if skip {
			continue
		}
		if err := s.put(&Cursor{s: s, id: id, pace: p}, f); err != nil && err != errTaken {
			return // closed, forbidden or unfollowed since
		}
	}
}

// Unfollow removes the cursor of a turn, or all that Follow set for a channel.
func (s *Session) Unfollow(ch, name string) {
	s.mu.Lock()
	var gone []*Cursor
	for id, c := range s.cursors {
		if id.Channel == ch && (name == "" || id.Name == name) {
			gone = append(gone, c)
		}
	}
	app := s.who.App
	_, in := s.rooms[room{app, ch}]
	if name == "" {
		delete(s.rooms, room{app, ch})
	}
	s.mu.Unlock()
	for _, c := range gone {
		s.drop(c)
	}
	if name == "" && in {
		s.g.leave(room{app, ch}, s)
	}
}

// SetPace changes the pace of a turn, or of all that is followed of a channel.
func (s *Session) SetPace(ch, name string, p Pace) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := false
	for id, c := range s.cursors {
		if id.Channel == ch && (name == "" || id.Name == name) {
			c.pace, found = p, true
		}
	}
	if f := s.rooms[room{s.who.App, ch}]; f != nil && name == "" {
		f.pace, found = p, true
	}
	if !found {
		return ErrNotFollow
	}
	return nil
}
