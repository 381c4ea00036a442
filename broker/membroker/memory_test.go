package membroker

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/turn"
)

// inBubble runs a case over a broker in memory, under fake time.
func inBubble(t *testing.T, run func(t *testing.T, b *Broker)) {
	synctest.Test(t, func(t *testing.T) {
		b := New(Options{})
		defer closeBroker(t, b)
		run(t, b)
	})
}

func (b *Broker) entries() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.logs)
}

// Whoever asks for what does not exist leaves nothing behind, and a watch of it
// leaves memory when it is over (design: 7).
func TestAskingCostsNoMemory(t *testing.T) {
	inBubble(t, func(t *testing.T, b *Broker) {
		for i := range 1000 {
			id := turn.NewID("app", "chat", fmt.Sprint("t", i))
			if _, err := b.Read(t.Context(), id, 0, 1); err != nil {
				t.Fatal(err)
			}
			if _, err := b.Info(t.Context(), id); !errors.Is(err, broker.ErrNotFound) {
				t.Fatal(err)
			}
		}
		if n := b.entries(); n != 0 {
			t.Errorf("reading left %d logs in memory", n)
		}
		var stops []func()
		for i := range 1000 {
			stops = append(stops, b.Watch(turn.NewID("app", "chat", fmt.Sprint("t", i)), func() {}))
		}
		time.Sleep(3 * sweepEvery)
		if n := b.entries(); n != 1000 {
			t.Errorf("%d of 1000 watched logs are in memory", n)
		}
		for _, stop := range stops {
			stop()
		}
		for i := range 1000 { // these create their log's entry, and fail
			if _, _, err := b.Begin(t.Context(), turn.NewID("app", "room", fmt.Sprint("t", i))); !errors.Is(err, broker.ErrNotFound) {
				t.Fatal(err)
			}
		}
		time.Sleep(3 * sweepEvery)
		if n := b.entries(); n != 0 {
			t.Errorf("%d logs that do not exist are in memory", n)
		}
		for i := range 100 {
			if _, err := b.Stats(t.Context(), fmt.Sprint("q", i)); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(b.jobs.queues); n != 0 {
			t.Errorf("asking left %d queues", n)
		}
	})
}

// Expired logs and values leave memory; logs that exist stay, there is no
// other copy of them.
func TestExpiredLeavesMemory(t *testing.T) {
	inBubble(t, func(t *testing.T, b *Broker) {
		for i := range 100 {
			ttl := time.Duration(i%2) * time.Minute
			if err := b.Create(t.Context(), turn.NewID("app", "chat", fmt.Sprint("t", i)), ttl, text("a")); err != nil {
				t.Fatal(err)
			}
			if _, err := b.Set(t.Context(), broker.Key{App: "app", Name: fmt.Sprint("k", i)}, []byte("v"), 0, ttl); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Minute + 3*sweepEvery)
		if n := b.entries(); n != 50 {
			t.Errorf("%d logs in memory, want 50", n)
		}
		if n := len(b.state.values); n != 50 {
			t.Errorf("%d values in memory, want 50", n)
		}
	})
}

// Who waits for more of a log learns that it has expired.
func TestExpiryWakesWatchers(t *testing.T) {
	inBubble(t, func(t *testing.T, b *Broker) {
		id := turn.NewID("app", "chat", "t1")
		if err := b.Create(t.Context(), id, time.Minute, text("a")); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		_, err := broker.Wait(t.Context(), b, id, 1, 10)
		if took := time.Since(start); !errors.Is(err, broker.ErrAhead) || took < time.Minute || took > time.Minute+2*sweepEvery {
			t.Fatalf("%v after %v", err, took)
		}
	})
}

// A sweep that found a log or value expired does not take the one that came in
// its place meanwhile (design: 2).
func TestSweepSparesWhatCameMeanwhile(t *testing.T) {
	inBubble(t, func(t *testing.T, b *Broker) {
		ctx, id, k := t.Context(), turn.NewID("app", "chat", "t1"), broker.Key{App: "app", Name: "k"}
		if err := b.Create(ctx, id, time.Second, text("a")); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Set(ctx, k, []byte("a"), 0, time.Second); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second) // both have expired, and would be swept
		if err := b.Create(ctx, id, 0, text("b")); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Set(ctx, k, []byte("b"), 0, 0); err != nil {
			t.Fatal(err)
		}
		if err := b.removeExpired(id); err != nil {
			t.Fatal(err)
		}
		now := time.Now()
		if err := b.dropState([]broker.Key{k}, func(v *value) bool { return v.gone(now) }); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Info(ctx, id); err != nil {
			t.Errorf("the new log: %v", err)
		}
		if val, _, err := b.Get(ctx, k); string(val) != "b" || err != nil {
			t.Errorf("the new value: %q, %v", val, err)
		}
	})
}

// A read hands out the log's own events; it copies none of them.
func TestReadCopiesNothing(t *testing.T) {
	b := New(Options{})
	defer closeBroker(t, b)
	id := turn.Timeline("app", "chat")
	for range 100 {
		evs := make([]turn.Event, 1000)
		for i := range evs {
			evs[i] = text("x")
		}
		if _, err := b.Append(t.Context(), id, 0, 0, evs...); err != nil {
			t.Fatal(err)
		}
	}
	ctx := t.Context()
	for _, at := range []turn.Seq{0, 50_000, 99_990} {
		allocs := testing.AllocsPerRun(100, func() {
			if evs, err := b.Read(ctx, id, at, 10); err != nil || len(evs) != 10 {
				t.Errorf("%d events, %v", len(evs), err)
			}
		})
		if allocs > 0 {
			t.Errorf("a read after %d of 100,000 allocates %v times", at, allocs)
		}
	}
}

// Leases are taken in the order in which they ended, and before what waits.
func TestTakeIsFair(t *testing.T) {
	inBubble(t, func(t *testing.T, b *Broker) {
		ctx := t.Context()
		add := func(name string) {
			t.Helper()
			if err := b.Add(ctx, "q", broker.Job{ID: turn.NewID("app", "chat", name)}); err != nil {
				t.Fatal(err)
			}
		}
		take := func(want string, lease time.Duration) broker.Job {
			t.Helper()
			j, err := b.Take(ctx, "q", "w", lease)
			if err != nil || j.ID.Name != want {
				t.Fatalf("took %s, %v; want %s", j.ID.Name, err, want)
			}
			return j
		}
		for _, name := range []string{"a", "b", "c", "d", "e"} {
			add(name)
		}
		take("a", 3*time.Second)
		take("b", time.Second)
		take("c", 2*time.Second)
		released := take("d", time.Hour)
		time.Sleep(10 * time.Second)
		if err := b.Release(ctx, "q", released); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"b", "c", "a", "d", "e"} {
			take(want, time.Hour)
		}
	})
}

// A Take whose caller has gone takes nothing with it.
func TestTakeAfterItsContext(t *testing.T) {
	inBubble(t, func(t *testing.T, b *Broker) {
		if err := b.Add(t.Context(), "q", broker.Job{}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := b.Take(ctx, "q", "w", time.Hour); !errors.Is(err, context.Canceled) {
			t.Errorf("take: %v", err)
		}
		if s, err := b.Stats(t.Context(), "q"); s.Waiting != 1 || err != nil {
			t.Errorf("%+v, %v", s, err)
		}
	})
}
