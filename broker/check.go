package broker

import (
	"errors"
	"fmt"

	"github.com/karez/karez/turn"
)

// MaxAttrs is how many attributes an event may have. A script of a server
// passes on some thousands of values at once.
const MaxAttrs = 1000

// CheckEvents refuses what no log takes; adapters ask it first in Create and
// Append. ErrTooLarge: an event's Data, or its attributes with Part, Media and
// Name, have more than turn.MaxData bytes, or there are more than MaxAttrs.
func CheckEvents(id turn.ID, evs []turn.Event) error {
	if err := id.Check(); err != nil {
		return err
	}
	for i := range evs {
		if err := checkEvent(&evs[i]); err != nil {
			return fmt.Errorf("event %d of %d: %w", i+1, len(evs), err)
		}
		if evs[i].Kind.Terminal() && i < len(evs)-1 {
			return fmt.Errorf("event %d of %d is terminal and not the last", i+1, len(evs))
		}
	}
	return nil
}

func checkEvent(ev *turn.Event) error {
	if n := len(ev.Data); n > turn.MaxData {
		return fmt.Errorf("%w: %d bytes, the most is %d", ErrTooLarge, n, turn.MaxData)
	}
	if len(ev.Attrs) > MaxAttrs {
		return fmt.Errorf("%w: %d attributes, the most is %d", ErrTooLarge, len(ev.Attrs), MaxAttrs)
	}
	size := len(ev.Part) + len(ev.Media) + len(ev.Name)
	for k, v := range ev.Attrs {
		size += len(k) + len(v)
	}
	if size > turn.MaxData {
		return fmt.Errorf("%w: attributes of %d bytes, the most is %d", ErrTooLarge, size, turn.MaxData)
	}
	if ev.Kind == "" {
		return errors.New("it has no kind")
	}
	return nil
}
