package worker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/internal/turns"
)

// errDraining stops the turns of a worker that is told to end. The next worker
// continues them.
var errDraining = errors.New("worker draining")

// afterDrain is how long providers may take to let go once they were stopped. It
// is more than letGo.
const afterDrain = 5 * time.Second

// Run takes jobs until ctx ends, then drains: it takes no more, gives running
// turns Options.Drain, and releases the rest so that another worker continues
// them at once. It returns an error only if the broker was closed under it.
func (w *Worker) Run(ctx context.Context) error {
	work, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(nil)
	var all sync.WaitGroup
	var failed error // set before all.Wait returns
	all.Go(func() {
		failed = w.takeAll(ctx, work, turns.Queue, w.opts.Concurrency, w.opts.Lease, w.answer)
	})
	if w.opts.Webhook.URL != "" {
		// A delivery that is to be tried again need not be waited for.
		all.Go(func() { w.takeAll(ctx, ctx, turns.Webhooks, webhooksAtOnce, webhookLease, w.deliver) })
	}
	done := make(chan struct{})
	go func() { // ends with the loops
		all.Wait()
		close(done)
	}()
	select {
	case <-done:
		return failed
	case <-ctx.Done():
	}
	if !within(done, w.opts.Drain) {
		stop(errDraining)
		if !within(done, afterDrain) {
			return errors.New("stop worker: a provider does not let go of its turn")
		}
	}
	return failed
}

func within(done <-chan struct{}, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-done:
		return true
	case <-t.C:
		return false
	}
}

// takeAll takes jobs of one queue until ctx ends and does n of them at a time.
// It returns when all are done; do returns soon after work has ended.
func (w *Worker) takeAll(ctx, work context.Context, queue string, n int, lease time.Duration, do func(context.Context, broker.Job)) error {
	slots := make(chan struct{}, n)
	var doing sync.WaitGroup
	defer doing.Wait()
	for away := false; ; {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		job, err := w.b.Take(ctx, queue, w.opts.Name, lease)
		switch {
		case err == nil:
			away = false
			doing.Go(func() {
				defer func() { <-slots }()
				do(work, job)
			})
			continue
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, broker.ErrClosed):
			return fmt.Errorf("take from %s: %w", queue, err)
		case !away:
			away = true
			w.log.Warn("cannot take jobs; trying again", "queue", queue, "err", err)
		}
		<-slots
		select {
		case <-time.After(takePause):
		case <-ctx.Done():
		}
	}
}

// takePause is how long a worker waits after the broker could not be asked.
const takePause = 500 * time.Millisecond
