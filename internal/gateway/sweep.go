package gateway

import (
	"errors"
	"fmt"
	"time"

	"github.com/karez/karez/internal/turns"
	"github.com/karez/karez/turn"
)

// sweepEvery is how often a node looks after what no event reminds it of. One
// goroutine for all sessions and feeds: a timer each would cost more than the
// sessions do.
const sweepEvery = time.Second

// renewAhead is how long before a token's expiry its session is asked for a
// fresh one.
const renewAhead = 30 * time.Second

func (g *Gateway) sweep() {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-g.ctx.Done():
			return
		case now := <-tick.C:
			g.sweepFeeds(now)
			if i%5 == 0 {
				g.sweepSessions(now)
			}
		}
	}
}

// sweepFeeds tries again what a failed read left, and closes turns whose
// author, having no lease, fell silent (design: 5).
func (g *Gateway) sweepFeeds(now time.Time) {
	var silent []*Feed
	g.mu.Lock()
	feeds := make([]*Feed, 0, len(g.feeds))
	for _, f := range g.feeds {
		feeds = append(feeds, f)
	}
	g.mu.Unlock()
	for _, f := range feeds {
		f.mu.Lock()
		if f.broken && !f.running {
			f.broken, f.dirty = false, true
			f.start()
			f.wakeAll()
		}
		if f.silent(now, g.opts.Idle) {
			silent = append(silent, f)
		}
		f.mu.Unlock()
	}
	for _, f := range silent {
		g.closeSilent(f)
	}
}

// silent reports whether f is a turn that has not ended and not grown for
// idle. f.mu is held.
func (f *Feed) silent(now time.Time, idle time.Duration) bool {
	if f.id.Kind != turn.TurnLog || f.err != nil || len(f.window) == 0 || now.Sub(f.grown) < idle {
		return false
	}
	return f.window[len(f.window)-1].Kind != turn.KindSuspended // that has a deadline of its own
}

func (g *Gateway) closeSilent(f *Feed) {
	g.spawn(func() {
		f.mu.Lock()
		foreign := f.window[len(f.window)-1].Epoch == 0 && f.top > 1 // more than a prompt
		f.mu.Unlock()
		if tended, err := g.turns.Tended(g.ctx, f.id); err != nil || tended && !foreign {
			f.mu.Lock()
			f.grown = time.Now() // its worker minds it: look again after another idle time
			f.mu.Unlock()
			return
		}
		why := turn.Failure{Code: turn.CodeIdle, Message: fmt.Sprintf("the producer of this answer has been silent for %v", g.opts.Idle), Retryable: true}
		_, err := g.turns.Close(g.ctx, f.id, turn.KindError, why)
		if err != nil && !errors.Is(err, turns.ErrNoTurn) && g.ctx.Err() == nil {
			g.log.Warn("close silent turn", "turn", f.id.String(), "err", err)
		}
	})
}

// sweepSessions asks for fresh tokens ahead of time and closes sessions whose
// token has expired and whose grace is over.
func (g *Gateway) sweepSessions(now time.Time) {
	g.mu.Lock()
	all := make([]*Session, 0, len(g.sessions))
	for _, s := range g.sessions {
		all = append(all, s)
	}
	g.mu.Unlock()
	for _, s := range all {
		s.mu.Lock()
		left := s.who.Expires.Sub(now)
		never, ask := s.who.Expires.IsZero(), !s.asked && left < renewAhead
		s.asked = s.asked || ask
		s.mu.Unlock()
		switch {
		case never:
		case left < -g.opts.Grace:
			s.Close(ErrExpired)
		case ask:
			s.conn.Renew(max(left, 0) + g.opts.Grace)
		}
	}
}
