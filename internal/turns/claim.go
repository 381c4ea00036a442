package turns

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/channel"
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
	info, err := t.b.Info(ctx, job.ID)
	switch {
	case errors.Is(err, broker.ErrNotFound):
		if err := t.open(ctx, job.ID, p); err != nil {
			if busy := (*BusyError)(nil); errors.As(err, &busy) {
				return c, nil // refused, and its client was told
			}
			return c, err
		}
	case err != nil:
		return c, err
	case info.Ended:
		return c, t.Finish(ctx, job.ID)
	}
	var got channel.Claim
	err = t.update(ctx, job.ID.App, job.ID.Channel, func(r *channel.Record) bool {
		got = r.Claim(job.ID.Name, job.Entry, t.opts.Settings)
		return got == channel.Run
	})
	if err != nil {
		return c, fmt.Errorf("claim %s: %w", job.ID, err)
	}
	if got == channel.Waits {
		return c, t.heal(ctx, job.ID.App, job.ID.Channel)
	}
	c.Run = got == channel.Run
	return c, nil
}
