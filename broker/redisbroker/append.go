package redisbroker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/turn"
)

// Append is part of broker.Log. It is one round trip: a script refuses or adds,
// and publishes what it added to every node that watches (lua/quick.lua, and
// lua/append.lua for what is not the rule).
func (b *Broker) Append(ctx context.Context, id turn.ID, e turn.Epoch, first turn.Seq, evs ...turn.Event) (turn.Seq, error) {
	if err := broker.CheckEvents(id, evs); err != nil {
		return 0, err
	}
	if len(evs) == 0 {
		return 0, errors.New("append: no events")
	}
	if first == 0 && e != 0 {
		return 0, fmt.Errorf("append to %s: epoch %d needs a place", id, e)
	}
	fresh := ""
	if id.Kind != turn.TurnLog && e == 0 {
		fresh = "new"
	}
	before := ""
	if first > 0 {
		before = entryID{uint64(e), uint64(first) - 1}.String()
	}
	args := append(make([]string, 0, 5+3*len(evs)), utoa(uint64(e)), utoa(uint64(first)), before, fresh, "")
	args = appendEvents(args, evs)
	word, nums, err := b.verdict(ctx, appendScript, keysOf(id), args)
	if word == "mixed" && id.Kind != turn.TurnLog {
		if err = b.renumber(ctx, id); err == nil {
			word, nums, err = b.verdict(ctx, appendScript, keysOf(id), args)
		}
	}
	b.hub.wrote(logKey(id))
	if err != nil {
		return 0, fmt.Errorf("append %s at %d: %w", id, first, err)
	}
	n := whole(nums, 0)
	switch word {
	case "ok":
		return turn.Seq(n), nil
	case "none":
		return 0, broker.ErrNotFound
	case "fenced":
		err = fmt.Errorf("epoch %d, the log is at %d: %w", e, n, broker.ErrFenced)
	case "ended":
		err = broker.ErrEnded
	case "gap":
		err = &broker.GapError{Top: turn.Seq(n)}
	case "mixed":
		err = malformed(turn.Seq(n)+1, mixedIDs)
	default:
		err = unknown("append", word)
	}
	return 0, fmt.Errorf("append %s at %d: %w", id, first, err)
}

// Create is part of broker.Log.
func (b *Broker) Create(ctx context.Context, id turn.ID, ttl time.Duration, evs ...turn.Event) error {
	if err := broker.CheckEvents(id, evs); err != nil {
		return err
	}
	args := []string{"0", "1", "", "", millis(ttl)}
	word, _, err := b.verdict(ctx, createScript, keysOf(id), appendEvents(args, evs))
	b.hub.wrote(logKey(id))
	switch {
	case err != nil:
		return fmt.Errorf("create %s: %w", id, err)
	case word == "exists":
		return broker.ErrExists
	case word != "ok":
		return unknown("create", word)
	}
	return nil
}

// Begin is part of broker.Log. The fence is the stream's own: its last id is
// moved to <epoch>-<top>, so Redis itself refuses what earlier epochs and plain
// producers add. Where foreign producers wrote, the log is read first, and what
// nobody can understand is taken away, so that the new author's events can be
// reached.
func (b *Broker) Begin(ctx context.Context, id turn.ID) (turn.Epoch, turn.Seq, error) {
	if err := id.Check(); err != nil {
		return 0, 0, err
	}
	sound := ""
	for try := 0; ; try++ {
		word, r, err := b.verdict(ctx, beginScript, keysOf(id), []string{sound})
		if err != nil {
			return 0, 0, fmt.Errorf("begin %s: %w", id, err)
		}
		switch word {
		case "ok":
			return turn.Epoch(whole(r, 0)), turn.Seq(whole(r, 1)), nil
		case "none":
			return 0, 0, broker.ErrNotFound
		case "ended":
			return 0, 0, broker.ErrEnded
		case "check":
		default:
			return 0, 0, unknown("begin", word)
		}
		if sound, err = b.mend(ctx, id); err != nil {
			return 0, 0, fmt.Errorf("begin %s: %w", id, err)
		}
		if try >= 8 { // its producer writes faster than it is read
			sound = "any"
		}
	}
}

func keysOf(id turn.ID) []string { return []string{logKey(id), metaKey(id)} }

func appendEvents(args []string, evs []turn.Event) []string {
	for _, ev := range evs {
		ev.First, ev.Cuts = 0, nil
		args = appendEntry(args, &ev)
	}
	return args
}

// millis writes a retention; what is shorter than a millisecond is one.
func millis(ttl time.Duration) string {
	if ttl <= 0 {
		return "0"
	}
	return utoa(uint64(max(ttl.Milliseconds(), 1)))
}
