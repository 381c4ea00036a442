package api

import (
	"io"
	"sync"

	"github.com/karez/karez/turn"
)

// Bounds of what is read of a body while an append is under way. More makes
// larger appends under load, less keeps less in memory for each writer.
const (
	maxBatch = 256       // events of one append
	maxAhead = 256 << 10 // bytes read ahead, and one event beyond
)

// An inbox holds what has come of a body and is not written yet.
type inbox struct {
	mu     sync.Mutex // guards all below
	change sync.Cond
	evs    []turn.Event
	size   int
	err    error // why no more comes; io.EOF is the end
	closed bool
}

func newInbox() *inbox {
	b := new(inbox)
	b.change.L = &b.mu
	return b
}

// fill puts in what next returns until that fails or the inbox is closed.
func (b *inbox) fill(next func() (turn.Event, error)) {
	for {
		ev, err := next()
		b.mu.Lock()
		for b.size > maxAhead && !b.closed {
			b.change.Wait()
		}
		if err != nil {
			b.err = err
		} else {
			b.evs, b.size = append(b.evs, ev), b.size+ev.Size()
		}
		stop := err != nil || b.closed
		b.change.Broadcast()
		b.mu.Unlock()
		if stop {
			return
		}
	}
}

// take waits for events and returns what there is, through a terminal event,
// which nothing may follow. None: the body has ended, with the error if it did
// not end well.
func (b *inbox) take() ([]turn.Event, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.evs) == 0 && b.err == nil {
		b.change.Wait()
	}
	n := 0
	for n < len(b.evs) && n < maxBatch {
		b.size -= b.evs[n].Size()
		n++
		if b.evs[n-1].Kind.Terminal() {
			break
		}
	}
	out := b.evs[:n:n]
	b.evs = append([]turn.Event(nil), b.evs[n:]...)
	b.change.Broadcast()
	if n == 0 && b.err != io.EOF {
		return nil, b.err
	}
	return out, nil
}

// close reports whether the body has been read to its end.
func (b *inbox) close() (over bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	b.change.Broadcast()
	return b.err != nil
}
