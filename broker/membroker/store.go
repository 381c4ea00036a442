package membroker

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/turn"
)

// format is the version of the folder's layout. A folder of a later one is
// refused.
const format = 1

// Keys of the folder: a letter for what it is, then length-prefixed names, so
// that any channel name is safe and a channel's keys stand together.
//
//	l <app> <channel> <kind> <name>            meta of a log
//	e <app> <channel> <kind> <name> <seq>      an event, at the last place it covers
//	s <app> <channel> <name>                   a value of State
//	j <queue> <number>                         a job
const (
	metaKey  = 'l'
	eventKey = 'e'
	stateKey = 's'
	jobKey   = 'j'
)

// A store is a data folder.
type store struct {
	db  *pebble.DB
	dir string
	log *slog.Logger
}

// openStore opens a data folder, and says what to do when it cannot.
func openStore(dir string, log *slog.Logger) (*store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder: %w (choose another with --data)", err)
	}
	if err := checkFormat(dir); err != nil {
		return nil, err
	}
	s := &store{dir: dir, log: log}
	watch := &listener{log: log}
	db, err := pebble.Open(filepath.Join(dir, "logs"), &pebble.Options{
		Logger:        watch,
		EventListener: watch.events(),
	})
	if err != nil {
		if strings.Contains(err.Error(), "lock") || strings.Contains(err.Error(), "temporarily unavailable") {
			return nil, fmt.Errorf("the data folder %s is in use by another karez: stop that one, or choose another folder with --data", dir)
		}
		return nil, fmt.Errorf("open the data folder %s: %w", dir, err)
	}
	s.db = db
	return s, nil
}

// checkFormat reads the folder's version, or writes ours into a new one.
func checkFormat(dir string) error {
	name := filepath.Join(dir, "FORMAT")
	p, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		if err := os.WriteFile(name, fmt.Appendf(nil, "%d\n", format), 0o600); err != nil {
			return fmt.Errorf("write to the data folder: %w (give karez the right to write there, or choose another with --data)", err)
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the data folder's version: %w", err)
	}
	var have int
	if _, err := fmt.Sscanf(string(p), "%d", &have); err != nil {
		return fmt.Errorf("%s is no version of a data folder: %q (choose another folder with --data)", name, p)
	}
	if have > format {
		return fmt.Errorf("the data folder %s is of format %d, made by a newer karez; this one knows %d: use the newer karez, or another folder with --data", dir, have, format)
	}
	return nil
}

func (s *store) close() error { return s.db.Close() }

// closeAfter closes a store that could not be read.
func (s *store) closeAfter(err error) error { return errors.Join(err, s.db.Close()) }

// stored is an event as the folder keeps it.
type stored struct {
	First turn.Seq          `json:"f,omitempty"`
	Epoch turn.Epoch        `json:"e,omitempty"`
	Kind  turn.Kind         `json:"k"`
	Part  string            `json:"p,omitempty"`
	Media string            `json:"m,omitempty"`
	Name  string            `json:"n,omitempty"`
	Data  []byte            `json:"d,omitempty"`
	Attrs map[string]string `json:"a,omitempty"`
	Cuts  []byte            `json:"c,omitempty"`
}

// append writes events and meta in one synced batch.
func (s *store) append(id turn.ID, m meta, evs []turn.Event) error {
	b := s.db.NewBatch()
	if err := putEvents(b, id, m, evs); err != nil {
		return err
	}
	return s.commit(b, id)
}

// replace exchanges all events of a log in one synced batch.
func (s *store) replace(id turn.ID, m meta, evs []turn.Event) error {
	b := s.db.NewBatch()
	prefix := logKey(eventKey, id)
	if err := b.DeleteRange(prefix, after(prefix), nil); err != nil {
		return err
	}
	if err := putEvents(b, id, m, evs); err != nil {
		return err
	}
	return s.commit(b, id)
}

func (s *store) remove(id turn.ID) error {
	b := s.db.NewBatch()
	prefix := logKey(eventKey, id)
	if err := b.DeleteRange(prefix, after(prefix), nil); err != nil {
		return err
	}
	if err := b.Delete(logKey(metaKey, id), nil); err != nil {
		return err
	}
	return s.commit(b, id)
}

// commit syncs a batch; batches that come together share a sync.
func (s *store) commit(b *pebble.Batch, id turn.ID) error {
	if err := b.Commit(pebble.Sync); err != nil {
		return fmt.Errorf("write %s to the data folder: %w: %w", id, broker.ErrUnavailable, err)
	}
	return nil
}

func putEvents(b *pebble.Batch, id turn.ID, m meta, evs []turn.Event) error {
	p, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if err := b.Set(logKey(metaKey, id), p, nil); err != nil {
		return err
	}
	key := logKey(eventKey, id)
	for i := range evs {
		ev := &evs[i]
		p, err := json.Marshal(stored{ev.First, ev.Epoch, ev.Kind, ev.Part, ev.Media, ev.Name, ev.Data, ev.Attrs, ev.Cuts})
		if err != nil {
			return err
		}
		if err := b.Set(binary.BigEndian.AppendUint64(key[:len(key):len(key)], uint64(ev.Seq)), p, nil); err != nil {
			return err
		}
	}
	return nil
}

// readLog reads a whole log.
func (s *store) readLog(id turn.ID) (m meta, evs []turn.Event, exists bool, err error) {
	p, closer, err := s.db.Get(logKey(metaKey, id))
	if errors.Is(err, pebble.ErrNotFound) {
		return m, nil, false, nil
	}
	if err != nil {
		return m, nil, false, err
	}
	err = json.Unmarshal(p, &m)
	if err := errors.Join(err, closer.Close()); err != nil {
		return m, nil, false, err
	}
	prefix := logKey(eventKey, id)
	err = s.each(prefix, func(k, v []byte) error {
		var e stored
		if err := json.Unmarshal(v, &e); err != nil {
			return err
		}
		seq := turn.Seq(binary.BigEndian.Uint64(k[len(prefix):]))
		evs = append(evs, turn.Event{Seq: seq, First: e.First, Epoch: e.Epoch, Kind: e.Kind, Part: e.Part, Media: e.Media, Name: e.Name, Data: e.Data, Attrs: e.Attrs, Cuts: e.Cuts})
		return nil
	})
	return m, evs, true, err
}

// each calls f for every key that begins with prefix, in order. k and v are
// valid during the call only.
func (s *store) each(prefix []byte, f func(k, v []byte) error) (err error) {
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
	return ids, s.each(names([]byte{metaKey}, app, channel), func(k, _ []byte) error {
		id, err := parseLog(k)
		ids = append(ids, id)
		return err
	})
}

// sweepStored removes logs of the folder whose retention has ended.
func (b *Broker) sweepStored(now time.Time) {
	var gone []turn.ID
	err := b.store.each([]byte{metaKey}, func(k, v []byte) error {
		var m meta
		if err := json.Unmarshal(v, &m); err != nil || m.Expires.IsZero() || !now.After(m.Expires) {
			return err
		}
		id, err := parseLog(k)
		gone = append(gone, id)
		return err
	})
	for _, id := range gone {
		if err == nil {
			err = b.removeExpired(id)
		}
	}
	if err != nil && b.ctx.Err() == nil {
		b.log.Error("remove expired logs from the data folder", "err", err)
	}
}

func (s *store) putJob(queue string, n uint64, j broker.Job) error {
	p, err := json.Marshal(j)
	if err != nil {
		return err
	}
	if err := s.db.Set(numbered(queue, n), p, pebble.Sync); err != nil {
		return fmt.Errorf("write job to the data folder: %w: %w", broker.ErrUnavailable, err)
	}
	return nil
}

func (s *store) deleteJob(queue string, n uint64) error {
	if err := s.db.Delete(numbered(queue, n), pebble.Sync); err != nil {
		return fmt.Errorf("remove job from the data folder: %w: %w", broker.ErrUnavailable, err)
	}
	return nil
}

func (s *store) eachJob(f func(queue string, n uint64, j broker.Job)) error {
	return s.each([]byte{jobKey}, func(k, v []byte) error {
		queue, rest, err := cutName(k[1:])
		if err != nil || len(rest) != 8 {
			return fmt.Errorf("the data folder has a job under a broken key %q", k)
		}
		var j broker.Job
		if err := json.Unmarshal(v, &j); err != nil {
			return err
		}
		f(queue, binary.BigEndian.Uint64(rest), j)
		return nil
	})
}

// storedValue is a value of State as the folder keeps it.
type storedValue struct {
	Data    []byte     `json:"d"`
	Rev     broker.Rev `json:"r"`
	Expires time.Time  `json:"x,omitzero"`
}

func (s *store) putState(k broker.Key, val []byte, v value) error {
	key := names([]byte{stateKey}, k.App, k.Channel, k.Name)
	var err error
	if val == nil {
		err = s.db.Delete(key, pebble.Sync)
	} else {
		var p []byte
		if p, err = json.Marshal(storedValue{v.data, v.rev, v.expires}); err == nil {
			err = s.db.Set(key, p, pebble.Sync)
		}
	}
	if err != nil {
		return fmt.Errorf("write state to the data folder: %w: %w", broker.ErrUnavailable, err)
	}
	return nil
}

func (s *store) eachState(f func(broker.Key, value)) error {
	return s.each([]byte{stateKey}, func(k, v []byte) error {
		app, rest, err := cutName(k[1:])
		if err != nil {
			return err
		}
		channel, rest, err := cutName(rest)
		if err != nil {
			return err
		}
		name, _, err := cutName(rest)
		if err != nil {
			return err
		}
		var sv storedValue
		if err := json.Unmarshal(v, &sv); err != nil {
			return err
		}
		f(broker.Key{App: app, Channel: channel, Name: name}, value{data: sv.Data, rev: sv.Rev, expires: sv.Expires})
		return nil
	})
}

// removeExpired removes a log whose retention has ended.
func (b *Broker) removeExpired(id turn.ID) error {
	e, err := b.change(id) // which does it
	if err == nil {
		e.writing.Unlock()
	}
	return err
}
