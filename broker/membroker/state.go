package membroker

import (
	"bytes"
	"context"
	"fmt"
	"hash/maphash"
	"sync"
	"time"

	"github.com/karez/karez/broker"
)

// state holds the values, in memory and, with a folder, in the folder too.
type state struct {
	// One of these, chosen by the key, is held by the one who changes a value,
	// also while the store syncs: changes of different values share a sync.
	writing [64]sync.Mutex
	seed    maphash.Seed // set once

	mu     sync.Mutex // guards the two below
	values map[broker.Key]*value
	rev    broker.Rev // newest one given; never given again, also after a delete
}

type value struct {
	data    []byte
	rev     broker.Rev
	expires time.Time // zero: never
}

func (v *value) gone(now time.Time) bool {
	return v == nil || !v.expires.IsZero() && now.After(v.expires)
}

// lock lets the caller alone change k.
func (s *state) lock(k broker.Key) (unlock func()) {
	mu := &s.writing[maphash.Comparable(s.seed, k)%uint64(len(s.writing))]
	mu.Lock()
	return mu.Unlock
}

func (s *state) restore(k broker.Key, v value) {
	s.values[k] = &v
	s.rev = max(s.rev, v.rev)
}

// Get is part of broker.State.
func (b *Broker) Get(_ context.Context, k broker.Key) ([]byte, broker.Rev, error) {
	if err := b.check(); err != nil {
		return nil, 0, err
	}
	b.state.mu.Lock()
	defer b.state.mu.Unlock()
	v := b.state.values[k]
	if v.gone(time.Now()) {
		return nil, 0, nil
	}
	return bytes.Clone(v.data), v.rev, nil
}

// Set is part of broker.State.
func (b *Broker) Set(_ context.Context, k broker.Key, val []byte, rev broker.Rev, ttl time.Duration) (broker.Rev, error) {
	if err := b.check(); err != nil {
		return 0, err
	}
	if len(val) > broker.MaxPayload {
		return 0, fmt.Errorf("set %s: %d bytes: %w", k.Name, len(val), broker.ErrTooLarge)
	}
	defer b.state.lock(k)()
	now := time.Now()
	b.state.mu.Lock()
	old := b.state.values[k]
	have := broker.Rev(0)
	if !old.gone(now) {
		have = old.rev
	}
	b.state.rev++
	next := b.state.rev
	b.state.mu.Unlock()
	if have != rev {
		return 0, fmt.Errorf("set %s: %w", k.Name, broker.ErrConflict)
	}
	v := &value{data: bytes.Clone(val), rev: next}
	if ttl > 0 {
		v.expires = now.Add(ttl)
	}
	if b.store != nil {
		if err := b.store.putState(k, val, *v); err != nil {
			return 0, err
		}
	}
	b.state.mu.Lock()
	defer b.state.mu.Unlock()
	if val == nil {
		delete(b.state.values, k)
		return 0, nil
	}
	b.state.values[k] = v
	return next, nil
}

func (b *Broker) deleteState(app, channel string) error {
	b.state.mu.Lock()
	var keys []broker.Key
	for k := range b.state.values {
		if k.App == app && k.Channel == channel {
			keys = append(keys, k)
		}
	}
	b.state.mu.Unlock()
	return b.dropState(keys, func(*value) bool { return true })
}

func (b *Broker) sweepState(now time.Time) {
	b.state.mu.Lock()
	var keys []broker.Key
	for k, v := range b.state.values {
		if v.gone(now) {
			keys = append(keys, k)
		}
	}
	b.state.mu.Unlock()
	if err := b.dropState(keys, func(v *value) bool { return v.gone(now) }); err != nil {
		b.log.Error("remove expired state", "err", err)
	}
}

// dropState removes those of keys that drop still wants gone: somebody may have
// set one anew meanwhile.
func (b *Broker) dropState(keys []broker.Key, drop func(*value) bool) error {
	for _, k := range keys {
		if err := b.dropOne(k, drop); err != nil {
			return err
		}
	}
	return nil
}

func (b *Broker) dropOne(k broker.Key, drop func(*value) bool) error {
	defer b.state.lock(k)()
	b.state.mu.Lock()
	v := b.state.values[k]
	b.state.mu.Unlock()
	if v == nil || !drop(v) {
		return nil
	}
	if b.store != nil {
		if err := b.store.putState(k, nil, value{}); err != nil {
			return err
		}
	}
	b.state.mu.Lock()
	delete(b.state.values, k)
	b.state.mu.Unlock()
	return nil
}
