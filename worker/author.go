package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/turn"
)

// maxHeld bounds what an author keeps of what it wrote, in bytes, to write it
// again should a failover lose the end of the log. What is older is rewritten
// from the fold.
const maxHeld = 4 << 20

// An author writes one turn's log under one epoch at a time. It is owned by
// the goroutine of its run.
type author struct {
	b  broker.Broker // set once, as id
	id turn.ID

	epoch   turn.Epoch
	top     turn.Seq     // the last place that the log has
	answer  turn.Answer  // the fold of the log through top
	counted bool         // this try's tokens are in the log
	held    []turn.Event // the last events through top
	bytes   int          // of held
}

// append writes evs at the end of the log and waits out a broker that is away:
// repeating an append adds nothing. If the log has lost its end it is mended
// first. broker.ErrFenced, broker.ErrEnded, broker.ErrNotFound: write nothing
// more.
func (a *author) append(ctx context.Context, evs ...turn.Event) error {
	for {
		err := broker.Retry(ctx, func(ctx context.Context) error {
			_, err := a.b.Append(ctx, a.id, a.epoch, a.top+1, evs...)
			return err
		})
		if err == nil {
			return a.wrote(evs)
		}
		if !errors.Is(err, broker.ErrGap) {
			return fmt.Errorf("append %s at %d: %w", a.id, a.top+1, err)
		}
		if err := a.mend(ctx); err != nil {
			return err
		}
	}
}

// wrote notes what the log has now.
func (a *author) wrote(evs []turn.Event) error {
	for _, ev := range evs {
		a.top++
		ev.Seq, ev.First, ev.Epoch = a.top, 0, a.epoch
		if err := a.saw(ev); err != nil {
			return err
		}
	}
	return nil
}

// saw folds in an event of the log and holds it.
func (a *author) saw(ev turn.Event) error {
	if err := a.answer.Add(ev); err != nil {
		return err
	}
	switch ev.Kind {
	case turn.KindUsage:
		a.counted = true
	case turn.KindEpoch:
		a.counted = false
	}
	a.top = ev.Seq
	a.held, a.bytes = append(a.held, ev), a.bytes+ev.Size()
	drop := 0
	for a.bytes > maxHeld && drop < len(a.held)-1 {
		a.bytes -= a.held[drop].Size()
		a.held[drop] = turn.Event{}
		drop++
	}
	a.held = a.held[drop:]
	return nil
}

// mend brings a log that lost its end to where readers have seen it: a new
// epoch at the top that is left, then the same events at the same places
// (design: 2). It takes nothing back, so it needs no epoch event.
func (a *author) mend(ctx context.Context) error {
	e, top, err := a.open(ctx)
	if err != nil {
		return err
	}
	first := a.top - turn.Seq(len(a.held)) // held begins after it
	if top > a.top || top < first {
		return a.rewrite(ctx, e, top)
	}
	again := a.held[top-first:]
	a.epoch = e
	for len(again) > 0 {
		n := fit(again)
		err := broker.Retry(ctx, func(ctx context.Context) error {
			_, err := a.b.Append(ctx, a.id, e, top+1, again[:n]...)
			return err
		})
		if errors.Is(err, broker.ErrGap) {
			return nil // lost again: the append that called finds out, and comes back
		}
		if err != nil {
			return fmt.Errorf("mend %s at %d: %w", a.id, top+1, err)
		}
		again, top = again[n:], top+turn.Seq(n)
	}
	return nil
}

// rewrite writes the whole answer again: more was lost than we hold.
func (a *author) rewrite(ctx context.Context, e turn.Epoch, top turn.Seq) error {
	was := a.answer
	a.epoch, a.top, a.held, a.bytes = e, top, nil, 0
	a.answer = turn.Answer{At: top, State: turn.Streaming, Prompt: was.Prompt}
	data, err := json.Marshal(turn.EpochStart{Epoch: e, Keep: a.prompted(), Reason: "log_lost"})
	if err != nil {
		return err
	}
	evs := []turn.Event{{Kind: turn.KindEpoch, Data: data}}
	for _, p := range was.Parts {
		ev := turn.Event{Kind: p.Kind, Part: p.ID, Media: p.Media, Name: p.Name, Data: p.Data}
		for len(ev.Data) > turn.MaxData {
			head := ev
			head.Data = ev.Data[:cut(ev.Data, ev.Kind)]
			evs, ev.Data = append(evs, head), ev.Data[len(head.Data):]
		}
		evs = append(evs, ev)
	}
	if was.Usage != nil {
		data, err := json.Marshal(was.Usage)
		if err != nil {
			return err
		}
		evs = append(evs, turn.Event{Kind: turn.KindUsage, Data: data})
	}
	for len(evs) > 0 {
		n := fit(evs)
		if err := a.append(ctx, evs[:n]...); err != nil {
			return err
		}
		evs = evs[n:]
	}
	return nil
}

// fit returns how many of evs go into one append, one at least.
func fit(evs []turn.Event) int {
	n, bytes := 0, 0
	for n < len(evs) && n < maxBatch && (n == 0 || bytes+len(evs[n].Data) <= maxBatchBytes) {
		bytes += len(evs[n].Data)
		n++
	}
	return n
}

// prompted is the place of the prompt, which every epoch keeps.
func (a *author) prompted() turn.Seq {
	if a.answer.Prompt == nil {
		return 0
	}
	return 1
}
