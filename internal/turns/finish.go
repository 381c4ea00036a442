package turns

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/channel"
	"github.com/karez/karez/turn"
)

// Finish settles a turn whose terminal event is in its log: it tells the
// timeline, shortens the log, and gives the next turn of the channel its job.
// Repeating it is harmless, and finishes what an earlier call left undone.
func (t *Turns) Finish(ctx context.Context, id turn.ID) error {
	r, err := t.record(ctx, id.App, id.Channel)
	if err != nil {
		return err
	}
	if r.Has(id.Name) {
		state, err := t.outcome(ctx, id)
		if errors.Is(err, ErrNoTurn) {
			return t.leave(ctx, id) // deleted, or its log was lost
		}
		if err != nil {
			return err
		}
		if err := t.tell(ctx, id, channel.KindTurnEnd, channel.Ended{Turn: id.Name, State: string(state)}); err != nil {
			return err
		}
		if err := t.addWebhook(ctx, id); err != nil {
			return err
		}
	}
	if err := t.b.Compact(ctx, id, t.retention(r)); err != nil && !errors.Is(err, broker.ErrNotFound) {
		return fmt.Errorf("compact %s: %w", id, err)
	}
	return t.leave(ctx, id)
}

// outcome reads how a turn ended from its last event alone.
func (t *Turns) outcome(ctx context.Context, id turn.ID) (turn.State, error) {
	info, err := t.b.Info(ctx, id)
	if err != nil {
		return "", noTurn(err, id.Name)
	}
	if !info.Ended {
		return "", fmt.Errorf("finish %s: it has not ended", id)
	}
	evs, err := t.b.Read(ctx, id, info.Top-1, 1)
	if errors.Is(err, broker.ErrMalformed) || errors.Is(err, broker.ErrTrimmed) {
		return turn.Failed, nil // a foreign producer wrote an end that nobody can read
	}
	if err != nil {
		return "", fmt.Errorf("finish %s: %w", id, err)
	}
	if len(evs) > 0 {
		switch evs[0].Kind {
		case turn.KindEnd:
			return turn.Completed, nil
		case turn.KindCancelled:
			return turn.Aborted, nil
		}
	}
	return turn.Failed, nil
}

// addWebhook has a worker tell the webhook. Before the record forgets the
// turn, so that it is told even if we die here; then it is told twice.
func (t *Turns) addWebhook(ctx context.Context, id turn.ID) error {
	if !t.opts.Webhooks {
		return nil
	}
	now := strconv.FormatInt(time.Now().UnixMilli(), 10)
	if err := t.b.Add(ctx, Webhooks, broker.Job{ID: id, Payload: []byte(now)}); err != nil {
		return fmt.Errorf("add webhook of %s: %w", id, err)
	}
	return nil
}

// leave takes a turn from the record and starts those that waited for it.
func (t *Turns) leave(ctx context.Context, id turn.ID) error {
	var r channel.Record
	err := t.update(ctx, id.App, id.Channel, func(rec *channel.Record) bool {
		was := rec.Finish(id.Name)
		r = *rec
		return was
	})
	if err != nil {
		return err
	}
	return t.startNext(ctx, id.App, id.Channel, r)
}

// startNext adds a job for every turn that may run and is not claimed.
func (t *Turns) startNext(ctx context.Context, app, ch string, r channel.Record) error {
	for _, name := range r.Next(t.opts.Settings) {
		id := turn.NewID(app, ch, name)
		p, err := t.asked(ctx, id)
		if errors.Is(err, ErrNoTurn) {
			continue // not created yet, or lost: one of its jobs makes its log
		}
		if err != nil {
			return err
		}
		if err := t.give(ctx, id, p); err != nil {
			return err
		}
	}
	return nil
}

// heal finishes a first turn of the queue that has ended without anybody
// saying so: a foreign producer wrote its end. One that a worker has claimed is
// finished by that worker, or by the next one that gets its job; claimed heals
// it all the same, should a failover have lost the job. What is wrong with that
// turn is not its caller's trouble: only a broker that is away is an error.
func (t *Turns) heal(ctx context.Context, app, ch string, claimed bool) error {
	r, err := t.record(ctx, app, ch)
	if err != nil || len(r.Queue) == 0 || r.Queue[0].Job != "" && !claimed {
		return err
	}
	id := turn.NewID(app, ch, r.Queue[0].Turn)
	info, err := t.b.Info(ctx, id)
	if errors.Is(err, broker.ErrNotFound) {
		return nil // being accepted
	}
	if err != nil || !info.Ended {
		return err
	}
	if err = t.Finish(ctx, id); errors.Is(err, broker.ErrUnavailable) || ctx.Err() != nil {
		return err
	}
	return nil
}

// Close ends a turn from outside its author: it fences whoever writes, appends
// the terminal event ev, and finishes. It reports whether ev is what ended the
// turn. ErrNoTurn: there is no such turn.
func (t *Turns) Close(ctx context.Context, id turn.ID, kind turn.Kind, v any) (bool, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return false, err
	}
	for {
		e, top, err := t.b.Begin(ctx, id)
		if err == nil {
			_, err = t.b.Append(ctx, id, e, top+1, turn.Event{Kind: kind, Data: data})
		}
		switch {
		case err == nil:
			return true, t.Finish(ctx, id)
		case errors.Is(err, broker.ErrEnded):
			return false, t.Finish(ctx, id)
		case errors.Is(err, broker.ErrFenced), errors.Is(err, broker.ErrGap):
			continue // somebody began after us; the next try fences them
		default:
			return false, noTurn(err, id.Name)
		}
	}
}

// Answer reads a whole turn. ErrNoTurn: there is none. A turn into which a
// foreign producer wrote what cannot be understood has failed where that is.
func (t *Turns) Answer(ctx context.Context, id turn.ID) (turn.Answer, error) {
	var a turn.Answer
	for {
		evs, err := broker.ReadText(ctx, t.b, id, a.At, 4096)
		if err == io.EOF {
			return a, nil
		}
		if errors.Is(err, broker.ErrMalformed) {
			return unread(a), nil
		}
		if err != nil {
			return a, fmt.Errorf("read %s: %w", id, err)
		}
		if len(evs) == 0 {
			if a.At == 0 {
				return a, fmt.Errorf("%w: %s", ErrNoTurn, id.Name)
			}
			return a, nil
		}
		for _, ev := range evs {
			if a.Add(ev) != nil {
				return unread(a), nil
			}
		}
	}
}

// unread is what is shown of a turn of which only a is understood.
func unread(a turn.Answer) turn.Answer {
	a.State = turn.Failed
	a.Outcome = json.RawMessage(`{"code":"` + turn.CodeProviderBroken + `","message":"the rest of this answer cannot be read"}`)
	return a
}
