package worker

import (
	"context"
	"errors"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/internal/turns"
	"github.com/karez/karez/turn"
)

// letGo bounds the last word to the broker about a job, which is said even
// when the turn's own context has ended.
const letGo = 3 * time.Second

// A cancelled error stops a turn because somebody entitled to asked for it.
type cancelled struct{ turn.Cancelled }

func (c *cancelled) Error() string { return "cancelled by " + c.By }

// tend keeps the lease, and listens for a cancel, until ctx ends. It calls
// lose when the turn is not ours any more, stop when it is cancelled.
//
// That the broker cannot be asked loses nothing yet: if another worker takes
// the job meanwhile, the log fences us.
func (r *run) tend(ctx context.Context, lose, stop context.CancelCauseFunc) {
	beat := time.NewTicker(r.w.opts.Lease / 3)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.told:
		case <-beat.C:
			if err := r.extend(ctx); errors.Is(err, broker.ErrLeaseLost) {
				lose(err)
				return
			}
		}
		// Signals get lost with a connection, so each beat asks too.
		if c, err := r.wanted(ctx); err == nil && c != nil {
			stop(c)
		}
	}
}

func (r *run) extend(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, r.w.opts.Lease/3)
	defer cancel()
	return r.w.b.Extend(ctx, turns.Queue, r.job)
}

// wanted returns the cancel of this turn, or nil.
func (r *run) wanted(ctx context.Context) (*cancelled, error) {
	c, yes, err := r.w.turns.Cancelled(ctx, r.id)
	if err != nil || !yes {
		return nil, err
	}
	return &cancelled{c}, nil
}

// listen has tend woken when somebody wants something of this turn.
func (r *run) listen(ctx context.Context) (stop func(), err error) {
	err = broker.Retry(ctx, func(ctx context.Context) error {
		stop, err = r.w.b.Subscribe(ctx, turns.Control(r.id), func([]byte) {
			select {
			case r.told <- struct{}{}:
			default:
			}
		})
		return err
	})
	return stop, err
}

// done removes the job.
func (w *Worker) done(ctx context.Context, queue string, job broker.Job) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), letGo)
	defer cancel()
	return broker.Retry(ctx, func(ctx context.Context) error { return w.b.Done(ctx, queue, job) })
}

// release lets another worker have the job at once.
func (w *Worker) release(ctx context.Context, queue string, job broker.Job) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), letGo)
	defer cancel()
	return broker.Retry(ctx, func(ctx context.Context) error { return w.b.Release(ctx, queue, job) })
}
