package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/turn"
	"github.com/karez/karez/wire"
)

// begin opens the next epoch of a turn, which fences whoever wrote before.
func (a *API) begin(_ http.ResponseWriter, r *http.Request, by gateway.Caller) (any, error) {
	id := turnID(r, by)
	if err := by.May(gateway.Manage, id.Channel); err != nil {
		return nil, err
	}
	ctx, cancel := limited(r)
	defer cancel()
	e, top, err := a.b.Begin(ctx, id)
	if err != nil {
		return nil, err
	}
	return created{http.StatusCreated, map[string]any{"epoch": e, "top": top}}, nil
}

// appendEvents appends the events of a body while it streams in: NDJSON, or
// SSE whose data lines are events. Under an epoch (query) they go to first,
// first+1, …, and sending the same again adds nothing; without one they go to
// the end, as a plain producer's would.
//
// A body that breaks off leaves what had come. The answer says how far the
// log is, also when it reports an error.
func (a *API) appendEvents(w http.ResponseWriter, r *http.Request, by gateway.Caller) (any, error) {
	id := turnID(r, by)
	if err := by.May(gateway.Manage, id.Channel); err != nil {
		return nil, err
	}
	epoch, err := number(r, "epoch")
	if err != nil {
		return nil, err
	}
	first, err := number(r, "first")
	if err != nil {
		return nil, err
	}
	if (epoch == 0) != (first == 0) {
		return nil, bad("epoch and first go together", "take both from POST …/epochs: first is top+1; leave both out to write at the end")
	}
	lines, err := newLineReader(w, r)
	if err != nil {
		return nil, err
	}
	ap := &appender{a: a, id: id, epoch: turn.Epoch(epoch), next: turn.Seq(first)}
	// What has come is written, also when its sender is gone.
	ctx := context.WithoutCancel(r.Context())
	err = ap.run(ctx, lines)
	if ap.ended {
		ctx, cancel := context.WithTimeout(ctx, callTime)
		defer cancel()
		err = errors.Join(err, broker.Retry(ctx, func(ctx context.Context) error { return a.turns.Finish(ctx, id) }))
	}
	if err != nil {
		return nil, &partial{err, ap.top}
	}
	return map[string]any{"top": ap.top, "ended": ap.ended}, nil
}

// A partial error came after some events had been written.
type partial struct {
	err error
	top turn.Seq // 0: none were
}

func (e *partial) Error() string { return e.err.Error() }

func (e *partial) Unwrap() error { return e.err }

// An appender writes what a body brings: the first event at once, then
// whatever has come since the last append returned.
type appender struct {
	a     *API
	id    turn.ID
	epoch turn.Epoch
	next  turn.Seq // 0: at the end
	top   turn.Seq
	ended bool
}

func (p *appender) run(ctx context.Context, lines *lineReader) error {
	in := newInbox()
	done := make(chan struct{})
	go func() {
		defer close(done)
		in.fill(lines.next)
	}()
	defer func() { // waits for it: the body must not be read after its handler has returned
		if !in.close() {
			lines.stop()
		}
		<-done
	}()
	for {
		batch, err := in.take()
		if len(batch) == 0 {
			return err
		}
		if err := p.append(ctx, batch); err != nil {
			return err
		}
	}
}

// append writes a batch, and waits out a broker that is away for a while.
func (p *appender) append(ctx context.Context, batch []turn.Event) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	err := broker.Retry(ctx, func(ctx context.Context) error {
		top, err := p.a.b.Append(ctx, p.id, p.epoch, p.next, batch...)
		if err == nil {
			p.top = top
		} else if p.next == 0 && errors.Is(err, broker.ErrUnavailable) {
			// Without a place, trying again might write twice.
			return &wire.Error{Code: wire.CodeUnavailable, Message: err.Error(), Hint: "write under an epoch, so that repeating is safe", RetryIn: int(time.Second / time.Millisecond)}
		}
		return err
	})
	if err != nil {
		return err
	}
	if p.next != 0 {
		p.next += turn.Seq(len(batch))
	}
	p.ended = p.ended || batch[len(batch)-1].Kind.Terminal()
	return nil
}
