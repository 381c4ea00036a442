package client

import (
	"context"
	"sync"

	"github.com/karez/karez/wire"
)

// Bounds of what waits for one reader. More keeps a reader that is now and then
// slow from lagging, less keeps less of what the server has anyway.
const (
	maxQueued      = 256
	maxQueuedBytes = 256 << 10
)

// A queue holds what was received and not yet read of one follower. run
// pushes, one reader takes.
type queue struct {
	mu    sync.Mutex // guards all below
	items []Event
	bytes int
	lag   bool // nothing more is pushed until the reader has taken all
	err   error
	ended bool

	woken chan struct{} // capacity 1
}

// push reports whether ev was taken. It is not when the queue is full.
func (q *queue) push(ev Event) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ended {
		return true // nobody reads it any more
	}
	if len(q.items) >= maxQueued || q.bytes >= maxQueuedBytes {
		return false
	}
	q.items = append(q.items, ev)
	q.bytes += size(ev)
	q.wake()
	return true
}

// setLag asks for a call of caughtUp when the queue is empty, and reports
// whether it is empty already.
func (q *queue) setLag() (empty bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.lag = len(q.items) > 0
	return !q.lag
}

func (q *queue) empty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items) == 0
}

// end lets the reader take what is there, then err; nil ends without an error.
func (q *queue) end(err *wire.Error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ended {
		return
	}
	q.ended = true
	if err != nil {
		q.err = err
	}
	q.wake()
}

func (q *queue) wake() {
	select {
	case q.woken <- struct{}{}:
	default:
	}
}

// next returns the next event; nil at the end, with the error. drained says
// that the cursor had lagged and may go on.
func (q *queue) next(ctx context.Context) (ev Event, drained bool, err error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, false, err
		}
		q.mu.Lock()
		if len(q.items) > 0 {
			ev = q.items[0]
			q.items[0] = nil
			q.items = q.items[1:]
			q.bytes -= size(ev)
			if len(q.items) == 0 {
				drained, q.lag, q.items = q.lag, false, nil
			}
			q.mu.Unlock()
			return ev, drained, nil
		}
		ended, err := q.ended, q.err
		q.mu.Unlock()
		if ended {
			return nil, false, err
		}
		select {
		case <-q.woken:
		case <-ctx.Done():
		}
	}
}

func size(ev Event) int {
	switch ev := ev.(type) {
	case Delta:
		return ev.Event.Size()
	case Custom:
		return 64 + len(ev.Data)
	case Signal:
		return 64 + len(ev.Data)
	}
	return 64
}
