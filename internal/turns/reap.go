package turns

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/turn"
)

// Defaults of ReapOptions.
const (
	DefaultGrace  = 3 * time.Second
	DefaultWait   = time.Minute
	DefaultBusy   = 10 * time.Minute
	DefaultPeriod = time.Second
	DefaultIdle   = 2 * time.Minute
)

// reapAtOnce bounds the jobs that one look takes out of the queue.
const reapAtOnce = 64

// ReapOptions configure Reap; the zero value works.
type ReapOptions struct {
	Name   string        // of this node, for the broker; "": reaper
	Grace  time.Duration // a lease that ran out so long ago has no taker. With Period it must stay below the 5 s of rule 5
	Wait   time.Duration // a job that waited so long has none either
	Busy   time.Duration // so long a job may wait while workers are at work on others
	Period time.Duration // between two looks at the queue
	Idle   time.Duration // a turn whose author has no lease may be silent for so long while others wait for it
	Log    *slog.Logger
}

func (o ReapOptions) withDefaults() ReapOptions {
	if o.Name == "" {
		o.Name = "reaper"
	}
	if o.Grace == 0 {
		o.Grace = DefaultGrace
	}
	if o.Wait == 0 {
		o.Wait = DefaultWait
	}
	if o.Busy == 0 {
		o.Busy = DefaultBusy
	}
	if o.Period == 0 {
		o.Period = DefaultPeriod
	}
	if o.Idle == 0 {
		o.Idle = DefaultIdle
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return o
}

// Reap ends turns that nobody answers, until ctx ends: those whose worker died
// while there is no other (turn.CodeWorkerLost), and those that wait for a
// worker too long (turn.CodeNoWorker). Gateways run it, so that it works when
// all workers are gone (design: 5). A turn that waits behind another of its
// channel is not meant: it tends those that it waits for (tend.go).
//
// While there are workers with room it takes nothing out of the queue, and
// while there are workers without it is patient.
func (t *Turns) Reap(ctx context.Context, o ReapOptions) {
	r := reaper{t: t, o: o.withDefaults(), seen: make(map[string]time.Time)}
	tick := time.NewTicker(r.o.Period)
	defer tick.Stop()
	for away := false; ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := errors.Join(r.look(ctx), r.tendAll(ctx))
		if err != nil && !away && ctx.Err() == nil {
			r.o.Log.Warn("cannot look for turns without a worker; trying again", "err", err)
		}
		away = err != nil
	}
}

// A reaper is owned by Reap.
type reaper struct {
	t    *Turns
	o    ReapOptions
	seen map[string]time.Time // jobs that were begun and let go, by entry: when they were first seen waiting
}

// look takes jobs out of the queue if nobody else does, ends those turns whose
// time is over, and puts the rest back.
func (r *reaper) look(ctx context.Context) error {
	var back []broker.Job
	defer func() {
		for i := len(back) - 1; i >= 0; i-- { // the first taken goes in front
			if err := r.t.b.Release(ctx, Queue, back[i]); err != nil {
				r.o.Log.Warn("put a job back", "turn", back[i].ID.String(), "err", err)
			}
		}
	}()
	wait := r.o.Wait
	for i := range reapAtOnce {
		s, err := r.t.b.Stats(ctx, Queue)
		if err != nil {
			return err
		}
		if i == 0 && s.Alive > 0 { // we hold none yet
			wait = max(wait, r.o.Busy)
		}
		orphans := s.Expired >= r.o.Grace // such a job is the next that is handed out
		// One whose lease has just run out would be the next too, and putting it
		// back would make it one that waits: it is left to a worker until Grace.
		if !orphans && (s.Oldest < wait || s.Leased > s.Alive) {
			r.forget()
			return nil
		}
		job, err := r.take(ctx, Queue, 2*r.o.Grace)
		if err != nil || job.Entry == "" {
			return err
		}
		why, err := r.judge(ctx, job, orphans, wait)
		if err == nil && why != nil {
			err = r.end(ctx, job, *why)
		}
		if err != nil || why == nil {
			back = append(back, job)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// forget drops what was seen of jobs that others have done since: one that
// still waits would have been ended long ago.
func (r *reaper) forget() {
	for entry, first := range r.seen {
		if time.Since(first) > 2*max(r.o.Busy, r.o.Wait) {
			delete(r.seen, entry)
		}
	}
}

// take takes a job if there is one at once.
func (r *reaper) take(ctx context.Context, queue string, lease time.Duration) (broker.Job, error) {
	short, cancel := context.WithTimeout(ctx, r.o.Period/2)
	defer cancel()
	job, err := r.t.b.Take(short, queue, r.o.Name, lease)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return broker.Job{}, nil
	}
	return job, err
}

// judge says why a job's turn is to be ended, or nothing. orphans: there is a
// lease that ran out and that nobody takes.
func (r *reaper) judge(ctx context.Context, job broker.Job, orphans bool, wait time.Duration) (*turn.Failure, error) {
	info, err := r.t.b.Info(ctx, job.ID)
	if err != nil && !errors.Is(err, broker.ErrNotFound) {
		return nil, err
	}
	lost := &turn.Failure{Code: turn.CodeWorkerLost, Message: "the worker that wrote this answer is gone, and no other took over", Retryable: true}
	begun := info.Epoch > 0
	if orphans && (begun || job.Tries > 1) {
		return lost, nil
	}
	if begun { // its worker let it go in good order; when, the queue does not say
		first, ok := r.seen[job.Entry]
		if !ok {
			r.seen[job.Entry] = time.Now()
		}
		if ok && time.Since(first) >= wait {
			return lost, nil
		}
		return nil, nil
	}
	var p payload
	if json.Unmarshal(job.Payload, &p) != nil {
		return lost, nil // end drops it
	}
	if since := time.UnixMilli(max(p.At, p.Added)); time.Since(since) >= wait {
		return &turn.Failure{Code: turn.CodeNoWorker, Message: "no worker was there to answer", Retryable: true}, nil
	}
	return nil, nil
}

// end ends the turn of a job, unless the job was one too many.
func (r *reaper) end(ctx context.Context, job broker.Job, why turn.Failure) error {
	c, err := r.t.Claim(ctx, job)
	if err != nil {
		return err
	}
	if c.Run {
		kind, v := turn.KindError, any(why)
		if by, yes, err := r.t.Cancelled(ctx, job.ID); err != nil {
			return err
		} else if yes {
			kind, v = turn.KindCancelled, by
		}
		_, err := r.t.Close(ctx, job.ID, kind, v)
		if err != nil && !errors.Is(err, ErrNoTurn) {
			return err
		}
		r.o.Log.Warn("turn ended without a worker", "turn", job.ID.String(), "code", why.Code)
	}
	delete(r.seen, job.Entry)
	return r.t.b.Done(ctx, Queue, job)
}
