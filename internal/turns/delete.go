package turns

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/turn"
)

// How long the deletion of a channel waits for the authors of its turns to
// hear of it, and is remembered for jobs that are still on their way.
const (
	deleteWait = 2 * time.Second
	deleteKept = 24 * time.Hour
)

// DeleteChannel cancels what runs in a channel and removes all of it. A prompt
// accepted later makes the channel anew.
func (t *Turns) DeleteChannel(ctx context.Context, app, ch, by string) error {
	now := []byte(strconv.FormatInt(time.Now().UnixMilli(), 10))
	err := broker.Update(ctx, t.b, deletedKey(app, ch), deleteKept, func([]byte) ([]byte, bool, error) { return now, false, nil })
	if err != nil {
		return err
	}
	for until := time.Now().Add(deleteWait); ; {
		r, err := t.record(ctx, app, ch)
		if err != nil {
			return err
		}
		for _, q := range r.Queue {
			if err := t.Cancel(ctx, turn.NewID(app, ch, q.Turn), by); err != nil && !errors.Is(err, ErrNoTurn) {
				return err
			}
		}
		if len(r.Queue) == 0 || time.Now().After(until) {
			return t.b.DeleteChannel(ctx, app, ch)
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// deleted reports whether a channel was deleted after a prompt was asked, so
// that its job does not bring the channel back.
func (t *Turns) deleted(ctx context.Context, id turn.ID, at int64) (bool, error) {
	p, _, err := t.b.Get(ctx, deletedKey(id.App, id.Channel))
	if err != nil || p == nil {
		return false, err
	}
	when, err := strconv.ParseInt(string(p), 10, 64)
	return err == nil && at <= when, nil
}

// deletedKey is no key of the channel: it outlives it.
func deletedKey(app, ch string) broker.Key {
	return broker.Key{App: app, Name: "deleted:" + ch}
}
