package membroker

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/karez/karez/broker"
)

// jobs are the queues, in memory and, with a folder, in the folder too. A
// lease lives in memory only: after a restart nobody holds one.
type jobs struct {
	mu     sync.Mutex // guards the two below and the queues
	queues map[string]*queue
	last   uint64 // number of the newest entry
}

type queue struct {
	waiting []*job // oldest first
	leased  map[uint64]*job
	come    chan struct{} // closed when a job may be had
}

type job struct {
	n      uint64     // set once
	saving sync.Mutex // held by the one who changes what the folder has of it

	broker.Job // guarded by jobs.mu, as all below

	lease time.Duration
	until time.Time // end of the lease
	since time.Time // added, released or restored
}

// queue returns a queue. mu is held.
func (j *jobs) queue(name string) *queue {
	q := j.queues[name]
	if q == nil {
		q = &queue{leased: make(map[uint64]*job), come: make(chan struct{})}
		j.queues[name] = q
	}
	return q
}

// wake tells all who wait in Take. mu is held.
func (q *queue) wake() {
	close(q.come)
	q.come = make(chan struct{})
}

// restore puts back a job of the folder.
func (j *jobs) restore(name string, n uint64, bj broker.Job) {
	q := j.queue(name)
	j.last = max(j.last, n)
	q.waiting = append(q.waiting, &job{Job: bj, n: n, since: time.Now()})
}

// Add is part of broker.Jobs.
func (b *Broker) Add(_ context.Context, name string, bj broker.Job) error {
	if err := b.check(); err != nil {
		return err
	}
	if len(bj.Payload) > broker.MaxPayload {
		return fmt.Errorf("add job: payload of %d bytes: %w", len(bj.Payload), broker.ErrTooLarge)
	}
	b.jobs.mu.Lock()
	b.jobs.last++
	n := b.jobs.last
	b.jobs.mu.Unlock()
	bj.Entry, bj.Token, bj.Tries = strconv.FormatUint(n, 10), "", 0
	bj.Payload = bytes.Clone(bj.Payload)
	if b.store != nil {
		if err := b.store.putJob(name, n, bj); err != nil {
			return err
		}
	}
	b.jobs.mu.Lock()
	defer b.jobs.mu.Unlock()
	q := b.jobs.queue(name)
	q.waiting = append(q.waiting, &job{Job: bj, n: n, since: time.Now()})
	q.wake()
	return nil
}

// Take is part of broker.Jobs.
func (b *Broker) Take(ctx context.Context, name, worker string, lease time.Duration) (broker.Job, error) {
	for {
		if err := b.check(); err != nil {
			return broker.Job{}, err
		}
		if err := ctx.Err(); err != nil {
			return broker.Job{}, err
		}
		b.jobs.mu.Lock()
		q := b.jobs.queue(name)
		j, next := q.take(time.Now())
		if j == nil {
			come := q.come
			b.jobs.mu.Unlock()
			if err := b.wait(ctx, come, next); err != nil {
				return broker.Job{}, err
			}
			continue
		}
		j.Tries++
		j.Token = worker + "/" + j.Entry + "/" + strconv.Itoa(j.Tries)
		j.lease, j.until = lease, time.Now().Add(lease)
		q.leased[j.n] = j
		out := j.Job
		b.jobs.mu.Unlock()
		out.Payload = bytes.Clone(out.Payload)
		if ok, err := b.noteTries(name, j, out); ok || err != nil {
			return out, err
		}
	}
}

// noteTries keeps the count of tries over a restart, also the first: a job that
// kills the process is then seen to do so. ok is false when the lease ran out
// meanwhile.
func (b *Broker) noteTries(name string, j *job, out broker.Job) (ok bool, err error) {
	if b.store == nil {
		return true, nil
	}
	j.saving.Lock()
	defer j.saving.Unlock()
	if b.jobs.held(name, out) == nil {
		return false, nil
	}
	if err := b.store.putJob(name, j.n, out); err != nil {
		b.jobs.release(name, out)
		return false, err
	}
	return true, nil
}

// wait waits for a job to come, or for a lease to end at next.
func (b *Broker) wait(ctx context.Context, come <-chan struct{}, next time.Time) error {
	var late <-chan time.Time
	if !next.IsZero() {
		t := time.NewTimer(time.Until(next))
		defer t.Stop()
		late = t.C
	}
	select {
	case <-come:
	case <-late:
	case <-ctx.Done():
		return ctx.Err()
	case <-b.ctx.Done():
		return broker.ErrClosed
	}
	return nil
}

// take returns the job whose lease ended first, else the oldest waiting one,
// else none and when the next lease ends. mu is held.
func (q *queue) take(now time.Time) (*job, time.Time) {
	var first *job
	for _, j := range q.leased {
		if first == nil || j.until.Before(first.until) {
			first = j
		}
	}
	if first != nil && !now.Before(first.until) {
		delete(q.leased, first.n)
		return first, time.Time{}
	}
	if len(q.waiting) > 0 {
		j := q.waiting[0]
		q.waiting[0] = nil
		q.waiting = q.waiting[1:]
		return j, time.Time{}
	}
	if first == nil {
		return nil, time.Time{}
	}
	return nil, first.until
}

// held returns the job if this delivery still holds it, else nil.
func (j *jobs) held(name string, bj broker.Job) *job {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.queues[name].held(bj)
}

// held is for one who holds mu; a queue that nobody made is nil.
func (q *queue) held(bj broker.Job) *job {
	n, err := strconv.ParseUint(bj.Entry, 10, 64)
	if err != nil || q == nil {
		return nil
	}
	j := q.leased[n]
	if j == nil || j.Token != bj.Token {
		return nil
	}
	return j
}

// Extend is part of broker.Jobs.
func (b *Broker) Extend(_ context.Context, name string, bj broker.Job) error {
	if err := b.check(); err != nil {
		return err
	}
	b.jobs.mu.Lock()
	defer b.jobs.mu.Unlock()
	j := b.jobs.queues[name].held(bj)
	if j == nil {
		return broker.ErrLeaseLost
	}
	j.until = time.Now().Add(j.lease)
	return nil
}

// Done is part of broker.Jobs.
func (b *Broker) Done(_ context.Context, name string, bj broker.Job) error {
	if err := b.check(); err != nil {
		return err
	}
	j := b.jobs.held(name, bj)
	if j == nil {
		return nil
	}
	if b.store != nil {
		j.saving.Lock()
		defer j.saving.Unlock()
		if b.jobs.held(name, bj) == nil {
			return nil // another worker has it by now
		}
		if err := b.store.deleteJob(name, j.n); err != nil {
			return err
		}
	}
	b.jobs.mu.Lock()
	defer b.jobs.mu.Unlock()
	delete(b.jobs.queues[name].leased, j.n) // also when it was handed out during the sync: it is done
	return nil
}

// Release is part of broker.Jobs.
func (b *Broker) Release(_ context.Context, name string, bj broker.Job) error {
	if err := b.check(); err != nil {
		return err
	}
	b.jobs.release(name, bj)
	return nil
}

func (j *jobs) release(name string, bj broker.Job) {
	j.mu.Lock()
	defer j.mu.Unlock()
	q := j.queues[name]
	held := q.held(bj)
	if held == nil {
		return
	}
	delete(q.leased, held.n)
	held.Token, held.since = "", time.Now()
	q.waiting = slices.Insert(q.waiting, 0, held)
	q.wake()
}

// Stats is part of broker.Jobs.
func (b *Broker) Stats(_ context.Context, name string) (broker.QueueStats, error) {
	if err := b.check(); err != nil {
		return broker.QueueStats{}, err
	}
	b.jobs.mu.Lock()
	defer b.jobs.mu.Unlock()
	q, now := b.jobs.queues[name], time.Now()
	if q == nil {
		return broker.QueueStats{}, nil
	}
	s := broker.QueueStats{Waiting: len(q.waiting), Leased: len(q.leased)}
	for _, j := range q.waiting {
		s.Oldest = max(s.Oldest, now.Sub(j.since))
	}
	for _, j := range q.leased {
		if now.Before(j.until) {
			s.Alive++
		}
		s.Expired = max(s.Expired, now.Sub(j.until))
	}
	return s, nil
}
