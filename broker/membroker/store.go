package membroker

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/turn"
)

// A store is an open data folder.
type store struct {
	db   *pebble.DB // set once, as all of this group
	dir  string
	lock *pebble.Lock

	use    sync.RWMutex // held for reading by each call under way
	closed bool         // guarded by use
}

// begin lets one call use db; the caller calls done.
func (s *store) begin() (done func(), err error) {
	s.use.RLock()
	if s.closed {
		s.use.RUnlock()
		return nil, broker.ErrClosed
	}
	return s.use.RUnlock, nil
}

// close waits for calls under way and closes the folder.
func (s *store) close() error {
	s.use.Lock()
	defer s.use.Unlock()
	s.closed = true
	err := s.db.Close()
	if err == nil {
		err = os.Remove(filepath.Join(s.dir, openFile))
	}
	if err := errors.Join(err, s.lock.Close()); err != nil {
		return fmt.Errorf("close the data folder %s: %w", s.dir, err)
	}
	return nil
}

// commit syncs a batch that fill makes; batches that come together share a
// sync.
func (s *store) commit(what string, fill func(b *pebble.Batch) error) error {
	done, err := s.begin()
	if err != nil {
		return err
	}
	defer done()
	b := s.db.NewBatch()
	if err := fill(b); err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", what, err), b.Close())
	}
	if err := b.Commit(pebble.Sync); err != nil {
		return fmt.Errorf("write %s to the data folder: %w: %w", what, broker.ErrUnavailable, err)
	}
	return b.Close()
}

// append adds events to a log.
func (s *store) append(id turn.ID, m meta, evs []turn.Event) error {
	return s.commit(id.String(), func(b *pebble.Batch) error { return putEvents(b, id, m, evs) })
}

// replace exchanges all events of a log.
func (s *store) replace(id turn.ID, m meta, evs []turn.Event) error {
	return s.commit(id.String(), func(b *pebble.Batch) error {
		prefix := logKey(eventKey, id)
		if err := b.DeleteRange(prefix, after(prefix), nil); err != nil {
			return err
		}
		return putEvents(b, id, m, evs)
	})
}

// trim removes the events up to m.Trimmed.
func (s *store) trim(id turn.ID, m meta) error {
	return s.commit(id.String(), func(b *pebble.Batch) error {
		prefix := logKey(eventKey, id)
		if err := b.DeleteRange(prefix, seqKey(prefix, m.Trimmed+1), nil); err != nil {
			return err
		}
		return putEvents(b, id, m, nil)
	})
}

func (s *store) remove(id turn.ID) error {
	return s.commit(id.String(), func(b *pebble.Batch) error {
		prefix := logKey(eventKey, id)
		if err := b.DeleteRange(prefix, after(prefix), nil); err != nil {
			return err
		}
		return b.Delete(logKey(metaKey, id), nil)
	})
}

func putEvents(b *pebble.Batch, id turn.ID, m meta, evs []turn.Event) error {
	p, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if err := b.Set(logKey(metaKey, id), p, nil); err != nil {
		return err
	}
	prefix := logKey(eventKey, id)
	for i := range evs {
		p, err := encodeEvent(&evs[i])
		if err != nil {
			return err
		}
		if err := b.Set(seqKey(prefix, evs[i].Seq), p, nil); err != nil {
			return err
		}
	}
	return nil
}

func (s *store) putJob(queue string, n uint64, j broker.Job) error {
	if err := checkNames(queue); err != nil {
		return err
	}
	return s.commit("job", func(b *pebble.Batch) error {
		p, err := json.Marshal(j)
		if err != nil {
			return err
		}
		return b.Set(jobKeyOf(queue, n), p, nil)
	})
}

func (s *store) deleteJob(queue string, n uint64) error {
	return s.commit("job", func(b *pebble.Batch) error { return b.Delete(jobKeyOf(queue, n), nil) })
}

// putState keeps a value, or deletes it when val is nil.
func (s *store) putState(k broker.Key, val []byte, v value) error {
	if err := checkNames(k.App, k.Channel, k.Name); err != nil {
		return err
	}
	return s.commit("state", func(b *pebble.Batch) error {
		if val == nil {
			return b.Delete(stateKeyOf(k), nil)
		}
		p, err := json.Marshal(storedValue{v.data, v.rev, v.expires})
		if err != nil {
			return err
		}
		return b.Set(stateKeyOf(k), p, nil)
	})
}

// has reports whether the folder has a log.
func (s *store) has(id turn.ID) (bool, error) {
	_, exists, err := s.meta(id)
	return exists, err
}

func (s *store) meta(id turn.ID) (m meta, exists bool, err error) {
	done, err := s.begin()
	if err != nil {
		return m, false, err
	}
	defer done()
	p, closer, err := s.db.Get(logKey(metaKey, id))
	if errors.Is(err, pebble.ErrNotFound) {
		return m, false, nil
	}
	if err != nil {
		return m, false, err
	}
	m, err = decodeMeta(p)
	return m, true, errors.Join(err, closer.Close())
}

// readLog reads a whole log.
func (s *store) readLog(id turn.ID) (m meta, evs []turn.Event, exists bool, err error) {
	m, exists, err = s.meta(id)
	if err != nil || !exists {
		return m, nil, exists, err
	}
	prefix := logKey(eventKey, id)
	err = s.each(prefix, func(k, v []byte) error {
		seq, err := parseSeqKey(prefix, k)
		if err != nil {
			return err
		}
		ev, err := decodeEvent(seq, v)
		evs = append(evs, ev)
		return err
	})
	if err == nil {
		err = checkDense(m, evs)
	}
	return m, evs, true, err
}

// each calls f for every key that begins with prefix, in order. k and v are
// valid during the call only.
func (s *store) each(prefix []byte, f func(k, v []byte) error) (err error) {
	done, err := s.begin()
	if err != nil {
		return err
	}
	defer done()
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: after(prefix)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for it.First(); it.Valid(); it.Next() {
		v, err := it.ValueAndErr()
		if err != nil {
			return err
		}
		if err := f(it.Key(), v); err != nil {
			return err
		}
	}
	return it.Error()
}

// logsOf lists the logs of a channel.
func (s *store) logsOf(app, channel string) (ids []turn.ID, err error) {
	err = s.each(names([]byte{metaKey}, app, channel), func(k, _ []byte) error {
		id, err := parseLogKey(k)
		ids = append(ids, id)
		return err
	})
	return ids, err
}

// expired lists the logs whose retention has ended.
func (s *store) expired(now time.Time) (ids []turn.ID, err error) {
	err = s.each([]byte{metaKey}, func(k, v []byte) error {
		m, err := decodeMeta(v)
		if err != nil || m.Expires.IsZero() || !now.After(m.Expires) {
			return err
		}
		id, err := parseLogKey(k)
		ids = append(ids, id)
		return err
	})
	return ids, err
}

func (s *store) eachJob(f func(queue string, n uint64, j broker.Job)) error {
	return s.each([]byte{jobKey}, func(k, v []byte) error {
		queue, n, err := parseJobKey(k)
		if err != nil {
			return err
		}
		j, err := decodeJob(v)
		if err == nil {
			f(queue, n, j)
		}
		return err
	})
}

func (s *store) eachState(f func(broker.Key, value)) error {
	return s.each([]byte{stateKey}, func(k, v []byte) error {
		key, err := parseStateKey(k)
		if err != nil {
			return err
		}
		val, err := decodeValue(v)
		if err == nil {
			f(key, val)
		}
		return err
	})
}
