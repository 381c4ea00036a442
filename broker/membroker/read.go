package membroker

import (
	"context"
	"io"
	"sort"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/turn"
)

// Read is part of broker.Log.
func (b *Broker) Read(_ context.Context, id turn.ID, after turn.Seq, max int) ([]turn.Event, error) {
	e, err := b.find(id)
	if err != nil {
		return nil, err
	}
	m, evs := e.look(time.Now())
	switch {
	case after > m.Top:
		return nil, broker.ErrAhead
	case after < m.Trimmed:
		return nil, broker.ErrTrimmed
	case after == m.Top && m.Ended:
		return nil, io.EOF
	case after == m.Top:
		return nil, nil
	}
	return cut(evs, after, max)
}

// look returns what a log holds now: nothing if it does not exist. The events
// are shared and never changed; a later append writes behind them.
func (e *entry) look(now time.Time) (meta, []turn.Event) {
	if e == nil || e.expired(now) {
		return meta{}, nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.meta, e.evs
}

// cut returns at most max of the events that follow after, and no more than
// about broker.MaxRead bytes.
func cut(evs []turn.Event, after turn.Seq, max int) ([]turn.Event, error) {
	from := sort.Search(len(evs), func(i int) bool { return evs[i].Seq > after })
	size, to := 0, from
	for to < len(evs) && to-from < max && (to == from || size+evs[to].Size() <= broker.MaxRead) {
		size += evs[to].Size()
		to++
	}
	evs = evs[from:to:to]
	if len(evs) == 0 || evs[0].Start() > after {
		return evs, nil
	}
	rest, _, err := evs[0].After(after)
	if err != nil {
		return nil, err
	}
	return append([]turn.Event{rest}, evs[1:]...), nil
}

// Watch is part of broker.Log.
func (b *Broker) Watch(id turn.ID, wake func()) (stop func()) {
	for {
		e, err := b.entry(id)
		if err != nil { // the next Read says so
			wake()
			if e == nil {
				return func() {}
			}
		}
		e.mu.Lock()
		e.watchers[&wake] = struct{}{}
		e.mu.Unlock()
		stop = func() {
			e.mu.Lock()
			delete(e.watchers, &wake)
			e.mu.Unlock()
		}
		b.mu.Lock()
		current := b.logs[id] == e
		b.mu.Unlock()
		if current {
			if b.check() != nil { // Close may not have seen this one
				wake()
			}
			return stop
		}
		stop() // it left memory meanwhile
	}
}

// Info is part of broker.Upkeep.
func (b *Broker) Info(_ context.Context, id turn.ID) (broker.Info, error) {
	e, err := b.find(id)
	if err != nil {
		return broker.Info{}, err
	}
	if e == nil || e.expired(time.Now()) {
		return broker.Info{}, broker.ErrNotFound
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.exists {
		return broker.Info{}, broker.ErrNotFound
	}
	return broker.Info{Top: e.meta.Top, Epoch: e.meta.Epoch, Ended: e.meta.Ended}, nil
}
