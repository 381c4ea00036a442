package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"sync"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/internal/turns"
	"github.com/karez/karez/turn"
)

// maxTries is how often a job is handed out before its turn is given up: a
// prompt that kills every worker must not do so for ever.
const maxTries = 8

// A run is one turn in this worker's hands: one job, one lease.
type run struct {
	author // the turn's log

	w    *Worker // set once, as the next three
	job  broker.Job
	log  *slog.Logger
	told chan struct{} // wakes tend

	req   Request        // what the provider is asked; changed only while it is not
	asked sync.WaitGroup // the provider's goroutines
}

// speak asks the provider once and appends what it says: the first piece at
// once, then whatever has come since the last append returned. So a batch
// grows with the load and costs no delay without it.
//
// ctx ends when the provider shall stop, held when the turn is not ours any
// more; what has come until then is appended.
func (r *run) speak(held, ctx context.Context) (reason string, err error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil) // closes the provider's connection
	in := newInbox()
	p := pieces{in: in, id: r.id, stop: stop, left: r.w.opts.MaxAnswer - size(r.answer.Parts)}
	p.had(r.answer.Parts)
	r.asked.Go(func() {
		reason, err := r.stream(ctx, func(ev turn.Event) error { return p.put(ctx, ev) })
		in.end(ctx, reason, err)
	})
	for {
		evs, err := in.take(ctx, r.patience())
		if err == io.EOF {
			return in.reason, nil
		}
		if err != nil {
			return "", err
		}
		if err := r.append(held, evs...); err != nil {
			return "", r.refused(held, err)
		}
	}
}

// refused makes of an append that will never succeed the end of the turn: the
// next worker would meet the same.
func (r *run) refused(held context.Context, err error) error {
	if over(err) || errors.Is(err, broker.ErrUnavailable) || held.Err() != nil {
		return err
	}
	r.log.Error("the log refuses what the provider said", "err", err)
	return &failed{turn.Failure{Code: turn.CodeProviderBroken, Message: "the provider said what no log takes"}}
}

// stream is the provider's Stream whose errors are typed. A provider that
// panics fails its own turn and no other.
func (r *run) stream(ctx context.Context, emit func(turn.Event) error) (reason string, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = AsProviderError(fmt.Errorf("panic: %v\n%s", v, debug.Stack()))
		}
	}()
	reason, err = r.w.p.Stream(ctx, r.req, emit)
	if err != nil {
		return "", AsProviderError(err)
	}
	if len(reason) > maxBrief {
		return "", &ProviderError{Code: turn.CodeProviderBroken, Message: fmt.Sprintf("the provider ended with a reason of %d bytes", len(reason))}
	}
	return or(reason, turn.ReasonStop), nil
}

// answer does one job: it answers a prompt, goes on with an answer that another
// worker left, or tidies up after one.
func (w *Worker) answer(ctx context.Context, job broker.Job) {
	r := &run{
		author: author{b: w.b, id: job.ID}, w: w, job: job,
		log: w.log.With("turn", job.ID.String()), told: make(chan struct{}, 1),
	}
	err := r.work(ctx)
	switch {
	case err == nil:
		err = w.done(ctx, turns.Queue, job)
	case errors.Is(err, broker.ErrLeaseLost):
		r.log.Info("turn left to another worker", "err", err)
		err = nil
	case errors.Is(err, broker.ErrFenced), errors.Is(err, errDraining):
		// Whoever fenced us may have died since: the next worker looks.
		r.log.Info("turn released", "err", err)
		err = w.release(ctx, turns.Queue, job)
	}
	if err != nil { // the lease runs out by itself, and the next worker tries
		r.log.Error("turn left unfinished", "err", err)
	}
	r.asked.Wait() // a provider that does not let go holds its slot
}

// work brings the turn to its end. On nil the job is done.
func (r *run) work(ctx context.Context) error {
	held, lose := context.WithCancelCause(ctx) // until the turn is not ours any more
	ctx, stop := context.WithCancelCause(held) // until the provider shall stop
	var tending sync.WaitGroup
	tending.Go(func() { r.tend(held, lose, stop) })
	defer tending.Wait()
	defer lose(nil)

	yes, err := r.claim(held)
	if err != nil || !yes {
		return lost(held, err)
	}
	quiet, err := r.listen(held) // before asking for cancels, so that none falls between
	if err != nil {
		return lost(held, err)
	}
	defer quiet()
	var reason string
	if err = r.begin(held); err == nil {
		reason, err = r.ask(held, ctx)
	}
	if err := r.close(held, reason, err); err != nil {
		return r.ended(held, err)
	}
	return r.finish(held)
}

// claim asks whether the turn is to be run at all.
func (r *run) claim(ctx context.Context) (yes bool, err error) {
	var c turns.Claimed
	err = broker.Retry(ctx, func(ctx context.Context) error {
		c, err = r.w.turns.Claim(ctx, r.job)
		return err
	})
	if err != nil || !c.Run {
		return false, err
	}
	r.req = Request{ID: r.id, Trace: c.Trace}
	if r.job.Tries <= maxTries {
		return true, nil
	}
	r.log.Error("turn given up", "tries", r.job.Tries)
	return false, broker.Retry(ctx, func(ctx context.Context) error {
		_, err := r.w.turns.Close(ctx, r.id, turn.KindError, turn.Failure{Code: turn.CodeWorkerLost, Message: "the answer could not be finished"})
		return err
	})
}

// ended returns nil when the turn needs no more of us: somebody else ended it,
// or its channel was deleted.
func (r *run) ended(held context.Context, err error) error {
	switch {
	case errors.Is(err, broker.ErrEnded):
		return r.finish(held)
	case errors.Is(err, broker.ErrNotFound):
		r.log.Info("turn deleted while it ran")
		return r.finish(held)
	}
	return lost(held, err)
}

// finish settles the turn, also when another worker's finishing broke off.
func (r *run) finish(held context.Context) error {
	return lost(held, broker.Retry(held, func(ctx context.Context) error { return r.w.turns.Finish(ctx, r.id) }))
}

// lost returns why held ended, if that is what err comes from.
func lost(held context.Context, err error) error {
	if err != nil && held.Err() != nil {
		return fmt.Errorf("%w (%w)", context.Cause(held), err)
	}
	return err
}
