package broker_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/broker/membroker"
	"github.com/karez/karez/turn"
)

// over runs a case over a broker in memory, under fake time.
func over(t *testing.T, run func(t *testing.T, b *membroker.Broker)) {
	synctest.Test(t, func(t *testing.T) {
		b := membroker.New(membroker.Options{})
		defer func() {
			if err := b.Close(); err != nil {
				t.Error(err)
			}
		}()
		run(t, b)
	})
}

var id = turn.Timeline("app", "chat")

func text(s string) turn.Event { return turn.Event{Kind: turn.KindText, Data: []byte(s)} }

func TestWaitReturnsWhatIsThere(t *testing.T) {
	over(t, func(t *testing.T, b *membroker.Broker) {
		if _, err := b.Append(t.Context(), id, 0, 0, text("a"), text("b")); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		evs, err := broker.Wait(t.Context(), b, id, 0, 1)
		if err != nil || len(evs) != 1 || time.Since(start) != 0 {
			t.Fatalf("%d events, %v, after %v", len(evs), err, time.Since(start))
		}
	})
}

func TestWaitWaits(t *testing.T) {
	over(t, func(t *testing.T, b *membroker.Broker) {
		start := time.Now()
		time.AfterFunc(time.Hour, func() {
			if _, err := b.Append(t.Context(), id, 0, 0, text("a")); err != nil {
				t.Error(err)
			}
		})
		evs, err := broker.Wait(t.Context(), b, id, 0, 10)
		if err != nil || len(evs) != 1 || time.Since(start) != time.Hour {
			t.Fatalf("%d events, %v, after %v", len(evs), err, time.Since(start))
		}
	})
}

func TestWaitReturnsErrors(t *testing.T) {
	over(t, func(t *testing.T, b *membroker.Broker) {
		ended := turn.NewID("app", "chat", "t1")
		if err := b.Create(t.Context(), ended, 0, text("a"), turn.Event{Kind: turn.KindEnd}); err != nil {
			t.Fatal(err)
		}
		if _, err := broker.Wait(t.Context(), b, ended, 2, 1); err != io.EOF {
			t.Errorf("at the end: %v", err)
		}
		if _, err := broker.Wait(t.Context(), b, ended, 3, 1); !errors.Is(err, broker.ErrAhead) {
			t.Errorf("beyond the end: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := broker.Wait(ctx, b, id, 0, 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("of nothing: %v", err)
		}
		time.AfterFunc(time.Minute, func() { b.Close() })
		if _, err := broker.Wait(t.Context(), b, id, 0, 1); !errors.Is(err, broker.ErrClosed) {
			t.Errorf("of a broker that closes: %v", err)
		}
	})
}

// between is a log that grows just before it is watched.
type between struct {
	*membroker.Broker
	grow func()
}

func (b *between) Watch(id turn.ID, wake func()) func() {
	b.grow()
	return b.Broker.Watch(id, wake)
}

// What comes between the first read and the watch is not missed.
func TestWaitReadsAgainOnceItWatches(t *testing.T) {
	over(t, func(t *testing.T, b *membroker.Broker) {
		l := &between{b, func() {
			if _, err := b.Append(t.Context(), id, 0, 0, text("a")); err != nil {
				t.Error(err)
			}
		}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if evs, err := broker.Wait(ctx, l, id, 0, 1); err != nil || len(evs) != 1 {
			t.Fatalf("%d events, %v", len(evs), err)
		}
	})
}

func TestUpdateCountsAllWhoAsk(t *testing.T) {
	over(t, func(t *testing.T, b *membroker.Broker) {
		const workers, each = 10, 20
		k := broker.Key{App: "app", Name: "n"}
		var wg sync.WaitGroup
		for range workers {
			wg.Go(func() {
				for range each {
					if err := broker.Update(t.Context(), b, k, 0, increment); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if val, _, err := b.Get(t.Context(), k); string(val) != strconv.Itoa(workers*each) || err != nil {
			t.Fatalf("counted %s, %v", val, err)
		}
	})
}

func increment(old []byte) ([]byte, bool, error) {
	n, _ := strconv.Atoi(string(old)) // absent is 0
	return []byte(strconv.Itoa(n + 1)), false, nil
}

func TestUpdateStoresNothing(t *testing.T) {
	over(t, func(t *testing.T, b *membroker.Broker) {
		k, no := broker.Key{App: "app", Name: "n"}, errors.New("no")
		same := func(old []byte) ([]byte, bool, error) { return []byte("x"), true, nil }
		if err := broker.Update(t.Context(), b, k, 0, same); err != nil {
			t.Error(err)
		}
		refuse := func(old []byte) ([]byte, bool, error) { return []byte("x"), false, no }
		if err := broker.Update(t.Context(), b, k, 0, refuse); err != no {
			t.Error(err)
		}
		if val, rev, err := b.Get(t.Context(), k); val != nil || rev != 0 || err != nil {
			t.Errorf("stored %q at %d, %v", val, rev, err)
		}
	})
}

// contested is a value that somebody else always changes first.
type contested struct{ broker.State }

func (contested) Set(context.Context, broker.Key, []byte, broker.Rev, time.Duration) (broker.Rev, error) {
	return 0, fmt.Errorf("set: %w", broker.ErrConflict)
}

func TestUpdateEndsWithItsContext(t *testing.T) {
	over(t, func(t *testing.T, b *membroker.Broker) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		tries := 0
		err := broker.Update(ctx, contested{b}, broker.Key{App: "app", Name: "n"}, 0, func(old []byte) ([]byte, bool, error) {
			tries++
			return []byte("x"), false, nil
		})
		if !errors.Is(err, context.DeadlineExceeded) || tries < 100 {
			t.Fatalf("%v after %d tries", err, tries)
		}
	})
}

func TestRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries, start := 0, time.Now()
		err := broker.Retry(t.Context(), func(context.Context) error {
			if tries++; tries < 20 {
				return fmt.Errorf("append: %w", broker.ErrUnavailable)
			}
			return broker.ErrFenced
		})
		if err != broker.ErrFenced || tries != 20 {
			t.Fatalf("%v after %d tries", err, tries)
		}
		if took := time.Since(start); took < 10*time.Second || took > 20*time.Second { // pauses grow to a second
			t.Fatalf("20 tries took %v", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err = broker.Retry(ctx, func(context.Context) error { return broker.ErrUnavailable })
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("retry of what never works: %v", err)
		}
	})
}

func TestGapErrorSaysTheTop(t *testing.T) {
	err := fmt.Errorf("append: %w", &broker.GapError{Top: 7})
	var g *broker.GapError
	if !errors.Is(err, broker.ErrGap) || !errors.As(err, &g) || g.Top != 7 || err.Error() != "append: gap in the log: the top is 7" {
		t.Fatal(err)
	}
}
