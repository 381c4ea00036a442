package membroker

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/turn"
)

func (b *Broker) hot(id turn.ID) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.logs[id] != nil
}

func openHot(t *testing.T, dir string, hot int) *Broker {
	t.Helper()
	b, err := Open(dir, Options{Hot: hot})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeBroker(t, b) })
	return b
}

// Logs of a folder that nobody uses leave memory when there are many, and come
// back as they were: with their epoch, their end, their place.
func TestColdLogsLeaveMemoryAndComeBack(t *testing.T) {
	const logs, hot = 40, 8
	b, ctx := openHot(t, t.TempDir(), hot), t.Context()
	id := func(i int) turn.ID { return turn.NewID("app", fmt.Sprint("chat", i), "t1") }
	woken := make(chan struct{}, 1)
	defer b.Watch(id(0), func() {
		select {
		case woken <- struct{}{}:
		default:
		}
	})()
	for i := range logs {
		if err := b.Create(ctx, id(i), 0, text("a")); err != nil {
			t.Fatal(err)
		}
		e, top, err := b.Begin(ctx, id(i))
		if err == nil {
			_, err = b.Append(ctx, id(i), e, top+1, text("b"))
		}
		if err == nil && i%2 == 0 {
			_, err = b.Append(ctx, id(i), e, top+2, turn.Event{Kind: turn.KindEnd})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	b.sweepLogs(time.Now()) // all are in use
	if n := b.entries(); n != logs {
		t.Fatalf("%d of %d logs in use are in memory", n, logs)
	}
	b.sweepLogs(time.Now().Add(sweepEvery))
	if n := b.entries(); n != hot || !b.hot(id(0)) {
		t.Fatalf("%d cold logs are in memory, want %d, the watched one among them: %t", n, hot, b.hot(id(0)))
	}
	<-woken
	for i := range logs {
		evs := readAllOrEnd(t, b, id(i))
		if got := len(evs); got != 3-i%2 || string(evs[1].Data) != "b" {
			t.Fatalf("log %d came back with %d events", i, got)
		}
		_, err := b.Append(ctx, id(i), 0, 0, text("no"))
		if want := broker.ErrFenced; !errors.Is(err, want) {
			t.Fatalf("append to log %d: %v, want %v", i, err, want)
		}
		_, _, err = b.Begin(ctx, id(i))
		if want := [2]error{broker.ErrEnded, nil}[i%2]; !errors.Is(err, want) {
			t.Fatalf("begin of log %d: %v, want %v", i, err, want)
		}
	}
	if n := b.entries(); n != logs {
		t.Fatalf("%d logs came back to memory", n)
	}
}

func readAllOrEnd(t *testing.T, b *Broker, id turn.ID) []turn.Event {
	t.Helper()
	evs, err := b.Read(t.Context(), id, 0, 1000)
	if err != nil && err != io.EOF {
		t.Fatal(err)
	}
	return evs
}

// Logs go cold and come back while they are written: nothing is lost, no
// watcher sleeps.
func TestColdLogsUnderFire(t *testing.T) {
	const logs, events = 8, 100
	b, ctx := openHot(t, t.TempDir(), 1), t.Context()
	done := make(chan struct{})
	swept := make(chan struct{})
	go func() { // ends with done
		defer close(swept)
		for {
			select {
			case <-done:
				return
			default:
				b.sweepLogs(time.Now().Add(2 * sweepEvery)) // also those in use this moment
			}
		}
	}()
	failed := make(chan error, 2*logs)
	for i := range logs {
		id := turn.ID{App: "app", Channel: "chat", Kind: turn.StreamLog, Name: fmt.Sprint("s", i)}
		go func() { // ends with its last event
			for n := range events {
				if top, err := b.Append(ctx, id, 0, 0, text("x")); err != nil || top != turn.Seq(n+1) {
					failed <- fmt.Errorf("append to %s: place %d, %w", id, top, err)
					return
				}
			}
			failed <- nil
		}()
		if i%2 == 0 { // nobody watches, so it goes cold at any moment
			failed <- nil
			continue
		}
		go func() { // ends with the last event
			for at := turn.Seq(0); at < events; {
				evs, err := broker.Wait(ctx, b, id, at, 7)
				if err != nil {
					failed <- fmt.Errorf("wait for %s after %d: %w", id, at, err)
					return
				}
				at += turn.Seq(len(evs))
			}
			failed <- nil
		}()
	}
	for range 2 * logs {
		select {
		case err := <-failed:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(time.Minute):
			t.Fatal("a reader or writer hangs")
		}
	}
	close(done)
	<-swept
	for i := range logs {
		id := turn.ID{App: "app", Channel: "chat", Kind: turn.StreamLog, Name: fmt.Sprint("s", i)}
		if n := len(readAllOrEnd(t, b, id)); n != events {
			t.Errorf("%s has %d events, want %d", id, n, events)
		}
	}
}

// What has expired leaves the folder, with its events, be it in memory or not.
func TestExpiredLeavesTheFolder(t *testing.T) {
	dir, ctx := t.TempDir(), t.Context()
	b := openHot(t, dir, 0)
	for i := range 20 {
		ttl := time.Duration(i%2) * time.Hour
		if err := b.Create(ctx, turn.NewID("app", "chat", fmt.Sprint("t", i)), ttl, text("a"), text("b")); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	b = openHot(t, dir, 0)
	if _, err := b.Read(ctx, turn.NewID("app", "chat", "t1"), 0, 1); err != nil { // one is hot
		t.Fatal(err)
	}
	b.sweepStored(time.Now())
	if n := b.keys(t); n != 20*3 {
		t.Fatalf("%d keys before anything has expired", n)
	}
	// The clock of the folder's logs is set back instead of waiting an hour.
	for i := 1; i < 20; i += 2 {
		b.expire(t, turn.NewID("app", "chat", fmt.Sprint("t", i)))
	}
	b.sweepStored(time.Now())
	if n := b.keys(t); n != 10*3 {
		t.Fatalf("%d keys are left, want %d", n, 10*3)
	}
	b.sweepLogs(time.Now().Add(sweepEvery))
	if n := b.entries(); n != 0 {
		t.Fatalf("%d expired logs are in memory", n)
	}
	for i := range 20 {
		_, err := b.Info(ctx, turn.NewID("app", "chat", fmt.Sprint("t", i)))
		if want := [2]error{nil, broker.ErrNotFound}[i%2]; !errors.Is(err, want) {
			t.Errorf("log %d: %v, want %v", i, err, want)
		}
	}
}

// keys counts what the folder has of logs.
func (b *Broker) keys(t *testing.T) (n int) {
	t.Helper()
	for _, what := range []byte{metaKey, eventKey} {
		if err := b.store.each([]byte{what}, func(_, _ []byte) error { n++; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// expire sets the end of a log's retention to the past.
func (b *Broker) expire(t *testing.T, id turn.ID) {
	t.Helper()
	e, err := b.change(id)
	if err != nil {
		t.Fatal(err)
	}
	defer e.writing.Unlock()
	m := e.meta
	m.Expires = time.Now().Add(-time.Second)
	if err := b.put(e, m, nil, false); err != nil {
		t.Fatal(err)
	}
}

// A name too long for a key is refused, not cut.
func TestLongNamesAreRefused(t *testing.T) {
	b, long := openHot(t, t.TempDir(), 0), strings.Repeat("x", 1<<16)
	if _, err := b.Set(t.Context(), broker.Key{App: "app", Name: long}, []byte("v"), 0, 0); !errors.Is(err, broker.ErrTooLarge) {
		t.Errorf("set: %v", err)
	}
	if err := b.Add(t.Context(), long, broker.Job{}); !errors.Is(err, broker.ErrTooLarge) {
		t.Errorf("add: %v", err)
	}
}
