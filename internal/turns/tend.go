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

// How often a turn that waits looks after those before it, and how many do so
// at each look of a gateway at the queue. Where more wait than that is enough
// for, each looks less often.
const (
	tendEvery  = 15 * time.Second
	tendAtOnce = 64
)

// lostAfter is how long the first turn of a queue may have no log: far longer
// than accepting a prompt takes.
const lostAfter = time.Minute

// wait gives a turn that cannot run yet a job among those that wait, before its
// other job is done. Nobody else can be relied on to start it: whoever ends
// the turn before may die on the way, or be a program that does not know how.
func (t *Turns) wait(ctx context.Context, job broker.Job) error {
	if err := t.b.Add(ctx, Waiting, broker.Job{ID: job.ID, Payload: job.Payload}); err != nil {
		return fmt.Errorf("wait with %s: %w", job.ID, err)
	}
	return t.heal(ctx, job.ID.App, job.ID.Channel, false)
}

// tendAll has turns that wait look after those before them. A job that is not
// done comes again when its lease has run out, to whichever gateway.
func (r *reaper) tendAll(ctx context.Context) error {
	for range tendAtOnce {
		s, err := r.t.b.Stats(ctx, Waiting)
		if err != nil {
			return err
		}
		if s.Waiting == 0 && s.Expired == 0 {
			return nil
		}
		// An expired lease goes before a new job, so there must be time for all.
		lease := tendEvery * time.Duration(1+s.Leased/(8*tendAtOnce))
		job, err := r.take(ctx, Waiting, lease)
		if err != nil || job.Entry == "" {
			return err
		}
		over, err := r.t.tend(ctx, job, r.o.Idle)
		if err == nil && over {
			err = r.t.b.Done(ctx, Waiting, job)
		}
		if errors.Is(err, broker.ErrUnavailable) || ctx.Err() != nil {
			return err
		}
		if err != nil { // of this channel alone
			r.o.Log.Warn("cannot tend a turn that waits", "turn", job.ID.String(), "err", err)
		}
	}
	return nil
}

// tend looks after the channel of a turn that waits. over: it waits no more.
func (t *Turns) tend(ctx context.Context, job broker.Job, idle time.Duration) (over bool, err error) {
	var p payload
	if json.Unmarshal(job.Payload, &p) != nil {
		return true, nil
	}
	r, err := t.record(ctx, job.ID.App, job.ID.Channel)
	if err != nil {
		return false, err
	}
	name := job.ID.Name
	switch {
	case r.Claimed(name) || r.Over(name):
		return true, nil
	case r.Has(name) && !r.MayRun(name, t.opts.Settings):
		if err := t.restore(ctx, job.ID, p); err != nil {
			return false, err
		}
		return false, t.tendFirst(ctx, job.ID.App, job.ID.Channel, r.Queue[0], idle)
	case !r.Has(name):
		if gone, err := t.gone(ctx, job.ID, p.At); err != nil || gone {
			return gone, err
		}
	}
	// Its turn has come. It may have its job already, which does no harm; or a
	// failover lost the record, which a worker mends.
	return true, t.give(ctx, job.ID, p)
}

// give adds a job for a turn that may run.
func (t *Turns) give(ctx context.Context, id turn.ID, p payload) error {
	p.Added = time.Now().UnixMilli()
	raw, err := json.Marshal(&p)
	if err != nil {
		return err
	}
	if err := t.b.Add(ctx, Queue, broker.Job{ID: id, Payload: raw}); err != nil {
		return fmt.Errorf("start %s: %w", id, err)
	}
	return nil
}

// gone reports whether a turn that the record does not have has ended, or was
// deleted with its channel.
func (t *Turns) gone(ctx context.Context, id turn.ID, at int64) (bool, error) {
	info, err := t.b.Info(ctx, id)
	if err == nil {
		return info.Ended, nil
	}
	if !errors.Is(err, broker.ErrNotFound) {
		return false, err
	}
	return t.deleted(ctx, id, at)
}

// restore makes the log of a turn that waits anew, should it have been lost.
func (t *Turns) restore(ctx context.Context, id turn.ID, p payload) error {
	_, err := t.b.Info(ctx, id)
	if !errors.Is(err, broker.ErrNotFound) {
		return err
	}
	return t.reopen(ctx, id, p)
}

// tendFirst looks after the first turn of a queue, for those that wait for it:
// it settles one that has ended, closes one whose author is silent and has no
// lease, gives one that nobody claims its job again, and drops one of which
// nothing is left.
func (t *Turns) tendFirst(ctx context.Context, app, ch string, q channel.Queued, idle time.Duration) error {
	id := turn.NewID(app, ch, q.Turn)
	info, err := t.b.Info(ctx, id)
	lost := errors.Is(err, broker.ErrNotFound)
	if err != nil && !lost {
		return err
	}
	if info.Ended && q.Job == "" {
		return t.Finish(ctx, id)
	}
	foreign := q.Job == "" && info.Epoch == 0 && info.Top > 1 // more than a prompt
	if q.Job != "" && !info.Ended && !lost {
		return nil // a worker has it
	}
	now := time.Now()
	since := now.UnixMilli()
	err = t.update(ctx, app, ch, func(r *channel.Record) (changed bool) {
		since, changed = r.Stands(q.Turn, uint64(info.Top), now.UnixMilli())
		return changed
	})
	stood := now.Sub(time.UnixMilli(since))
	switch {
	case err != nil:
		return err
	case lost && stood >= lostAfter:
		return t.drop(ctx, id)
	case lost:
		return nil // it is being accepted
	case info.Ended && stood >= lostAfter:
		return t.Finish(ctx, id) // the worker that has claimed it does not come back to it
	case info.Ended || stood < idle:
		return nil
	case q.Own || foreign:
		why, _, err := t.Silent(ctx, id, info.Top, idle)
		if err == nil && why != nil {
			_, err = t.Close(ctx, id, turn.KindError, why)
		}
		return err
	}
	return t.giveAgain(ctx, id, now)
}

// giveAgain gives a job to the first turn of a queue that nobody has claimed
// for so long that its own may be lost. If it only waits for a worker, one of
// the two is dropped.
func (t *Turns) giveAgain(ctx context.Context, id turn.ID, now time.Time) error {
	p, err := t.asked(ctx, id)
	if err == nil {
		err = t.give(ctx, id, p)
	}
	if err != nil {
		return err
	}
	return t.update(ctx, id.App, id.Channel, func(r *channel.Record) bool {
		r.First.Since = now.UnixMilli()
		return r.First.Turn == id.Name
	})
}

// drop takes a turn from the record of which nothing is left.
func (t *Turns) drop(ctx context.Context, id turn.ID) error {
	var r channel.Record
	err := t.update(ctx, id.App, id.Channel, func(rec *channel.Record) bool {
		was := rec.Drop(id.Name)
		r = *rec
		return was
	})
	if err != nil {
		return err
	}
	return t.startNext(ctx, id.App, id.Channel, r)
}

// Silent says why a turn is to be closed that has stood at top for as long as
// its author may be silent, or until when it may stand there because it waits
// for a person. Neither: it has come further.
func (t *Turns) Silent(ctx context.Context, id turn.ID, top turn.Seq, idle time.Duration) (why *turn.Failure, until time.Time, err error) {
	evs, err := t.b.Read(ctx, id, top-1, 1)
	switch {
	case errors.Is(err, broker.ErrMalformed): // then nobody else can go on either
	case err != nil:
		return nil, until, err
	case len(evs) == 0 || evs[0].Seq != top:
		return nil, until, nil
	case evs[0].Kind == turn.KindSuspended:
		if until = deadline(evs[0]); time.Now().Before(until) {
			return nil, until, nil
		}
		return &turn.Failure{Code: turn.CodeTurnExpired, Message: "nobody answered what this turn waited for"}, until, nil
	}
	return &turn.Failure{Code: turn.CodeIdle, Message: fmt.Sprintf("the producer of this answer has been silent for %v", idle), Retryable: true}, until, nil
}

// deadline is until when a suspended turn waits; one that does not say has
// waited long enough.
func deadline(ev turn.Event) time.Time {
	var s turn.Suspended
	if json.Unmarshal(ev.Data, &s) != nil || s.Deadline <= 0 {
		return time.Time{}
	}
	return time.UnixMilli(s.Deadline)
}
