package brokertest

import (
	"context"
	"errors"
	"sync"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/turn"
)

// closeCases are Ping and Close.
var closeCases = []testCase{
	{"ping", pingCase},
	{"later calls say so", closeSays},
	{"ends who waits", closeEnds},
	{"while others call", closeUnderFire},
}

func pingCase(t *T) { t.must(t.b.Ping(t.ctx)) }

func closeSays(t *T) {
	id, q := t.turn("t1"), t.queue("q")
	t.started(id, "a")
	t.add(q, "t1")
	j := t.take(q, "w", long)
	stop := t.b.Watch(id, func() {})
	t.must(t.b.Close())
	stop()
	t.must(t.b.Close()) // closed before
	for name, err := range map[string]error{
		"Ping":          t.b.Ping(t.ctx),
		"Create":        t.b.Create(t.ctx, t.turn("t2"), 0, prompt("hi")),
		"Begin":         errorOf(func() error { _, _, err := t.b.Begin(t.ctx, id); return err }),
		"Append":        errorOf(func() error { _, err := t.b.Append(t.ctx, id, 1, 3, end()); return err }),
		"Read":          errorOf(func() error { _, err := t.b.Read(t.ctx, id, 0, 1); return err }),
		"Info":          errorOf(func() error { _, err := t.b.Info(t.ctx, id); return err }),
		"Compact":       t.b.Compact(t.ctx, id, 0),
		"Trim":          t.b.Trim(t.ctx, t.timeline(), 1),
		"Delete":        t.b.Delete(t.ctx, id),
		"DeleteChannel": t.b.DeleteChannel(t.ctx, t.app, "chat"),
		"Add":           t.b.Add(t.ctx, q, broker.Job{ID: id}),
		"Take":          errorOf(func() error { _, err := t.b.Take(t.ctx, q, "w", long); return err }),
		"Extend":        t.b.Extend(t.ctx, q, j),
		"Done":          t.b.Done(t.ctx, q, j),
		"Release":       t.b.Release(t.ctx, q, j),
		"Stats":         errorOf(func() error { _, err := t.b.Stats(t.ctx, q); return err }),
		"Publish":       t.b.Publish(t.ctx, t.topic("x"), nil),
		"Subscribe":     errorOf(func() error { _, err := t.b.Subscribe(t.ctx, t.topic("x"), func([]byte) {}); return err }),
		"Get":           errorOf(func() error { _, _, err := t.b.Get(t.ctx, t.key("k")); return err }),
		"Set":           errorOf(func() error { _, err := t.b.Set(t.ctx, t.key("k"), nil, 0, 0); return err }),
	} {
		if !errors.Is(err, broker.ErrClosed) {
			t.Errorf("%s after Close: %v, want %v", name, err, broker.ErrClosed)
		}
	}
	t.b.Watch(id, func() {})() // has no error to say it with
}

func errorOf(f func() error) error { return f() }

// closeEnds: a reader and a worker that wait learn that nothing will come.
func closeEnds(t *T) {
	read, take := make(chan error, 1), make(chan error, 1)
	waits := &waiting{t.b, make(chan struct{}, 10)}
	go func() { // ends with Close
		_, err := broker.Wait(t.ctx, waits, t.timeline(), 0, 1)
		read <- err
	}()
	go func() { // ends with Close
		_, err := t.b.Take(t.ctx, t.queue("q"), "w", long)
		take <- err
	}()
	soon(t, "the first read", waits.read)
	soon(t, "the read after Watch", waits.read) // now only a wake-up can help
	t.must(t.b.Close())
	t.is("a waiting reader", soon(t, "the end of Wait", read), broker.ErrClosed)
	t.is("a waiting worker", soon(t, "the end of Take", take), broker.ErrClosed)
}

// waiting says when a reader has read.
type waiting struct {
	broker.Log
	read chan struct{}
}

func (w *waiting) Read(ctx context.Context, id turn.ID, after turn.Seq, max int) ([]turn.Event, error) {
	evs, err := w.Log.Read(ctx, id, after, max)
	w.read <- struct{}{}
	return evs, err
}

// closeUnderFire: what is under way at Close succeeds or says why not; nothing
// panics.
func closeUnderFire(t *T) {
	var wg sync.WaitGroup
	begun := make(chan struct{}, 16)
	for w := range 16 {
		wg.Go(func() { // ends with Close
			for n := 0; ; n++ {
				id := turn.ID{App: t.app, Channel: "chat", Kind: turn.StreamLog, Name: string(rune('a' + w))}
				_, err := t.b.Append(t.ctx, id, 0, 0, texts("x")...)
				if err == nil {
					_, err = t.b.Read(t.ctx, id, 0, 10)
				}
				if err == nil {
					_, err = t.b.Set(t.ctx, t.key(id.Name), []byte("x"), 0, 0)
				}
				if n == 0 {
					begun <- struct{}{}
				}
				if errors.Is(err, broker.ErrConflict) {
					continue
				}
				if err != nil {
					if !errors.Is(err, broker.ErrClosed) && !errors.Is(err, broker.ErrUnavailable) {
						t.Errorf("while closing: %v", err)
					}
					return
				}
			}
		})
	}
	for range 16 {
		soon(t, "the first write", begun)
	}
	t.must(t.b.Close())
	wg.Wait()
}
