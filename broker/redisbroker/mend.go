package redisbroker

import (
	"context"
	"errors"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/turn"
)

// Foreign producers follow docs/producers.md or they do not. This file puts
// right what they leave.

const mixedIDs = "its id was made by Redis ('*') and those before were not: a log keeps to one of '0-*' and '*'"

// mend reads a log of foreign producers to its end, takes away what cannot be
// read, and returns the last id it saw.
func (b *Broker) mend(ctx context.Context, id turn.ID) (lastID string, err error) {
	var at turn.Seq
	for {
		got, err := b.fetch(ctx, id, at, 4096, false)
		switch {
		case errors.Is(err, broker.ErrMalformed):
			return "", b.cut(ctx, id, got) // look again
		case errors.Is(err, broker.ErrTrimmed): // what is left may be sound; its reader will tell
			return "any", nil
		case err != nil:
			return "", err
		case len(got.evs) == 0 || got.over:
			return got.last, nil
		}
		at = got.evs[len(got.evs)-1].Seq
	}
}

// cut takes away all behind the last entry of got that was understood.
func (b *Broker) cut(ctx context.Context, id turn.ID, got *stretch) error {
	b.log.Warn("take away entries that cannot be understood", "log", id.String(), "after", got.goodID)
	return b.wrap(ctx, cutScript.Exec(ctx, b.c, keysOf(id), []string{got.goodID, got.last}).Error())
}

// seal closes a log whose foreign producer wrote the terminal event. If it
// fails the next reader tries.
func (b *Broker) seal(ctx context.Context, id turn.ID, got *stretch) {
	seq := utoa(uint64(got.evs[len(got.evs)-1].Seq))
	if err := sealScript.Exec(ctx, b.c, keysOf(id), []string{got.goodID, seq}).Error(); err != nil {
		b.log.Debug("seal log", "log", id.String(), "err", err)
	}
}

// renumber puts right a timeline or stream into which somebody wrote with '*'.
func (b *Broker) renumber(ctx context.Context, id turn.ID) error {
	b.log.Warn("number entries anew that were added with '*'", "log", id.String())
	err := b.wrap(ctx, renumberScript.Exec(ctx, b.c, keysOf(id), nil).Error())
	b.hub.changed(logKey(id))
	return err
}
