package redisbroker

import (
	"context"
	"fmt"
	"sync"

	"github.com/karez/karez/broker"
)

// A topic is one that somebody on this node subscribed to.
type topic struct {
	ready chan struct{} // closed when the subscription stands for the first time
	once  sync.Once

	mu  sync.Mutex // guards the one below; held while signals are handed over
	fns map[*func([]byte)]struct{}
}

func (t *topic) confirmed() { t.once.Do(func() { close(t.ready) }) }

func (t *topic) deliver(msg string) {
	t.mu.Lock()
	fns := make([]func([]byte), 0, len(t.fns))
	for f := range t.fns {
		fns = append(fns, *f)
	}
	t.mu.Unlock()
	for _, f := range fns {
		f([]byte(msg))
	}
}

// Publish is part of broker.Signals.
func (b *Broker) Publish(ctx context.Context, t broker.Topic, data []byte) error {
	if len(data) > broker.MaxPayload {
		return fmt.Errorf("publish %d bytes: %w", len(data), broker.ErrTooLarge)
	}
	if b.ctx.Err() != nil {
		return broker.ErrClosed
	}
	err := b.c.Do(ctx, b.c.B().Spublish().Channel(topicKey(t)).Message(string(data)).Build()).Error()
	if err = b.wrap(ctx, err); err != nil {
		return fmt.Errorf("publish %s: %w", t.Name, err)
	}
	return nil
}

// Subscribe is part of broker.Signals. It waits until Redis has confirmed.
func (b *Broker) Subscribe(ctx context.Context, bt broker.Topic, fn func([]byte)) (func(), error) {
	key, h := topicKey(bt), b.hub
	h.mu.Lock()
	if h.over {
		h.mu.Unlock()
		return nil, broker.ErrClosed
	}
	t := h.topics[key]
	if t == nil {
		t = &topic{ready: make(chan struct{}), fns: make(map[*func([]byte)]struct{})}
		h.topics[key] = t
		h.touch(key)
	}
	t.mu.Lock()
	t.fns[&fn] = struct{}{}
	t.mu.Unlock()
	h.mu.Unlock()
	stop := func() { h.unsubscribe(key, t, &fn) }
	bound, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	select {
	case <-t.ready:
		return stop, nil
	case <-b.ctx.Done():
		stop()
		return nil, broker.ErrClosed
	case <-bound.Done():
		stop()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("subscribe %s: %w: Redis at %s has not confirmed within %s", bt.Name, broker.ErrUnavailable, b.addr, callTime)
	}
}

func (h *hub) unsubscribe(key string, t *topic, fn *func([]byte)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t.mu.Lock()
	delete(t.fns, fn)
	none := len(t.fns) == 0
	t.mu.Unlock()
	if none && h.topics[key] == t {
		delete(h.topics, key)
		h.touch(key)
	}
}
