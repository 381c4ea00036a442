package gateway

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/internal/turns"
	"github.com/karez/karez/turn"
)

// sweepEvery is how often a node looks after what no event reminds it of. One
// goroutine for all sessions and feeds: a timer each would cost more than the
// sessions do.
const sweepEvery = time.Second

// maxLooks bounds the silent turns that are looked into at once.
const maxLooks = 32

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

// sweepFeeds tries again what a failed read left, frees what nobody asks for,
// and looks into turns whose author has been silent (design: 5).
func (g *Gateway) sweepFeeds(now time.Time) {
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
		if !f.used { // what is kept for readers who do not read is in the log
			f.batches, f.loads = nil, nil
		}
		f.used = false
		look := f.id.Kind == turn.TurnLog && f.err == nil && f.top > 0 && !now.Before(f.due)
		if look && len(g.looking) == cap(g.looking) {
			look = false // as after an outage, when all have been silent; next time
		}
		if look {
			f.due = now.Add(g.opts.Idle)
		}
		top := f.top
		f.mu.Unlock()
		if look {
			g.looking <- struct{}{} // only sweep sends
			if !g.spawn(func() { g.look(f, top, now); <-g.looking }) {
				return
			}
		}
	}
}

// look decides about a turn that has stood at top for a while: a turn that
// waits for a person has a deadline of its own, a worker minds its turns
// itself, and whoever has no lease is closed for silence.
func (g *Gateway) look(f *Feed, top turn.Seq, now time.Time) {
	why, until, err := g.turns.Silent(g.ctx, f.id, top, g.opts.Idle)
	if err != nil || why == nil {
		f.mu.Lock()
		if until.After(now) {
			f.due = until
		}
		f.mu.Unlock()
		return // gone, or growing again; next time
	}
	if why.Code == turn.CodeIdle {
		info, err := g.b.Info(g.ctx, f.id)
		foreign := info.Epoch == 0 && top > 1 // more than a prompt
		if err != nil {
			return
		}
		if tended, err := g.turns.Tended(g.ctx, f.id); err != nil || tended && !foreign {
			return
		}
	}
	err = broker.Retry(g.ctx, func(ctx context.Context) error {
		_, err := g.turns.Close(ctx, f.id, turn.KindError, why)
		return err
	})
	if err != nil && !errors.Is(err, turns.ErrNoTurn) && g.ctx.Err() == nil {
		g.log.Warn("close silent turn", "turn", f.id.String(), "err", err)
	}
}

// settleTime spreads the nodes that see the same end: the first to settle it
// leaves the others nothing to do.
const settleTime = 300 * time.Millisecond

// settle finishes a turn that a plain producer has ended: nobody else tells
// its channel.
func (g *Gateway) settle(id turn.ID) {
	g.spawn(func() {
		select {
		case <-time.After(rand.N(settleTime)):
		case <-g.ctx.Done():
		}
		err := broker.Retry(g.ctx, func(ctx context.Context) error { return g.turns.Finish(ctx, id) })
		if err != nil && g.ctx.Err() == nil {
			g.log.Warn("finish turn", "turn", id.String(), "err", err)
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
