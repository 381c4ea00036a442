package redisbroker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/turn"
)

// Info is part of broker.Upkeep.
func (b *Broker) Info(ctx context.Context, id turn.ID) (broker.Info, error) {
	if err := id.Check(); err != nil {
		return broker.Info{}, err
	}
	r, err := b.run(ctx, infoScript, keysOf(id), nil)
	if err != nil {
		return broker.Info{}, fmt.Errorf("look at %s: %w", id, err)
	}
	if len(r) == 0 {
		return broker.Info{}, broker.ErrNotFound
	}
	return broker.Info{Epoch: turn.Epoch(whole(r, 0)), Top: turn.Seq(whole(r, 1)), Ended: whole(r, 2) == 1}, nil
}

// Compact is part of broker.Upkeep. An ended log does not change, so it is
// read, and replaced if it still has the length that was read. Afterwards its
// ids are <epoch>-<seq>, whatever they were.
func (b *Broker) Compact(ctx context.Context, id turn.ID, ttl time.Duration) error {
	if err := id.Check(); err != nil {
		return err
	}
	r, err := b.run(ctx, infoScript, keysOf(id), nil)
	if err != nil {
		return fmt.Errorf("compact %s: %w", id, err)
	}
	if len(r) == 0 || whole(r, 2) == 0 {
		return nil
	}
	length := utoa(whole(r, 3))
	evs, err := b.readAll(ctx, id)
	if errors.Is(err, broker.ErrTrimmed) || errors.Is(err, broker.ErrMalformed) {
		length, err = "", nil // leave the entries as they are
	}
	if err != nil {
		return fmt.Errorf("compact %s: %w", id, err)
	}
	args := []string{millis(ttl), length}
	if length != "" {
		for _, ev := range turn.Compact(evs) {
			args = append(args, entryID{uint64(ev.Epoch), uint64(ev.Seq)}.String())
			args = appendEntry(args, &ev)
		}
	}
	if err := b.wrap(ctx, compactScript.Exec(ctx, b.c, keysOf(id), args).Error()); err != nil {
		return fmt.Errorf("compact %s: %w", id, err)
	}
	b.hints.drop(id)
	return nil
}

// readAll reads an ended log.
func (b *Broker) readAll(ctx context.Context, id turn.ID) ([]turn.Event, error) {
	var all []turn.Event
	var at turn.Seq
	for {
		evs, err := b.readLog(ctx, id, nil, at, 4096)
		if err == io.EOF || err == nil && len(evs) == 0 {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		all, at = append(all, evs...), evs[len(evs)-1].Seq
	}
}

// Trim is part of broker.Upkeep.
func (b *Broker) Trim(ctx context.Context, id turn.ID, keep int) error {
	if err := id.Check(); err != nil {
		return err
	}
	return b.alter(ctx, "trim", id, trimScript.Exec(ctx, b.c, keysOf(id), []string{utoa(uint64(max(keep, 0)))}).Error())
}

// Delete is part of broker.Upkeep.
func (b *Broker) Delete(ctx context.Context, id turn.ID) error {
	if err := id.Check(); err != nil {
		return err
	}
	return b.alter(ctx, "delete", id, deleteScript.Exec(ctx, b.c, keysOf(id), nil).Error())
}

func (b *Broker) alter(ctx context.Context, what string, id turn.ID, err error) error {
	b.hub.changed(logKey(id))
	b.hints.drop(id)
	if err = b.wrap(ctx, err); err != nil {
		return fmt.Errorf("%s %s: %w", what, id, err)
	}
	return nil
}

// DeleteChannel is part of broker.Upkeep. It looks through all keys of the
// database (SCAN, a thousand at a time), so that it finds those of foreign
// producers too: about a second for a million keys.
func (b *Broker) DeleteChannel(ctx context.Context, app, channel string) error {
	var cursor uint64
	for {
		if b.ctx.Err() != nil {
			return broker.ErrClosed
		}
		page, err := b.c.Do(ctx, b.c.B().Scan().Cursor(cursor).Match(pattern(app, channel)).Count(1000).Build()).AsScanEntry()
		if err = b.wrap(ctx, err); err != nil {
			return fmt.Errorf("delete channel %s/%s: %w", app, channel, err)
		}
		for _, key := range page.Elements {
			if err := b.drop(ctx, key); err != nil {
				return fmt.Errorf("delete channel %s/%s: %w", app, channel, err)
			}
		}
		if cursor = page.Cursor; cursor == 0 {
			return nil
		}
	}
}

// drop deletes one key; those who watch a log are told.
func (b *Broker) drop(ctx context.Context, key string) error {
	if id, ok := parseLogKey(key); ok {
		return b.Delete(ctx, id)
	}
	return b.wrap(ctx, b.c.Do(ctx, b.c.B().Del().Key(key).Build()).Error())
}
