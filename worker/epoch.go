package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/turn"
)

// Reasons of a later epoch, for readers.
const (
	reasonLost  = "worker_lost"    // its author died, or had to let go
	reasonRetry = "provider_retry" // the provider failed in the middle
)

// open begins the next epoch, which fences all earlier ones.
func (a *author) open(ctx context.Context) (e turn.Epoch, top turn.Seq, err error) {
	err = broker.Retry(ctx, func(ctx context.Context) error {
		e, top, err = a.b.Begin(ctx, a.id)
		return err
	})
	if err != nil {
		return 0, 0, fmt.Errorf("begin %s: %w", a.id, err)
	}
	return e, top, nil
}

// begin makes us the turn's author: it opens an epoch and reads what is there.
// After a fresh prompt that is the prompt alone.
func (r *run) begin(ctx context.Context) error {
	e, top, err := r.open(ctx)
	if err != nil {
		return err
	}
	r.epoch = e
	for r.top < top {
		evs, err := r.read(ctx)
		for _, ev := range evs {
			if err == nil {
				err = r.saw(ev)
			}
		}
		if err != nil && !over(err) && ctx.Err() == nil {
			r.log.Error("the log cannot be read", "err", err)
			r.top, r.answer, r.held, r.bytes = top, turn.Answer{At: top}, nil, 0 // so that the end can be written
			return &failed{turn.Failure{Code: turn.CodeInternal, Message: "what there is of this answer cannot be read"}}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *run) read(ctx context.Context) (evs []turn.Event, err error) {
	err = broker.Retry(ctx, func(ctx context.Context) error {
		evs, err = broker.ReadText(ctx, r.b, r.id, r.top, 4096)
		return err
	})
	if err == io.EOF || err == nil && len(evs) == 0 {
		err = broker.ErrFenced // it was ended or cut since Begin, under a later epoch
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", r.id, err)
	}
	return evs, nil
}

// over reports whether err ends an author's writing, whatever it wanted.
func over(err error) bool {
	for _, e := range []error{broker.ErrFenced, broker.ErrEnded, broker.ErrNotFound, broker.ErrClosed} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// resume says in the log how this epoch goes on from what readers were shown,
// and sets what the provider is asked: to continue if it can, else all over.
func (r *run) resume(ctx context.Context, reason string) error {
	r.req.Sofar = nil
	if len(r.answer.Parts) == 0 {
		return nil
	}
	start := turn.EpochStart{Epoch: r.epoch, Keep: r.prompted(), Reason: reason}
	req := r.req
	req.Sofar = clone(r.answer.Parts)
	if c, ok := r.w.p.(Continuer); ok && c.CanContinue(req) {
		start.Keep, start.All = r.top, true
		r.req = req
	}
	data, err := json.Marshal(start)
	if err != nil {
		return err
	}
	r.log.Info("turn goes on", "epoch", r.epoch, "reason", reason, "continued", start.All, "at", r.top)
	return r.append(ctx, turn.Event{Kind: turn.KindEpoch, Data: data})
}

// reopen begins another epoch of ours, after the provider failed in the middle.
func (r *run) reopen(ctx context.Context) error {
	e, top, err := r.open(ctx)
	if err != nil {
		return err
	}
	if top != r.top { // the log lost its end: the next append mends it
		r.log.Warn("log lost its end", "top", top, "had", r.top)
	}
	r.epoch = e
	return r.resume(ctx, reasonRetry)
}
