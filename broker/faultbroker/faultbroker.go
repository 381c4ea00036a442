// Package faultbroker is a broker around a broker that fails as a network and
// a server do, for tests. Faults come in pairs: the call failed and had no
// effect; the call failed and had its effect.
package faultbroker

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/turn"
)

// A Fault is what happens to one call.
type Fault int

// The faults. Both return an error that wraps broker.ErrUnavailable.
const (
	None Fault = iota
	Lost       // the call had no effect
	Kept       // the call had its effect, its answer was lost
)

// A Call is what a plan decides about.
type Call struct {
	N  int    // from 1, over all calls
	Op string // Create, Append, …
	ID turn.ID
}

// A Broker passes calls on, except those that its plan fails.
type Broker struct {
	broker.Broker // set once

	mu    sync.Mutex // guards the two below
	calls int
	plan  func(Call) Fault
}

// New returns a broker around b. plan is called for one call at a time, and
// must not call the broker; nil fails nothing.
func New(b broker.Broker, plan func(Call) Fault) *Broker {
	return &Broker{Broker: b, plan: plan}
}

// Plan replaces the plan.
func (b *Broker) Plan(plan func(Call) Fault) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.plan = plan
}

// Calls returns how many calls were made.
func (b *Broker) Calls() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.calls
}

// At returns a plan that fails the n-th call with f, and all later ones
// without effect: the process died there.
func At(n int, f Fault) func(Call) Fault {
	return func(c Call) Fault {
		switch {
		case c.N < n:
			return None
		case c.N == n:
			return f
		}
		return Lost
	}
}

// Once returns a plan that fails only the n-th call.
func Once(n int, f Fault) func(Call) Fault {
	return func(c Call) Fault {
		if c.N == n {
			return f
		}
		return None
	}
}

func (b *Broker) call(op string, id turn.ID, do func() error) error {
	b.mu.Lock()
	b.calls++
	f, n := None, b.calls
	if b.plan != nil {
		f = b.plan(Call{N: n, Op: op, ID: id})
	}
	b.mu.Unlock()
	if f != Lost {
		if err := do(); f == None {
			return err
		}
	}
	return fmt.Errorf("%s: fault at call %d: %w", op, n, broker.ErrUnavailable)
}

func (b *Broker) Create(ctx context.Context, id turn.ID, ttl time.Duration, evs ...turn.Event) error {
	return b.call("Create", id, func() error { return b.Broker.Create(ctx, id, ttl, evs...) })
}

func (b *Broker) Begin(ctx context.Context, id turn.ID) (e turn.Epoch, top turn.Seq, err error) {
	err = b.call("Begin", id, func() (err error) { e, top, err = b.Broker.Begin(ctx, id); return err })
	if err != nil {
		return 0, 0, err
	}
	return e, top, nil
}

func (b *Broker) Append(ctx context.Context, id turn.ID, e turn.Epoch, first turn.Seq, evs ...turn.Event) (last turn.Seq, err error) {
	err = b.call("Append", id, func() (err error) { last, err = b.Broker.Append(ctx, id, e, first, evs...); return err })
	if err != nil {
		return 0, err
	}
	return last, nil
}

func (b *Broker) Read(ctx context.Context, id turn.ID, after turn.Seq, max int) (evs []turn.Event, err error) {
	err = b.call("Read", id, func() (err error) { evs, err = b.Broker.Read(ctx, id, after, max); return err })
	if err != nil {
		return nil, err
	}
	return evs, nil
}

func (b *Broker) Info(ctx context.Context, id turn.ID) (i broker.Info, err error) {
	err = b.call("Info", id, func() (err error) { i, err = b.Broker.Info(ctx, id); return err })
	if err != nil {
		return broker.Info{}, err
	}
	return i, nil
}

func (b *Broker) Compact(ctx context.Context, id turn.ID, ttl time.Duration) error {
	return b.call("Compact", id, func() error { return b.Broker.Compact(ctx, id, ttl) })
}

func (b *Broker) Trim(ctx context.Context, id turn.ID, keep int) error {
	return b.call("Trim", id, func() error { return b.Broker.Trim(ctx, id, keep) })
}

func (b *Broker) Delete(ctx context.Context, id turn.ID) error {
	return b.call("Delete", id, func() error { return b.Broker.Delete(ctx, id) })
}

func (b *Broker) DeleteChannel(ctx context.Context, app, channel string) error {
	return b.call("DeleteChannel", turn.Timeline(app, channel), func() error { return b.Broker.DeleteChannel(ctx, app, channel) })
}

func (b *Broker) Add(ctx context.Context, queue string, job broker.Job) error {
	return b.call("Add", job.ID, func() error { return b.Broker.Add(ctx, queue, job) })
}

// Take that is Kept leases a job to nobody.
func (b *Broker) Take(ctx context.Context, queue, worker string, lease time.Duration) (job broker.Job, err error) {
	err = b.call("Take", turn.ID{}, func() (err error) { job, err = b.Broker.Take(ctx, queue, worker, lease); return err })
	if err != nil {
		return broker.Job{}, err
	}
	return job, nil
}

func (b *Broker) Extend(ctx context.Context, queue string, job broker.Job) error {
	return b.call("Extend", job.ID, func() error { return b.Broker.Extend(ctx, queue, job) })
}

func (b *Broker) Done(ctx context.Context, queue string, job broker.Job) error {
	return b.call("Done", job.ID, func() error { return b.Broker.Done(ctx, queue, job) })
}

func (b *Broker) Release(ctx context.Context, queue string, job broker.Job) error {
	return b.call("Release", job.ID, func() error { return b.Broker.Release(ctx, queue, job) })
}

func (b *Broker) Stats(ctx context.Context, queue string) (s broker.QueueStats, err error) {
	err = b.call("Stats", turn.ID{}, func() (err error) { s, err = b.Broker.Stats(ctx, queue); return err })
	return s, err
}

func (b *Broker) Publish(ctx context.Context, t broker.Topic, data []byte) error {
	return b.call("Publish", turn.Timeline(t.App, t.Channel), func() error { return b.Broker.Publish(ctx, t, data) })
}

// Subscribe that is Kept leaves a subscription that nobody can end.
func (b *Broker) Subscribe(ctx context.Context, t broker.Topic, fn func([]byte)) (stop func(), err error) {
	err = b.call("Subscribe", turn.Timeline(t.App, t.Channel), func() (err error) { stop, err = b.Broker.Subscribe(ctx, t, fn); return err })
	if err != nil {
		return nil, err
	}
	return stop, nil
}

func (b *Broker) Get(ctx context.Context, k broker.Key) (val []byte, rev broker.Rev, err error) {
	err = b.call("Get", turn.Timeline(k.App, k.Channel), func() (err error) { val, rev, err = b.Broker.Get(ctx, k); return err })
	if err != nil {
		return nil, 0, err
	}
	return val, rev, nil
}

func (b *Broker) Set(ctx context.Context, k broker.Key, val []byte, rev broker.Rev, ttl time.Duration) (next broker.Rev, err error) {
	err = b.call("Set", turn.Timeline(k.App, k.Channel), func() (err error) { next, err = b.Broker.Set(ctx, k, val, rev, ttl); return err })
	if err != nil {
		return 0, err
	}
	return next, nil
}

func (b *Broker) Ping(ctx context.Context) error {
	return b.call("Ping", turn.ID{}, func() error { return b.Broker.Ping(ctx) })
}
