package membroker

import (
	"bytes"
	"context"
	"fmt"
	"sync"

	"github.com/karez/karez/broker"
)

// signals are the subscriptions. A signal is handed over by its publisher's
// own goroutine, so nothing is queued.
type signals struct {
	mu   sync.Mutex // guards the one below
	subs map[broker.Topic]map[*subscription]struct{}
}

// A subscription hands over one signal at a time, in order.
type subscription struct {
	mu   sync.Mutex // held while fn runs
	fn   func([]byte)
	over bool // guarded by signals.mu
}

// Publish is part of broker.Signals.
func (b *Broker) Publish(_ context.Context, t broker.Topic, data []byte) error {
	if err := b.check(); err != nil {
		return err
	}
	if len(data) > broker.MaxPayload {
		return fmt.Errorf("publish %d bytes: %w", len(data), broker.ErrTooLarge)
	}
	b.signals.mu.Lock()
	to := make([]*subscription, 0, len(b.signals.subs[t]))
	for s := range b.signals.subs[t] {
		to = append(to, s)
	}
	b.signals.mu.Unlock()
	for _, s := range to {
		s.mu.Lock()
		b.signals.mu.Lock()
		over := s.over
		b.signals.mu.Unlock()
		if !over {
			s.fn(bytes.Clone(data))
		}
		s.mu.Unlock()
	}
	return nil
}

// Subscribe is part of broker.Signals.
func (b *Broker) Subscribe(_ context.Context, t broker.Topic, fn func([]byte)) (func(), error) {
	if err := b.check(); err != nil {
		return nil, err
	}
	s := &subscription{fn: fn}
	b.signals.mu.Lock()
	defer b.signals.mu.Unlock()
	if b.signals.subs[t] == nil {
		b.signals.subs[t] = make(map[*subscription]struct{})
	}
	b.signals.subs[t][s] = struct{}{}
	return func() {
		b.signals.mu.Lock()
		defer b.signals.mu.Unlock()
		s.over = true
		delete(b.signals.subs[t], s)
		if len(b.signals.subs[t]) == 0 {
			delete(b.signals.subs, t)
		}
	}, nil
}
