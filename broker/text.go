package broker

import (
	"context"
	"errors"

	"github.com/karez/karez/turn"
)

// ReadText is Read whose text is made of whole characters (turn.Align), also
// where after lies inside one that a foreign producer cut: then it reads the
// few events before, for the rest of it. Whoever shows text reads with it.
func ReadText(ctx context.Context, l Log, id turn.ID, after turn.Seq, max int) ([]turn.Event, error) {
	evs, err := l.Read(ctx, id, after, max)
	if err != nil {
		return nil, err
	}
	if after == 0 || !turn.NeedsLookback(evs) {
		return turn.Align(nil, evs), nil
	}
	from := after - min(after, turn.Lookback)
	before, err := l.Read(ctx, id, from, int(after-from))
	if err != nil && !errors.Is(err, ErrTrimmed) { // trimmed: the beginning of the character is gone
		return nil, err
	}
	return turn.Align(through(before, after), evs), nil
}

// through cuts evs behind place at, which may lie inside a compacted event.
func through(evs []turn.Event, at turn.Seq) []turn.Event {
	for i, ev := range evs {
		if ev.Seq <= at {
			continue
		}
		rest, _, err := ev.After(at)
		if err != nil || ev.Start() > at {
			return evs[:i]
		}
		ev.Data, ev.Seq, ev.Cuts = ev.Data[:len(ev.Data)-len(rest.Data)], at, nil
		return append(evs[:i:i], ev)
	}
	return evs
}
