package membroker

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"sync"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/turn"
)

// An entry is one log in memory, with those who watch it.
type entry struct {
	id turn.ID // set once

	writing sync.Mutex // held by the one who changes the log, also while the store syncs

	mu       sync.Mutex // guards all below; never held across a sync
	loaded   bool       // what the folder has is here
	exists   bool
	meta     meta
	evs      []turn.Event
	watchers map[*func()]struct{}
	used     time.Time
}

// meta is what is known of a log beside its events.
type meta struct {
	Epoch   turn.Epoch
	Top     turn.Seq
	Trimmed turn.Seq // the last place that retention took
	Ended   bool
	TTL     time.Duration
	Expires time.Time // zero: never
}

func (m *meta) touch(now time.Time) {
	m.Expires = time.Time{}
	if m.TTL > 0 {
		m.Expires = now.Add(m.TTL)
	}
}

// entry returns the log of an ID, which may not exist.
func (b *Broker) entry(id turn.ID) (*entry, error) {
	if err := b.check(); err != nil {
		return nil, err
	}
	b.mu.Lock()
	e := b.logs[id]
	if e == nil {
		e = &entry{id: id, loaded: b.store == nil, watchers: make(map[*func()]struct{})}
		b.logs[id] = e
	}
	b.mu.Unlock()
	return e, b.load(e)
}

// find returns the log of an ID for one who only looks, or nil: asking for what
// does not exist leaves nothing behind.
func (b *Broker) find(id turn.ID) (*entry, error) {
	if err := b.check(); err != nil {
		return nil, err
	}
	b.mu.Lock()
	e := b.logs[id]
	b.mu.Unlock()
	if e == nil {
		if b.store == nil {
			return nil, nil
		}
		if exists, err := b.store.has(id); !exists {
			return nil, err
		}
	}
	return b.entry(id)
}

// load brings a log back from the folder.
func (b *Broker) load(e *entry) error {
	e.mu.Lock()
	e.used = time.Now()
	done := e.loaded
	e.mu.Unlock()
	if done {
		return nil
	}
	e.writing.Lock()
	defer e.writing.Unlock()
	return b.loadLocked(e)
}

// loadLocked is load for one who holds e.writing.
func (b *Broker) loadLocked(e *entry) error {
	e.mu.Lock()
	done := e.loaded
	e.mu.Unlock()
	if done {
		return nil
	}
	m, evs, exists, err := b.store.readLog(e.id)
	if err != nil {
		return fmt.Errorf("read %s from the data folder: %w", e.id, err)
	}
	e.mu.Lock()
	e.meta, e.evs, e.exists, e.loaded = m, evs, exists, true
	e.mu.Unlock()
	return nil
}

// change locks a log for writing. The log is loaded, and expired ones are gone.
func (b *Broker) change(id turn.ID) (*entry, error) {
	for {
		e, err := b.entry(id)
		if err != nil {
			return nil, err
		}
		e.writing.Lock()
		b.mu.Lock()
		current := b.logs[id] == e
		b.mu.Unlock()
		if !current { // it left memory meanwhile
			e.writing.Unlock()
			continue
		}
		if err := b.loadLocked(e); err != nil {
			e.writing.Unlock()
			return nil, err
		}
		if e.expired(time.Now()) {
			if err := b.remove(e); err != nil {
				e.writing.Unlock()
				return nil, err
			}
		}
		return e, nil
	}
}

// expired reports whether retention has ended. It is gone for readers at once,
// and swept later.
func (e *entry) expired(now time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.exists && !e.meta.Expires.IsZero() && now.After(e.meta.Expires)
}

// Create is part of broker.Log.
func (b *Broker) Create(_ context.Context, id turn.ID, ttl time.Duration, evs ...turn.Event) error {
	if err := broker.CheckEvents(id, evs); err != nil {
		return err
	}
	e, err := b.change(id)
	if err != nil {
		return err
	}
	defer e.writing.Unlock()
	if e.exists { // exists, meta and evs are changed only under writing
		return broker.ErrExists
	}
	m := meta{TTL: ttl}
	m.touch(time.Now())
	return b.put(e, m, number(&m, 0, evs), true)
}

// Begin is part of broker.Log.
func (b *Broker) Begin(_ context.Context, id turn.ID) (turn.Epoch, turn.Seq, error) {
	e, err := b.change(id)
	if err != nil {
		return 0, 0, err
	}
	defer e.writing.Unlock()
	switch {
	case !e.exists:
		return 0, 0, broker.ErrNotFound
	case e.meta.Ended:
		return 0, 0, broker.ErrEnded
	}
	m := e.meta
	m.Epoch++
	return m.Epoch, m.Top, b.put(e, m, nil, false)
}

// Append is part of broker.Log.
func (b *Broker) Append(_ context.Context, id turn.ID, ep turn.Epoch, first turn.Seq, evs ...turn.Event) (turn.Seq, error) {
	if err := broker.CheckEvents(id, evs); err != nil {
		return 0, err
	}
	if len(evs) == 0 {
		return 0, errors.New("append: no events")
	}
	if first == 0 && ep != 0 {
		return 0, fmt.Errorf("append to %s: epoch %d needs a place", id, ep)
	}
	e, err := b.change(id)
	if err != nil {
		return 0, err
	}
	defer e.writing.Unlock()
	if !e.exists && (id.Kind == turn.TurnLog || ep != 0) {
		return 0, broker.ErrNotFound
	}
	m := e.meta
	if first != 0 && first <= m.Top {
		if last := first + turn.Seq(len(evs)) - 1; last <= m.Top && e.wrote(ep, first) && e.wrote(ep, last) {
			return last, nil // said again
		}
	}
	switch {
	case ep < m.Epoch:
		return 0, fmt.Errorf("append %s at %d: epoch %d: %w", id, first, ep, broker.ErrFenced)
	case m.Ended:
		return 0, fmt.Errorf("append %s at %d: %w", id, first, broker.ErrEnded)
	case ep > m.Epoch:
		return 0, fmt.Errorf("append %s: epoch %d was never begun: %w", id, ep, broker.ErrFenced)
	case first != 0 && first != m.Top+1:
		return 0, fmt.Errorf("append %s at %d: %w", id, first, &broker.GapError{Top: m.Top})
	}
	m.touch(time.Now())
	evs = number(&m, ep, evs)
	return m.Top, b.put(e, m, evs, !e.exists)
}

// wrote reports whether epoch ep wrote the event at place s.
func (e *entry) wrote(ep turn.Epoch, s turn.Seq) bool {
	i := sort.Search(len(e.evs), func(i int) bool { return e.evs[i].Seq >= s })
	return i < len(e.evs) && e.evs[i].Start() <= s && e.evs[i].Epoch == ep
}

// number gives evs their places and moves m on.
func number(m *meta, ep turn.Epoch, evs []turn.Event) []turn.Event {
	out := make([]turn.Event, len(evs))
	for i, ev := range evs {
		m.Top++
		ev.Seq, ev.First, ev.Epoch, ev.Cuts = m.Top, 0, ep, nil
		m.Ended = m.Ended || ev.Kind.Terminal()
		out[i] = ev
	}
	return out
}

// put makes a change durable, then visible, and wakes the watchers. The caller
// holds e.writing.
func (b *Broker) put(e *entry, m meta, evs []turn.Event, created bool) error {
	if b.store != nil {
		if err := b.store.append(e.id, m, evs); err != nil {
			return err
		}
	}
	e.mu.Lock()
	e.meta, e.exists = m, e.exists || created
	e.evs = append(e.evs, evs...)
	e.unlockAndWake()
	return nil
}

// unlockAndWake ends a change: it lets go of e.mu, then wakes who watches.
func (e *entry) unlockAndWake() {
	wake := e.wakers()
	e.mu.Unlock()
	for _, f := range wake {
		f()
	}
}

// wakers returns whom to wake. e.mu is held.
func (e *entry) wakers() []func() {
	out := make([]func(), 0, len(e.watchers))
	for f := range e.watchers {
		out = append(out, *f)
	}
	return out
}
