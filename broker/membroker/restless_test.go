package membroker

import (
	"context"
	"testing"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/broker/brokertest"
	"github.com/karez/karez/turn"
)

// A restless broker is closed and opened again between calls, and its logs
// leave memory. Nobody who calls it may notice. Calls come one at a time.
type restless struct {
	broker.Broker
	tb    testing.TB
	dir   string
	calls int
}

func (r *restless) stir() {
	b := r.Broker.(*Broker)
	switch r.calls++; {
	case r.calls%37 == 0:
		closeBroker(r.tb, b)
		fresh, err := Open(r.dir, Options{Hot: 1})
		if err != nil {
			r.tb.Fatal(err)
		}
		r.Broker = fresh
	case r.calls%5 == 0:
		b.sweepLogs(time.Now().Add(sweepEvery))
	}
}

func (r *restless) Create(ctx context.Context, id turn.ID, ttl time.Duration, evs ...turn.Event) error {
	r.stir()
	return r.Broker.Create(ctx, id, ttl, evs...)
}

func (r *restless) Begin(ctx context.Context, id turn.ID) (turn.Epoch, turn.Seq, error) {
	r.stir()
	return r.Broker.Begin(ctx, id)
}

func (r *restless) Append(ctx context.Context, id turn.ID, e turn.Epoch, first turn.Seq, evs ...turn.Event) (turn.Seq, error) {
	r.stir()
	return r.Broker.Append(ctx, id, e, first, evs...)
}

func (r *restless) Read(ctx context.Context, id turn.ID, after turn.Seq, max int) ([]turn.Event, error) {
	r.stir()
	return r.Broker.Read(ctx, id, after, max)
}

func (r *restless) Compact(ctx context.Context, id turn.ID, ttl time.Duration) error {
	r.stir()
	return r.Broker.Compact(ctx, id, ttl)
}

func (r *restless) Trim(ctx context.Context, id turn.ID, keep int) error {
	r.stir()
	return r.Broker.Trim(ctx, id, keep)
}

func (r *restless) Delete(ctx context.Context, id turn.ID) error {
	r.stir()
	return r.Broker.Delete(ctx, id)
}

func TestRestartsAreNotNoticed(t *testing.T) {
	brokertest.RunModel(t, func(tb testing.TB) broker.Broker {
		r := &restless{tb: tb, dir: tb.TempDir()}
		b, err := Open(r.dir, Options{Hot: 1})
		if err != nil {
			tb.Fatal(err)
		}
		r.Broker = b
		tb.Cleanup(func() { closeBroker(tb, r.Broker.(*Broker)) })
		return r
	})
}
