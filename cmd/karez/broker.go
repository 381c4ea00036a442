package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/broker/membroker"
	"github.com/karez/karez/broker/redisbroker"
	"github.com/karez/karez/channel"
	"github.com/karez/karez/internal/turns"
)

// openTime is how long a server may take to answer at start.
const openTime = 10 * time.Second

// openBroker picks the broker that a URL names.
func openBroker(ctx context.Context, raw, node string, log *slog.Logger) (broker.Broker, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, errors.New("--broker is not a URL: write redis://host:6379, and escape special characters of the password")
	}
	switch u.Scheme {
	case "redis", "rediss":
		ctx, cancel := context.WithTimeout(ctx, openTime)
		defer cancel()
		b, err := redisbroker.Open(ctx, raw, redisbroker.Options{Node: node, Log: log})
		if err != nil {
			return nil, err
		}
		return b, nil
	case "amqp", "amqps":
		return nil, errors.New("RabbitMQ is not supported by this version: use redis://host:6379")
	case "memory", "file":
		return nil, fmt.Errorf("the %s broker lives in one process: it is what karez dev runs on; karez serve and karez work meet in redis://host:6379", u.Scheme)
	}
	return nil, fmt.Errorf("unknown broker %q: use redis://host:6379 or rediss://host:6379", redacted(raw))
}

// openData opens the embedded broker on a folder.
func openData(dir string, log *slog.Logger) (broker.Broker, error) {
	b, err := membroker.Open(dir, membroker.Options{Log: log})
	if err != nil {
		return nil, err
	}
	return b, nil
}

func (f turnFlags) options() turns.Options {
	return turns.Options{
		Settings:  channel.Settings{Policy: channel.Policy(f.Policy), System: f.System},
		Retention: f.Retention,
	}
}
