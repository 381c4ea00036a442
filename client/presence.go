package client

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/karez/karez/wire"
)

// PresenceOptions say as what a client is present.
type PresenceOptions struct {
	Watch bool   // see who is there without being visible
	State string // a word of the application, such as away
	Info  any    // what the others are to know of the user; made JSON
}

// A Presence says who is on a channel, and what is new in that.
type Presence struct {
	Members []wire.Member // everybody, by kind and id
	Joined  []wire.Member
	Left    []wire.Member // as they were
	Changed []wire.Member // another state or info
}

// Present makes the user visible on the channel and yields who is there, at
// first and after each change, across every reconnect, until the loop ends. A
// loop that takes its time is told what it has become meanwhile. A client is
// present on a channel once at a time. The last step of the loop may have an
// error: that of ctx, or why the server refuses.
func (ch *Channel) Present(ctx context.Context, o PresenceOptions) iter.Seq2[Presence, error] {
	return func(yield func(Presence, error) bool) {
		cmd := wire.Command{Type: wire.CmdPresence, Channel: ch.name}
		if !o.Watch {
			info, err := encode(o.Info)
			if err != nil {
				yield(Presence{}, fmt.Errorf("join %s: %w", ch.name, err))
				return
			}
			cmd.Type, cmd.State, cmd.Data = wire.CmdJoin, o.State, info
		}
		if err := cmd.Check(); err != nil {
			yield(Presence{}, err)
			return
		}
		s := &seat{c: ch.c, command: cmd, woken: make(chan struct{}, 1)}
		var refused *wire.Error
		err := ch.c.do(ctx, func() { refused = ch.c.sit(s) })
		if err == nil && refused != nil {
			err = refused
		}
		if err != nil {
			yield(Presence{}, err)
			return
		}
		defer func() { _ = ch.c.do(context.Background(), s.stand) }() // closed: it is over anyway
		var told map[string]wire.Member
		for {
			p, here, err := s.next(ctx, told)
			told = here
			if !yield(p, err) || err != nil {
				return
			}
		}
	}
}

// A seat is one reader's place in a channel's presence.
type seat struct {
	c       *Client // set once
	command wire.Command
	woken   chan struct{} // capacity 1

	mu   sync.Mutex // guards the two below
	here map[string]wire.Member
	err  *wire.Error
}

func memberKey(m wire.Member) string { return m.Kind + " " + m.ID }

// take folds what the server tells. Only run calls it, and all below but next.
func (s *seat) take(p *wire.Presence) {
	s.mu.Lock()
	here := make(map[string]wire.Member, len(s.here)+len(p.Here)+len(p.Joined)) // the reader may look at the old one
	if !p.Full {
		for k, m := range s.here {
			here[k] = m
		}
	}
	for _, m := range slices.Concat(p.Here, p.Joined, p.Changed) {
		here[memberKey(m)] = m
	}
	for _, m := range p.Left {
		delete(here, memberKey(m))
	}
	s.here = here
	s.mu.Unlock()
	s.wake()
}

// fail ends the reader's loop.
func (s *seat) fail(e *wire.Error) {
	s.mu.Lock()
	s.err = e
	s.mu.Unlock()
	if s.c.loop.seats[s.command.Channel] == s {
		delete(s.c.loop.seats, s.command.Channel)
	}
	s.wake()
}

func (s *seat) wake() {
	select {
	case s.woken <- struct{}{}:
	default:
	}
}

// next waits until who is there differs from told, or nothing was told.
func (s *seat) next(ctx context.Context, told map[string]wire.Member) (Presence, map[string]wire.Member, error) {
	for {
		s.mu.Lock()
		here, err := s.here, s.err
		s.mu.Unlock()
		if err != nil {
			return Presence{}, nil, err
		}
		if here != nil {
			p := compare(told, here)
			if told == nil || len(p.Joined)+len(p.Left)+len(p.Changed) > 0 {
				return p, here, nil
			}
		}
		select {
		case <-s.woken:
		case <-ctx.Done():
			return Presence{}, nil, ctx.Err()
		}
	}
}

func compare(told, here map[string]wire.Member) (p Presence) {
	for k, m := range here {
		was, ok := told[k]
		switch {
		case !ok:
			p.Joined = append(p.Joined, m)
		case was.State != m.State || !bytes.Equal(was.Info, m.Info):
			p.Changed = append(p.Changed, m)
		}
		p.Members = append(p.Members, m)
	}
	for k, m := range told {
		if _, ok := here[k]; !ok {
			p.Left = append(p.Left, m)
		}
	}
	for _, list := range [][]wire.Member{p.Members, p.Joined, p.Left, p.Changed} {
		slices.SortFunc(list, func(a, b wire.Member) int { return strings.Compare(memberKey(a), memberKey(b)) })
	}
	return p
}

// sit keeps s up from now on.
func (c *Client) sit(s *seat) *wire.Error {
	if e := c.ended(); e != nil {
		return e
	}
	if c.loop.seats[s.command.Channel] != nil {
		return &wire.Error{Code: CodeFollowed, Message: "this client is present on channel " + s.command.Channel + " already", Hint: "end that loop first, or use another client"}
	}
	c.loop.seats[s.command.Channel] = s
	c.start()
	s.ask()
	return nil
}

// stand ends s.
func (s *seat) stand() {
	if s.c.loop.seats[s.command.Channel] != s {
		return
	}
	delete(s.c.loop.seats, s.command.Channel)
	if s.c.restream() || !s.c.isOpen() {
		return
	}
	s.c.send(outgoing{command: &wire.Command{Type: wire.CmdLeave, Channel: s.command.Channel}})
}

// ask sends the command, if there is a link to send it on.
func (s *seat) ask() {
	if s.c.restream() || !s.c.isOpen() {
		return
	}
	s.c.send(outgoing{command: s.numbered()})
}

func (s *seat) numbered() *wire.Command {
	cmd := s.command
	cmd.ID = s.c.nextID()
	s.c.loop.asked[cmd.ID] = s
	return &cmd
}

// answered takes the answer to ask; everybody comes next.
func (s *seat) answered(e *wire.Error) {
	switch {
	case e == nil || s.c.loop.seats[s.command.Channel] != s:
	case e.Code == wire.CodeUnauthorized || e.Code == wire.CodeExpired || e.Code == wire.CodeDraining:
		s.c.down(e)
	case e.RetryIn > 0:
		link := s.c.loop.link
		s.c.after(time.Duration(e.RetryIn)*time.Millisecond+s.c.opts.Backoff(2), func() {
			if s.c.loop.link == link && s.c.loop.seats[s.command.Channel] == s {
				s.ask()
			}
		})
	default:
		s.fail(e)
	}
}
