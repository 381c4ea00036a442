package redisbroker

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/rueidis"

	"github.com/karez/karez/broker"
)

// Get is part of broker.State.
func (b *Broker) Get(ctx context.Context, k broker.Key) ([]byte, broker.Rev, error) {
	if b.ctx.Err() != nil {
		return nil, 0, broker.ErrClosed
	}
	raw, err := b.c.Do(ctx, b.c.B().Get().Key(stateKey(k)).Build()).AsBytes()
	if rueidis.IsRedisNil(err) {
		return nil, 0, nil
	}
	if err = b.wrap(ctx, err); err != nil {
		return nil, 0, fmt.Errorf("get %s: %w", k.Name, err)
	}
	rev, val, ok := bytes.Cut(raw, []byte(":"))
	n, err := strconv.ParseUint(string(rev), 10, 64)
	if !ok || err != nil {
		return nil, 0, fmt.Errorf("get %s: the value was not written by Karez", k.Name)
	}
	return val, broker.Rev(n), nil
}

// Set is part of broker.State.
func (b *Broker) Set(ctx context.Context, k broker.Key, val []byte, rev broker.Rev, ttl time.Duration) (broker.Rev, error) {
	if len(val) > broker.MaxPayload {
		return 0, fmt.Errorf("set %s: %d bytes: %w", k.Name, len(val), broker.ErrTooLarge)
	}
	if b.ctx.Err() != nil {
		return 0, broker.ErrClosed
	}
	how := "set"
	if val == nil {
		how = "del"
	}
	got, err := setScript.Exec(ctx, b.c, []string{stateKey(k)}, []string{utoa(uint64(rev)), how, string(val), millis(ttl)}).ToString()
	if err = b.wrap(ctx, err); err != nil {
		return 0, fmt.Errorf("set %s: %w", k.Name, err)
	}
	if got == "-1" {
		return 0, fmt.Errorf("set %s: %w", k.Name, broker.ErrConflict)
	}
	n, err := strconv.ParseUint(got, 10, 64)
	if err != nil {
		return 0, unknown("set", got)
	}
	return broker.Rev(n), nil
}
