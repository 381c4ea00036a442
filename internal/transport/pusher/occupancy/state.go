package occupancy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/karez/karez/broker"
)

// update changes a value of State by compare-and-set until it holds. change
// reports whether it did anything; it may run several times.
func update[T any](ctx context.Context, b broker.State, k broker.Key, ttl time.Duration, change func(*T) bool) error {
	for {
		v, rev, err := get[T](ctx, b, k)
		if err != nil {
			return err
		}
		if !change(&v) {
			return nil
		}
		_, err = b.Set(ctx, k, mustJSON(v), rev, ttl)
		if !errors.Is(err, broker.ErrConflict) {
			return err
		}
	}
}

// get reads a value; one that is absent is its zero value.
func get[T any](ctx context.Context, b broker.State, k broker.Key) (v T, rev broker.Rev, err error) {
	p, rev, err := b.Get(ctx, k)
	if err != nil || p == nil {
		return v, rev, err
	}
	if err := json.Unmarshal(p, &v); err != nil {
		return v, rev, fmt.Errorf("read state %s of %s: %w", k.Name, k.App, err)
	}
	return v, rev, nil
}

func mustJSON(v any) json.RawMessage {
	p, err := json.Marshal(v)
	if err != nil {
		panic("pusher: encode " + err.Error()) // our own types always encode
	}
	return p
}
