package membroker

import (
	"context"
	"fmt"
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
	broker.Job
	n     uint64
	lease time.Duration
	until time.Time // end of the lease
	since time.Time // added, or released
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
		b.jobs.mu.Lock()
		q := b.jobs.queue(name)
		j, next := q.take(time.Now())
		if j != nil {
			j.Tries++
			j.Token = worker + "/" + j.Entry + "/" + strconv.Itoa(j.Tries)
			j.lease, j.until = lease, time.Now().Add(lease)
			q.leased[j.n] = j
			out := j.Job
			b.jobs.mu.Unlock()
			return out, b.noteTries(name, j.n, out)
		}
		come := q.come
		b.jobs.mu.Unlock()
		if err := b.wait(ctx, come, next); err != nil {
			return broker.Job{}, err
		}
	}
}

// noteTries keeps the count of tries over a restart.
func (b *Broker) noteTries(name string, n uint64, j broker.Job) error {
	if b.store == nil || j.Tries < 2 {
		return nil
	}
	return b.store.putJob(name, n, j)
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

// take returns a job whose lease has ended, else the oldest waiting one, else
// none and when the next lease ends. mu is held.
func (q *queue) take(now time.Time) (*job, time.Time) {
	var next time.Time
	for n, j := range q.leased {
		if !now.Before(j.until) {
			delete(q.leased, n)
			return j, next
		}
		if next.IsZero() || j.until.Before(next) {
			next = j.until
		}
	}
	if len(q.waiting) == 0 {
		return nil, next
	}
	j := q.waiting[0]
	q.waiting[0] = nil
	q.waiting = q.waiting[1:]
	return j, next
}

// held returns the job if this delivery still holds it. mu is held.
func (q *queue) held(bj broker.Job) *job {
	n, err := strconv.ParseUint(bj.Entry, 10, 64)
	if err != nil {
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
	j := b.jobs.queue(name).held(bj)
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
	b.jobs.mu.Lock()
	q := b.jobs.queue(name)
	j := q.held(bj)
	b.jobs.mu.Unlock()
	if j == nil {
		return nil
	}
	if b.store != nil {
		if err := b.store.deleteJob(name, j.n); err != nil {
			return err
		}
	}
	b.jobs.mu.Lock()
	defer b.jobs.mu.Unlock()
	if q.leased[j.n] == j {
		delete(q.leased, j.n)
	}
	return nil
}

// Release is part of broker.Jobs.
func (b *Broker) Release(_ context.Context, name string, bj broker.Job) error {
	if err := b.check(); err != nil {
		return err
	}
	b.jobs.mu.Lock()
	defer b.jobs.mu.Unlock()
	q := b.jobs.queue(name)
	j := q.held(bj)
	if j == nil {
		return nil
	}
	delete(q.leased, j.n)
	j.Token, j.since = "", time.Now()
	q.waiting = append([]*job{j}, q.waiting...)
	q.wake()
	return nil
}

// Stats is part of broker.Jobs.
func (b *Broker) Stats(_ context.Context, name string) (broker.QueueStats, error) {
	if err := b.check(); err != nil {
		return broker.QueueStats{}, err
	}
	b.jobs.mu.Lock()
	defer b.jobs.mu.Unlock()
	q, now := b.jobs.queue(name), time.Now()
	s := broker.QueueStats{Waiting: len(q.waiting), Leased: len(q.leased)}
	for _, j := range q.waiting {
		s.Oldest = max(s.Oldest, now.Sub(j.since))
	}
	for _, j := range q.leased {
		s.Expired = max(s.Expired, now.Sub(j.until))
	}
	return s, nil
}
