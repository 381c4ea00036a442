package membroker

import (
	"context"
	"time"

	"github.com/karez/karez/turn"
)

// Compact is part of broker.Upkeep.
func (b *Broker) Compact(_ context.Context, id turn.ID, ttl time.Duration) error {
	e, err := b.change(id)
	if err != nil {
		return err
	}
	defer e.writing.Unlock()
	if !e.exists || !e.meta.Ended {
		return nil
	}
	m := e.meta
	m.TTL = ttl
	m.touch(time.Now())
	evs := turn.Compact(e.evs)
	if b.store != nil {
		if err := b.store.replace(id, m, evs); err != nil {
			return err
		}
	}
	e.exchange(m, evs)
	return nil
}

// Trim is part of broker.Upkeep.
func (b *Broker) Trim(_ context.Context, id turn.ID, keep int) error {
	e, err := b.change(id)
	if err != nil {
		return err
	}
	defer e.writing.Unlock()
	cut := len(e.evs) - max(keep, 0)
	if !e.exists || cut <= 0 {
		return nil
	}
	m := e.meta
	m.Trimmed = e.evs[cut-1].Seq
	if b.store != nil {
		if err := b.store.trim(id, m); err != nil {
			return err
		}
	}
	e.exchange(m, append([]turn.Event(nil), e.evs[cut:]...))
	return nil
}

// exchange puts other events in place of all that are there, for readers at
// once. The caller holds e.writing.
func (e *entry) exchange(m meta, evs []turn.Event) {
	e.mu.Lock()
	e.meta, e.evs = m, evs
	e.unlockAndWake()
}

// Delete is part of broker.Upkeep.
func (b *Broker) Delete(_ context.Context, id turn.ID) error {
	e, err := b.change(id)
	if err != nil {
		return err
	}
	defer e.writing.Unlock()
	return b.remove(e)
}

// remove takes a log away. The caller holds e.writing.
func (b *Broker) remove(e *entry) error {
	if b.store != nil {
		if err := b.store.remove(e.id); err != nil {
			return err
		}
	}
	e.mu.Lock()
	e.meta, e.evs, e.exists = meta{}, nil, false
	e.unlockAndWake()
	return nil
}

// DeleteChannel is part of broker.Upkeep.
func (b *Broker) DeleteChannel(ctx context.Context, app, channel string) error {
	if err := b.check(); err != nil {
		return err
	}
	ids := make(map[turn.ID]bool)
	b.mu.Lock()
	for id := range b.logs {
		if id.App == app && id.Channel == channel {
			ids[id] = true
		}
	}
	b.mu.Unlock()
	if b.store != nil {
		stored, err := b.store.logsOf(app, channel)
		if err != nil {
			return err
		}
		for _, id := range stored {
			ids[id] = true
		}
	}
	for id := range ids {
		if err := b.Delete(ctx, id); err != nil {
			return err
		}
	}
	return b.deleteState(app, channel)
}

// sweepLogs removes expired logs from memory and folder, and lets those of a
// folder that nobody has used for a while leave memory.
func (b *Broker) sweepLogs(now time.Time) {
	b.mu.Lock()
	all := make([]*entry, 0, len(b.logs))
	for _, e := range b.logs {
		all = append(all, e)
	}
	b.mu.Unlock()
	over := len(all) - b.opts.Hot
	for _, e := range all {
		if e.expired(now) {
			if err := b.removeExpired(e.id); err != nil {
				if b.ctx.Err() == nil {
					b.log.Error("remove expired log", "log", e.id.String(), "err", err)
				}
				continue
			}
		}
		if b.forget(e, now, over > 0) {
			over--
		}
	}
}

// sweepStored removes logs of the folder whose retention has ended.
func (b *Broker) sweepStored(now time.Time) {
	ids, err := b.store.expired(now)
	for _, id := range ids {
		if err == nil {
			err = b.removeExpired(id)
		}
	}
	if err != nil && b.ctx.Err() == nil {
		b.log.Error("remove expired logs from the data folder", "err", err)
	}
}

// removeExpired removes a log if its retention has ended. It looks again under
// the log's lock: somebody may have appended, or created it anew, meanwhile.
func (b *Broker) removeExpired(id turn.ID) error {
	e, err := b.change(id) // which does it
	if err == nil {
		e.writing.Unlock()
	}
	return err
}

// forget lets a log leave memory: one that does not exist, or, when there are
// too many, one that the folder has, that has not been used for a while and
// that nobody watches.
func (b *Broker) forget(e *entry, now time.Time, many bool) bool {
	if !e.writing.TryLock() {
		return false // in use
	}
	defer e.writing.Unlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	e.mu.Lock()
	defer e.mu.Unlock()
	idle := now.Sub(e.used) >= sweepEvery && len(e.watchers) == 0
	if !idle || e.exists && (b.store == nil || !many) {
		return false
	}
	delete(b.logs, e.id)
	return true
}
