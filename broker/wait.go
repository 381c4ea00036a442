package broker

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/karez/karez/turn"
)

// Wait is Read that waits until there is an event, or an error.
func Wait(ctx context.Context, l Log, id turn.ID, after turn.Seq, max int) ([]turn.Event, error) {
	evs, err := l.Read(ctx, id, after, max)
	if len(evs) > 0 || err != nil {
		return evs, err
	}
	woken := make(chan struct{}, 1)
	stop := l.Watch(id, func() {
		select {
		case woken <- struct{}{}:
		default:
		}
	})
	defer stop()
	for {
		evs, err := l.Read(ctx, id, after, max)
		if len(evs) > 0 || err != nil {
			return evs, err
		}
		select {
		case <-woken:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Update changes a value of State by compare-and-set: it calls change with the
// present value (nil if absent) until what it returns could be stored. change
// returning an error ends Update with that error; returning its argument
// unchanged (same) stores nothing.
func Update(ctx context.Context, s State, k Key, ttl time.Duration, change func(old []byte) (val []byte, same bool, err error)) error {
	for wait := time.Millisecond; ; wait = min(2*wait, 50*time.Millisecond) {
		old, rev, err := s.Get(ctx, k)
		if err != nil {
			return err
		}
		val, same, err := change(old)
		if err != nil || same {
			return err
		}
		_, err = s.Set(ctx, k, val, rev, ttl)
		if !errors.Is(err, ErrConflict) {
			return err
		}
		select { // another process won; both of us back off differently by scheduling alone
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Retry calls f until it succeeds or fails with anything but ErrUnavailable,
// with growing pauses of at most a second. It returns ctx's error when ctx
// ends first.
func Retry(ctx context.Context, f func(context.Context) error) error {
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		err := f(ctx)
		if !errors.Is(err, ErrUnavailable) {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func utoa(n uint64) string { return strconv.FormatUint(n, 10) }
