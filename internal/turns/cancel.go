package turns

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/channel"
	"github.com/karez/karez/turn"
)

// cancelKept is how long a cancel is remembered: it may come before its turn
// (another connection, another device) and must outlast a takeover.
const cancelKept = time.Hour

// Cancel stops a turn, or keeps it from starting. Before the turn exists it is
// remembered for an hour. A turn that a worker has is stopped by the worker,
// which is told; any other is closed here. Cancelling an ended turn is no
// error and changes nothing.
func (t *Turns) Cancel(ctx context.Context, id turn.ID, by string) error {
	info, err := t.b.Info(ctx, id)
	if err == nil && info.Ended {
		return t.Finish(ctx, id)
	}
	if err != nil && !errors.Is(err, broker.ErrNotFound) {
		return err
	}
	val, err := json.Marshal(turn.Cancelled{By: by})
	if err != nil {
		return err
	}
	_, err = t.b.Set(ctx, cancelKey(id), val, 0, cancelKept)
	if err != nil && !errors.Is(err, broker.ErrConflict) {
		return fmt.Errorf("cancel %s: %w", id, err)
	}
	if err := t.b.Publish(ctx, Control(id), []byte(`{"cancel":true}`)); err != nil {
		return fmt.Errorf("cancel %s: %w", id, err)
	}
	return t.cancelledBefore(ctx, id)
}

// Tended reports whether a turn has somebody who will end it: a worker, or a
// queue that will give it one. A turn that a back end or a plain producer
// answers has none, and is closed when it falls silent.
func (t *Turns) Tended(ctx context.Context, id turn.ID) (bool, error) {
	r, err := t.record(ctx, id.App, id.Channel)
	return r.Has(id.Name) && !r.Own(id.Name), err
}

// Cancelled returns who cancelled a turn, if anybody did. A worker asks after
// it subscribed to Control, so that no cancel falls between.
func (t *Turns) Cancelled(ctx context.Context, id turn.ID) (turn.Cancelled, bool, error) {
	var c turn.Cancelled
	val, _, err := t.b.Get(ctx, cancelKey(id))
	if err != nil || val == nil {
		return c, false, err
	}
	return c, true, json.Unmarshal(val, &c)
}

// cancelledBefore closes a cancelled turn that exists and that no worker has.
func (t *Turns) cancelledBefore(ctx context.Context, id turn.ID) error {
	c, yes, err := t.Cancelled(ctx, id)
	if err != nil || !yes {
		return err
	}
	var r channel.Record
	if r, err = t.record(ctx, id.App, id.Channel); err != nil || r.Claimed(id.Name) {
		return err
	}
	_, err = t.Close(ctx, id, turn.KindCancelled, c)
	if !errors.Is(err, ErrNoTurn) {
		return err
	}
	if r.Waited(id.Name) {
		return t.leave(ctx, id) // it was accepted, and its log was lost since
	}
	return nil // remembered for when it comes
}

// Control is the topic on which the author of a turn hears what others want of
// it. A signal there says only that something changed: the truth is in State.
func Control(id turn.ID) broker.Topic {
	return broker.Topic{App: id.App, Channel: id.Channel, Name: "control:" + id.Name}
}

func cancelKey(id turn.ID) broker.Key {
	return broker.Key{App: id.App, Channel: id.Channel, Name: "cancel:" + id.Name}
}
