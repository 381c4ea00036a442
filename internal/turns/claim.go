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

// A Claimed job is what a worker may do with a job that it took.
type Claimed struct {
	Run   bool // run the turn; else call Done for the job, there is nothing to do
	Trace string
	At    int64 // when the prompt was asked, Unix milliseconds
}

// Claim decides what the worker that took job does. It completes the
// acceptance of a prompt whose gateway died half-way, and the end of a turn
// whose worker did.
func (t *Turns) Claim(ctx context.Context, job broker.Job) (Claimed, error) {
	var p payload
	if err := json.Unmarshal(job.Payload, &p); err != nil {
		return Claimed{}, nil // nobody acknowledged this; no turn depends on it
	}
	c := Claimed{Trace: p.Trace, At: p.At}
	info, err := t.accepted(ctx, job)
	switch {
	case errors.Is(err, broker.ErrNotFound):
		if gone, err := t.deleted(ctx, job.ID, p.At); err != nil || gone {
			return c, err
		}
		if err := t.reopen(ctx, job.ID, p); err != nil {
			return c, err
		}
	case err != nil:
		return c, err
	case info.Ended:
		r, err := t.record(ctx, job.ID.App, job.ID.Channel)
		if by := r.Claimer(job.ID.Name); err != nil || by != "" && by != job.Entry {
			return c, err // whoever holds that entry is finishing it, or will be
		}
		return c, t.Finish(ctx, job.ID)
	}
	got, over, err := t.claim(ctx, job)
	if err == nil && got == channel.Gone && !over {
		// The log is there and has not ended: a failover lost the record.
		if err = t.reopen(ctx, job.ID, p); err == nil {
			got, _, err = t.claim(ctx, job)
		}
	}
	if err != nil {
		return c, fmt.Errorf("claim %s: %w", job.ID, err)
	}
	if got == channel.Waits {
		return c, t.wait(ctx, job)
	}
	c.Run = got == channel.Run
	return c, nil
}

// patience is how long a worker leaves it to the gateway to finish accepting: a
// few round trips. Without it both would do it, and the turn would stand on its
// timeline twice.
const patience = 250 * time.Millisecond

// accepted waits a moment until the log of a job's turn is there.
func (t *Turns) accepted(ctx context.Context, job broker.Job) (broker.Info, error) {
	left := patience
	if job.Tries > 1 {
		left = 0 // whoever was to accept it has had its time
	}
	for wait := time.Millisecond; ; wait *= 2 {
		info, err := t.b.Info(ctx, job.ID)
		if left <= 0 || !errors.Is(err, broker.ErrNotFound) {
			return info, err
		}
		left -= wait
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return info, ctx.Err()
		}
	}
}

func (t *Turns) claim(ctx context.Context, job broker.Job) (got channel.Claim, over bool, err error) {
	err = t.update(ctx, job.ID.App, job.ID.Channel, func(r *channel.Record) bool {
		got, over = r.Claim(job.ID.Name, job.Entry, t.opts.Settings), r.Over(job.ID.Name)
		return got == channel.Run || got == channel.Waits
	})
	return got, over, err
}

// reopen completes the acceptance of a prompt. One that was refused stays so:
// its client was told.
func (t *Turns) reopen(ctx context.Context, id turn.ID, p payload) error {
	err := t.open(ctx, id, p)
	if busy := (*BusyError)(nil); errors.As(err, &busy) {
		return nil // and the record does not have it
	}
	return err
}
