package redisbroker

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/rueidis"

	"github.com/karez/karez/broker"
)

// unable lists how Redis begins an error that passes by itself, or that an
// operator mends while Karez waits.
var unable = []string{
	"LOADING", "OOM", "READONLY", "MASTERDOWN", "MISCONF", "CLUSTERDOWN", "TRYAGAIN", "BUSY ", "NOREPLICAS", "UNKILLABLE",
	"ERR max number of clients",
}

// denied lists how Redis refuses who we are, and what helps.
var denied = []struct{ prefix, hint string }{
	{"NOAUTH", "Redis wants a password: write it into the URL, redis://:password@host:6379"},
	{"WRONGPASS", "Redis refuses the user name or password of the URL: check them, and escape special characters"},
	{"ERR AUTH", "Redis refuses the password of the URL: this server has none, or it wants another user name"},
	{"ERR invalid password", "Redis refuses the password of the URL"},
	{"NOPERM", "the Redis user lacks a right: Karez needs ~karez:* &karez:* +@all -@dangerous +info +client"},
	{"ERR unknown command", "this server lacks a command that Karez needs: it needs Redis 7.0 or later, or Valkey"},
	{"WRONGTYPE", "another program keeps something else under this key"},
}

// wrap turns an error of the client library into one of the port's.
func (b *Broker) wrap(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case b.ctx.Err() != nil:
		return broker.ErrClosed
	case ctx.Err() != nil:
		return ctx.Err()
	}
	re, ok := rueidis.IsRedisErr(err)
	if !ok { // refused, reset, timed out, or an answer that is none
		return fmt.Errorf("%w: Redis at %s: %v", broker.ErrUnavailable, b.addr, err)
	}
	return b.answer(re)
}

// answer wraps what Redis itself said.
func (b *Broker) answer(err error) error {
	msg := err.Error()
	if i := strings.Index(msg, "OOM "); i > 0 {
		msg = msg[i:] // older servers prefix what a script ran into
	}
	for _, p := range unable {
		if strings.HasPrefix(msg, p) {
			return fmt.Errorf("%w: Redis at %s: %s", broker.ErrUnavailable, b.addr, msg)
		}
	}
	for _, d := range denied {
		if strings.HasPrefix(msg, d.prefix) {
			return fmt.Errorf("the Redis at %s: %s (%s)", b.addr, d.hint, msg)
		}
	}
	return fmt.Errorf("the Redis at %s: %s", b.addr, msg)
}

// errReply says that a script answered what it never does.
var errReply = errors.New("a script's reply cannot be understood")
