package turn

import (
	"encoding/json"
	"fmt"
)

// Check returns an error for an event whose payload nobody could fold. Those
// who take events from others ask it before they write them.
func (e Event) Check() error {
	var v any
	switch e.Kind {
	case KindPrompt:
		v = new(Prompt)
	case KindEpoch:
		v = new(EpochStart)
	case KindUsage:
		v = new(Usage)
	default:
		return nil
	}
	if err := json.Unmarshal(e.Data, v); err != nil {
		return fmt.Errorf("the data of a %s cannot be read: %w", e.Kind, err)
	}
	return nil
}
