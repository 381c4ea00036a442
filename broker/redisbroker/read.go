package redisbroker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/turn"
)

// beyondPlaces is beyond every place: scripts count in floating point.
const beyondPlaces = 1 << 53

// Read is part of broker.Log. What was published to this node since the last
// read costs no round trip; all else is read from the stream (lua/read.lua).
func (b *Broker) Read(ctx context.Context, id turn.ID, after turn.Seq, most int) ([]turn.Event, error) {
	if b.ctx.Err() != nil {
		return nil, broker.ErrClosed
	}
	if after >= beyondPlaces {
		return nil, fmt.Errorf("read %s after %d: %w", id, after, broker.ErrAhead)
	}
	w := b.hub.watched(logKey(id))
	if w != nil {
		if evs, err, ok := w.recent(after, most); ok {
			return evs, err
		}
	}
	return b.readLog(ctx, id, w, after, most)
}

// readLog reads the stream, and tells the watch, if any, what it learned.
func (b *Broker) readLog(ctx context.Context, id turn.ID, w *watched, after turn.Seq, most int) ([]turn.Event, error) {
	if err := id.Check(); err != nil {
		return nil, err
	}
	var mark mark
	if w != nil {
		mark = w.mark(time.Now())
	}
	got, err := b.fetch(ctx, id, after, most, mark.arm)
	if err != nil && got == nil {
		return nil, fmt.Errorf("read %s after %d: %w", id, after, err)
	}
	if w != nil && err == nil {
		w.learn(mark, got)
	}
	switch {
	case len(got.evs) > 0:
		return got.evs, nil
	case err != nil:
		return nil, fmt.Errorf("read %s after %d: %w", id, after, err)
	case got.over:
		return nil, io.EOF
	}
	return nil, nil
}

// A stretch is what one look at a stream gave.
type stretch struct {
	evs    []turn.Event // after the place asked for, oldest first
	epoch  turn.Epoch
	top    turn.Seq
	all    bool   // evs reach the top
	over   bool   // the last of evs, or the place asked for, is the terminal event
	last   string // the last id that the stream gave
	goodID string // id of the last entry that was understood
}

// fetch reads a stream. With an error that wraps broker.ErrMalformed the
// stretch holds what stands before the entry in question. arm asks Redis to
// say when the stream next changes.
func (b *Broker) fetch(ctx context.Context, id turn.ID, after turn.Seq, most int, arm bool) (*stretch, error) {
	most = max(most, 1)
	hint := b.hints.before(id, after)
	args := []string{utoa(uint64(after)), utoa(uint64(most)), utoa(broker.MaxRead), utoa(uint64(hint.seq)), hint.id}
	r, err := b.runRead(ctx, keysOf(id), args, arm)
	if err != nil {
		return nil, err
	}
	if len(r) == 0 {
		if after > 0 {
			return nil, broker.ErrAhead
		}
		return &stretch{all: true}, nil
	}
	p, err := newParse(r)
	if err != nil {
		return nil, err
	}
	if p.mixed && id.Kind != turn.TurnLog {
		if err := b.renumber(ctx, id); err != nil {
			return nil, err
		}
		return b.fetch(ctx, id, after, most, arm)
	}
	if p.clock {
		defer func() { b.hints.add(id, p.lastPlace, p.goodID) }()
	}
	got, err := p.stretch(after, most)
	if err == nil && got.over && !p.sealed && len(got.evs) > 0 && id.Kind == turn.TurnLog {
		b.seal(ctx, id, got)
	}
	return got, err
}

// runRead runs the read script. Tracking is armed by an own command in the
// same batch before it, so that no change falls between.
func (b *Broker) runRead(ctx context.Context, keys, args []string, arm bool) ([]rueidis.RedisMessage, error) {
	if !arm {
		return b.run(ctx, readScript, keys, args)
	}
	r := b.c.DoMulti(ctx,
		b.c.B().ClientCaching().Yes().Build(),
		b.c.B().Xlen().Key(keys[0]).Build(),
		b.c.B().EvalshaRo().Sha1(readSHA).Numkeys(int64(len(keys))).Key(keys...).Arg(args...).Build())
	for _, r := range r[:2] {
		if err := r.Error(); err != nil {
			return nil, b.wrap(ctx, err)
		}
	}
	out, err := r[2].ToArray()
	if re, ok := rueidis.IsRedisErr(err); ok && re.IsNoScript() {
		return b.run(ctx, readScript, keys, args) // which loads it
	}
	return out, b.wrap(ctx, err)
}

// A parse is a reply of lua/read.lua being taken apart.
type parse struct {
	epoch, top    uint64
	place         turn.Seq // of the first entry, where ids are of the clock
	firstID       string
	last          string
	entries       []rueidis.RedisMessage
	ended, sealed bool
	clock, mixed  bool
	lastPlace     turn.Seq
	goodID        string
}

func newParse(r []rueidis.RedisMessage) (*parse, error) {
	if len(r) != 7 {
		return nil, errReply
	}
	entries, err := r[6].ToArray()
	if err != nil {
		return nil, errors.Join(errReply, err)
	}
	flags := text(r, 0)
	return &parse{
		epoch: whole(r, 1), top: whole(r, 2), place: turn.Seq(whole(r, 3)),
		firstID: text(r, 4), last: text(r, 5), entries: entries,
		ended: strings.Contains(flags, "e"), sealed: strings.Contains(flags, "s"),
		clock: strings.Contains(flags, "c") && !strings.Contains(flags, "m"), mixed: strings.Contains(flags, "m"),
	}, nil
}

// stretch makes events of the entries.
func (p *parse) stretch(after turn.Seq, most int) (*stretch, error) {
	got := &stretch{epoch: turn.Epoch(p.epoch), top: turn.Seq(p.top), last: p.last}
	if after > got.top {
		return nil, broker.ErrAhead
	}
	next, size := after+1, 0
	for i, m := range p.entries {
		if len(got.evs) == most || size > broker.MaxRead {
			return got, nil
		}
		id, ev, err := p.entry(i, m)
		if err == nil {
			ev, err = p.follow(ev, id, after, next, i)
		}
		if err != nil {
			return got, err
		}
		p.lastPlace, p.goodID, got.goodID = ev.Seq, id, id
		if ev.Seq > after {
			got.evs, next = append(got.evs, ev), ev.Seq+1
			size += ev.Size()
		}
		if ev.Kind.Terminal() {
			got.over, got.all, got.top = true, true, ev.Seq
			return got, nil
		}
	}
	got.all = !p.mixed && next == got.top+1
	if len(p.entries) == 0 && after < got.top {
		return nil, broker.ErrTrimmed
	}
	return got, nil
}

// entry takes one entry apart.
func (p *parse) entry(i int, m rueidis.RedisMessage) (string, turn.Event, error) {
	pair, err := m.ToArray()
	if err != nil || len(pair) != 2 {
		return "", turn.Event{}, errReply
	}
	fields, err := pair[1].AsStrSlice()
	if err != nil {
		return "", turn.Event{}, errReply
	}
	raw := text(pair, 0)
	if p.clock {
		ev, err := decode(0, p.place+turn.Seq(i), fields)
		return raw, ev, err
	}
	id, err := parseID(raw)
	if err != nil {
		return raw, turn.Event{}, errReply
	}
	if id.clock() {
		return raw, turn.Event{}, malformed(turn.Seq(p.top), mixedIDs)
	}
	ev, err := decode(0, turn.Seq(id.lo), fields)
	ev.Epoch = turn.Epoch(id.hi)
	return raw, ev, err
}

// follow checks that ev is the next event, or holds it, and cuts off what the
// reader has.
func (p *parse) follow(ev turn.Event, id string, after, next turn.Seq, i int) (turn.Event, error) {
	switch {
	case ev.Seq <= after:
		return ev, nil
	case ev.Start() > next && i == 0 && id == p.firstID:
		return ev, broker.ErrTrimmed
	case ev.Start() > next:
		return ev, malformed(next, fmt.Sprintf("after it comes entry %s: places have no holes", id))
	case ev.Start() < next:
		rest, _, err := ev.After(next - 1)
		if err != nil {
			return ev, malformed(next, err.Error())
		}
		return rest, nil
	}
	return ev, nil
}
