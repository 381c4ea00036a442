package client

import (
	"context"
	"encoding/json"
	"iter"

	"github.com/karez/karez/turn"
	"github.com/karez/karez/wire"
)

// A From says where following begins.
type From string

// Where following begins.
const (
	FromSnapshot From = ""      // with a Page of the conversation
	FromNow      From = "now"   // only what happens from here on; turns that run, from their beginning
	FromStart    From = "start" // the whole conversation, event by event
)

// FollowOptions say where following begins.
type FollowOptions struct {
	From  From
	Limit int        // turns of a Page; 0: the server's own
	Pace  *wire.Pace // how fast text is wanted; nil: as it comes

	// Instead of From: the last place that the caller has of the timeline
	// (FollowTurn: of the turn), and of the turns that had not ended there.
	// The Answers of these hold only what comes after.
	After turn.Seq
	Turns map[string]turn.Seq
}

// Follow yields what happens in the channel, in order and each thing once,
// across every reconnect, until the loop ends. A client follows a channel once
// at a time. The last step of the loop may have an error: that of ctx, or why
// the channel cannot be followed.
func (ch *Channel) Follow(ctx context.Context, o FollowOptions) iter.Seq2[Event, error] {
	return ch.follow(ctx, place{channel: ch.name}, o)
}

// FollowTurn yields the events of one turn after place after, to its end. It
// may be called before the turn exists. A turn that fails is no error here: see
// Failure.
func (ch *Channel) FollowTurn(ctx context.Context, name string, o FollowOptions) iter.Seq2[Delta, error] {
	return func(yield func(Delta, error) bool) {
		for ev, err := range ch.follow(ctx, place{ch.name, name}, o) {
			d, ok := ev.(Delta)
			if err == nil && !ok {
				continue
			}
			if !yield(d, err) {
				return
			}
		}
	}
}

// Ask asks and yields the events of the answer to its end. The last step has an
// error if the answer failed (its code is one of turn.Code…) or was cancelled
// (CodeCancelled), or if the prompt was not accepted. Ending the loop early, or
// ctx, does not cancel the turn.
func (ch *Channel) Ask(ctx context.Context, p turn.Prompt) iter.Seq2[Delta, error] {
	return func(yield func(Delta, error) bool) {
		name, err := ch.Prompt(ctx, p)
		if err != nil {
			yield(Delta{}, err)
			return
		}
		var last *turn.Answer
		for d, err := range ch.FollowTurn(ctx, name, FollowOptions{}) {
			if !yield(d, err) || err != nil {
				return
			}
			last = d.Answer
		}
		if last == nil {
			return
		}
		if e := Failure(name, last); e != nil {
			yield(Delta{Turn: name, Answer: last}, e)
		}
	}
}

func (ch *Channel) follow(ctx context.Context, p place, o FollowOptions) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		probe := wire.Command{Type: wire.CmdFollow, Channel: p.channel, Turn: p.turn, After: o.After, Turns: o.Turns, Pace: o.Pace}
		if err := probe.Check(); err != nil {
			yield(nil, err)
			return
		}
		f := ch.c.newFollower(p, o)
		var refused *wire.Error
		err := ch.c.do(ctx, func() { refused = ch.c.attach(f) })
		if err == nil && refused != nil {
			err = refused
		}
		if err != nil {
			yield(nil, err)
			return
		}
		defer func() {
			_ = ch.c.do(context.Background(), func() { ch.c.remove(f, nil) }) // closed: nothing is followed
		}()
		fold := folder{answers: make(map[string]*turn.Answer), cut: make(map[string]bool)}
		for {
			ev, drained, err := f.q.next(ctx)
			if drained {
				_ = ch.c.do(ctx, f.caughtUp) // ended: the next step says so
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if ev == nil {
				return
			}
			for _, ev := range fold.add(ev) {
				if !yield(ev, nil) {
					return
				}
			}
		}
	}
}

// A folder keeps the answers of live turns, for one reader.
type folder struct {
	answers map[string]*turn.Answer
	cut     map[string]bool // the next Delta of a turn begins anew
}

// add returns what the reader is told of ev.
func (fo *folder) add(ev Event) []Event {
	switch ev := ev.(type) {
	case Page:
		clear(fo.answers)
		ev.Answers = make(map[string]*turn.Answer, len(ev.History.Turns))
		for i := range ev.History.Turns {
			t := &ev.History.Turns[i]
			ev.Answers[t.Turn] = answerOf(t)
			if !t.State.Terminal() {
				fo.answers[t.Turn] = answerOf(t) // ours, to go on from
			}
		}
		return []Event{ev}
	case restarted:
		delete(fo.answers, ev.turn)
		fo.cut[ev.turn] = true
		return nil
	case Broken:
		delete(fo.answers, ev.Turn)
		return []Event{ev}
	case Delta:
		return fo.delta(ev)
	}
	return []Event{ev}
}

func (fo *folder) delta(d Delta) []Event {
	a := fo.answers[d.Turn]
	if a == nil {
		a = &turn.Answer{At: d.Event.Start() - 1}
		fo.answers[d.Turn] = a
	}
	if err := a.Add(d.Event); err != nil {
		a.At = d.Event.Seq // a producer's payload that means nothing: as an unknown kind
	}
	d.Answer, d.Cut = a, fo.cut[d.Turn]
	delete(fo.cut, d.Turn)
	if d.Event.Kind == turn.KindEpoch {
		var es turn.EpochStart
		d.Cut = d.Cut || json.Unmarshal(d.Event.Data, &es) != nil || !es.All
	}
	if !d.Event.Kind.Terminal() {
		return []Event{d}
	}
	delete(fo.answers, d.Turn)
	if !a.State.Terminal() { // its payload meant nothing
		a.State = terminal[d.Event.Kind]
	}
	return []Event{d, Ended{Turn: d.Turn, State: a.State, Answer: a}}
}

var terminal = map[turn.Kind]turn.State{turn.KindEnd: turn.Completed, turn.KindCancelled: turn.Aborted, turn.KindError: turn.Failed}
