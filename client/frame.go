package client

import (
	"time"

	"github.com/karez/karez/wire"
)

// A log is what a number of a link stands for; turn "" is the timeline.
type log struct {
	f    *follower
	turn string
}

// A sentFollow waits for its answer.
type sentFollow struct {
	f       *follower
	command *wire.Command
}

// frame takes one frame of the server. Types that it does not know are of a
// later version and ignored.
func (c *Client) frame(f *wire.Frame) {
	l := &c.loop
	switch f.Type {
	case wire.FrameWelcome:
		c.welcomed(f)
	case wire.FrameReply, wire.FrameError, wire.FramePong:
		c.reply(f)
	case wire.FrameLog:
		if fo := c.followerOf(f.Channel, f.Turn); fo != nil && fo.waiting == 0 {
			l.logs[f.N] = log{fo, f.Turn}
			fo.opened(f.N, f.Turn, f.Seq)
		}
	case wire.FrameEvent:
		if lg, ok := l.logs[f.N]; ok {
			lg.f.event(lg.turn, f.Event)
		}
	case wire.FrameClosed, wire.FrameReset:
		if lg, ok := l.logs[f.N]; ok {
			delete(l.logs, f.N)
			if f.Type == wire.FrameClosed {
				lg.f.closed(lg.turn, f.Error)
			} else {
				lg.f.reset(lg.turn, f.Error)
			}
		}
	case wire.FramePresence:
		if s := l.seats[f.Channel]; s != nil && f.Presence != nil {
			s.take(f.Presence)
		}
	case wire.FrameSignal:
		c.signal(f)
	case wire.FrameRenew:
		c.renew()
	case wire.FrameBye:
		l.bye = f
		c.down(lost("the server closed the connection"))
	}
}

func (c *Client) welcomed(f *wire.Frame) {
	l := &c.loop
	again := l.link.open // an event stream in place of another
	if again {
		return
	}
	l.link.open = true
	l.openedAt = time.Now()
	l.refused = ""
	c.set(Status{State: Open, Transport: l.link.transport, User: f.User, Session: f.Session})
	if l.link.transport == WebSocket {
		l.blocked, l.upgrade = 0, firstTry
		for _, fo := range l.fs {
			fo.follow()
		}
		for _, s := range l.seats {
			s.ask()
		}
	} else {
		c.planUpgrade()
	}
	if !l.link.quiet {
		c.guard()
	}
	c.flushRequests()
}

func (c *Client) reply(f *wire.Frame) {
	if s, ok := c.loop.follows[f.ID]; ok && f.ID != 0 && f.Type != wire.FramePong {
		delete(c.loop.follows, f.ID)
		if c.loop.fs[s.f.place] != s.f || s.f.waiting != f.ID && s.f.mendID != f.ID {
			return // of a follow that another has replaced
		}
		if f.Type == wire.FrameReply {
			s.f.followed(s.command, f.History)
		} else {
			s.f.refused(s.command, f.Error)
		}
		return
	}
	if s, ok := c.loop.asked[f.ID]; ok && f.Type != wire.FramePong {
		delete(c.loop.asked, f.ID)
		s.answered(f.Error)
		return
	}
	if !c.answered(f) && f.Error != nil {
		c.log.Debug("error of no command", "err", f.Error)
	}
}

func (c *Client) signal(f *wire.Frame) {
	if f.Channel == "" {
		if c.opts.Signal != nil {
			c.opts.Signal(Signal{Name: f.Name, Data: f.Data, From: f.From})
		}
		return
	}
	fo := c.loop.fs[place{f.Channel, ""}]
	if fo == nil {
		return
	}
	fo.push(Signal{Name: f.Name, Data: f.Data, From: f.From}) // may be dropped
}

// followerOf returns who follows a log.
func (c *Client) followerOf(channel, turn string) *follower {
	if f := c.loop.fs[place{channel, ""}]; f != nil {
		return f
	}
	return c.loop.fs[place{channel, turn}]
}

// forget drops the numbers of f's logs, or of one turn: what still comes under
// them belongs to a follow that another replaces.
func (c *Client) forget(f *follower, turn string) {
	for n, lg := range c.loop.logs {
		if lg.f == f && (turn == "" || lg.turn == turn) {
			delete(c.loop.logs, n)
		}
	}
}
