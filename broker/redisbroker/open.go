// Package redisbroker keeps logs, jobs, signals and state in Redis.
package redisbroker

import (
	"context"
	"errors"
	"log/slog"

	"github.com/karez/karez/broker"
)

// Options configure a Broker; the zero value works.
type Options struct {
	Node string // names this process to Redis; "": node
	Log  *slog.Logger
}

// A Broker is the port on one Redis server.
type Broker struct{ broker.Broker }

// Open connects to a Redis server.
func Open(ctx context.Context, url string, o Options) (*Broker, error) {
	return nil, errors.New("the Redis broker is being built")
}
