package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/turn"
)

// Retry says how often a provider that failed is asked again. Only errors that
// say so (ProviderError.Retry) are; the zero value is the default.
type Retry struct {
	Tries int           // times it is asked in all; 0: 3, 1: never again
	First time.Duration // pause before the second try, doubled before each later one; 0: 500 ms
	Most  time.Duration // longest pause; a provider that asks for a longer one is not asked again. 0: 20 s
}

func (p Retry) withDefaults() Retry {
	p.Tries = or(p.Tries, 3)
	p.First = or(p.First, 500*time.Millisecond)
	p.Most = or(p.Most, 20*time.Second)
	return p
}

// pause returns how long to wait after try failed with e, and whether to try
// again at all.
func (p Retry) pause(e *ProviderError, try int) (time.Duration, bool) {
	if !e.Retry || try >= p.Tries || e.After > p.Most {
		return 0, false
	}
	d := p.First << min(try-1, 16)
	d = d/2 + rand.N(d/2+1) // workers that failed together do not come back together
	return min(max(d, e.After), p.Most), true
}

// A failed error ends the turn with its Failure.
type failed struct{ turn.Failure }

func (f *failed) Error() string { return f.Code + ": " + f.Message }

// ask has the provider answer, again and again as the policy allows, and
// returns how the answer ended. Before the first piece a retry cannot be seen;
// later it is another epoch.
func (r *run) ask(held, ctx context.Context) (reason string, err error) {
	if err := r.wantedNow(held); err != nil {
		return "", err
	}
	tooLate := &failed{turn.Failure{Code: turn.CodeTurnExpired, Message: fmt.Sprintf("the answer took longer than %v", r.w.opts.MaxTurn), Retryable: true}}
	ctx, cancel := context.WithTimeoutCause(ctx, r.w.opts.MaxTurn, tooLate)
	defer cancel()
	if err := r.request(held); err != nil {
		return "", err
	}
	if err := r.resume(held, reasonLost); err != nil {
		return "", err
	}
	for try := 1; ; try++ {
		before := r.top
		reason, err := r.speak(held, ctx)
		var pe *ProviderError
		if !errors.As(err, &pe) {
			return reason, err
		}
		wait, again := r.w.opts.Retry.pause(pe, try)
		r.log.Warn("provider failed", "try", try, "again", again, "code", pe.Code, "status", pe.Status, "err", pe)
		if !again {
			return "", &failed{turn.Failure{Code: pe.Code, Message: pe.Message, Retryable: pe.Retry}}
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return "", context.Cause(ctx)
		}
		if r.top > before {
			if err := r.reopen(held); err != nil {
				return "", err
			}
		}
	}
}

// patience is how long the provider may say nothing. A turn that waits for a
// person has until its deadline.
func (r *run) patience() time.Duration {
	if n := len(r.held); n > 0 && r.held[n-1].Kind == turn.KindSuspended {
		var s turn.Suspended
		if json.Unmarshal(r.held[n-1].Data, &s) == nil && s.Deadline > 0 {
			return max(time.Until(time.UnixMilli(s.Deadline)), 0)
		}
	}
	return r.w.opts.Silence
}

// close writes the terminal event: how the answer ended, or what err says
// about it. Other errors are returned: then the turn is not ours to end.
func (r *run) close(ctx context.Context, reason string, err error) error {
	var c *cancelled
	var f *failed
	var kind turn.Kind
	var v any
	switch {
	case err == nil:
		kind, v = turn.KindEnd, turn.End{Reason: reason}
	case errors.As(err, &c):
		kind, v = turn.KindCancelled, c.Cancelled
	case errors.As(err, &f):
		kind, v = turn.KindError, turn.Failure{Code: brief(f.Code), Message: brief(f.Message), Retryable: f.Retryable}
	case errors.Is(err, errSilent):
		kind, v = turn.KindError, r.silence()
	default:
		return err
	}
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	evs := r.usage(kind)
	return r.append(ctx, append(evs, turn.Event{Kind: kind, Data: data, Attrs: stamped(nil)})...)
}

func (r *run) silence() turn.Failure {
	if r.answer.State == turn.Waiting {
		return turn.Failure{Code: turn.CodeTurnExpired, Message: "nobody answered in time", Retryable: true}
	}
	return turn.Failure{Code: turn.CodeProviderTimeout, Message: fmt.Sprintf("the model has said nothing for %v", r.w.opts.Silence), Retryable: true}
}

// usage returns an estimate of the tokens, if there is an answer whose
// provider has not counted them.
func (r *run) usage(kind turn.Kind) []turn.Event {
	if r.counted || kind != turn.KindEnd && len(r.answer.Parts) == 0 {
		return nil
	}
	u := turn.Usage{Input: int64(r.req.tokens()), Output: int64(estimate(r.answer.Parts)), Model: r.req.Model, Estimated: true}
	data, err := json.Marshal(u)
	if err != nil {
		return nil // of numbers and a string: cannot be
	}
	return []turn.Event{{Kind: turn.KindUsage, Data: data}}
}

// wantedNow returns the cancel of this turn as an error, if there is one. It
// waits out a broker that is away.
func (r *run) wantedNow(ctx context.Context) error {
	return broker.Retry(ctx, func(ctx context.Context) error {
		c, err := r.wanted(ctx)
		if c != nil {
			return c
		}
		return err
	})
}
