package faultbroker_test

import (
	"context"
	"errors"
	"testing"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/broker/brokertest"
	"github.com/karez/karez/broker/faultbroker"
	"github.com/karez/karez/broker/membroker"
	"github.com/karez/karez/turn"
)

// Without a fault it is the broker it is around.
func TestContract(t *testing.T) {
	brokertest.Run(t, func(tb testing.TB) broker.Broker {
		b := faultbroker.New(membroker.New(membroker.Options{}), nil)
		tb.Cleanup(func() { b.Close() })
		return b
	})
}

func TestFaults(t *testing.T) {
	ctx, id := context.Background(), turn.NewID("app", "chat", "t1")
	ev := turn.Event{Kind: turn.KindText, Data: []byte("a")}
	for _, c := range []struct {
		fault faultbroker.Fault
		kept  bool
	}{{faultbroker.Lost, false}, {faultbroker.Kept, true}} {
		b := faultbroker.New(membroker.New(membroker.Options{}), faultbroker.Once(1, c.fault))
		if err := b.Create(ctx, id, 0, ev); !errors.Is(err, broker.ErrUnavailable) {
			t.Errorf("%v", err)
		}
		if err := b.Create(ctx, id, 0, ev); errors.Is(err, broker.ErrExists) != c.kept {
			t.Errorf("again: %v", err)
		}
		b.Plan(faultbroker.At(b.Calls()+1, c.fault))
		for range 2 {
			if _, err := b.Info(ctx, id); !errors.Is(err, broker.ErrUnavailable) {
				t.Errorf("%v", err)
			}
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
}
