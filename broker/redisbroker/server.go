package redisbroker

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/redis/rueidis"

	"github.com/karez/karez/broker"
)

// address takes a URL apart: redis://user:password@host:6379/2, or rediss://
// for TLS. Errors say nothing of the password.
func address(raw string) (o rueidis.ClientOption, addr string, err error) {
	u, err := url.Parse(raw)
	if err != nil {
		return o, "", errors.New("the Redis URL cannot be read: write redis://user:password@host:6379/0, with special characters of the password escaped")
	}
	switch u.Scheme {
	case "redis":
	case "rediss":
		o.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: u.Hostname()}
	default:
		return o, "", fmt.Errorf("the Redis URL begins with %q: write redis:// or, for TLS, rediss://", u.Scheme)
	}
	if u.Hostname() == "" {
		return o, "", errors.New("the Redis URL names no host: write redis://host:6379")
	}
	if u.RawQuery != "" || u.Fragment != "" {
		return o, "", errors.New("the Redis URL takes nothing after the database number: escape '?' and '#' in the password as %3F and %23")
	}
	port := u.Port()
	if port == "" {
		port = "6379"
	}
	addr = net.JoinHostPort(u.Hostname(), port)
	o.InitAddress = []string{addr}
	if u.User != nil {
		o.Username = u.User.Username()
		o.Password, _ = u.User.Password()
	}
	if db := strings.Trim(u.Path, "/"); db != "" {
		if o.SelectDB, err = strconv.Atoi(db); err != nil || o.SelectDB < 0 {
			return o, "", fmt.Errorf("the Redis URL ends in %q: a database number is expected there, as in redis://host:6379/2", u.Path)
		}
	}
	return o, addr, nil
}

// greet makes sure that the server is one that Karez can work with.
func (b *Broker) greet(ctx context.Context) error {
	if err := b.Ping(ctx); err != nil {
		return err
	}
	info, err := b.c.Do(ctx, b.c.B().Info().Section("server").Build()).ToString()
	if err != nil {
		return b.wrap(ctx, err)
	}
	return checkServer(info)
}

// checkServer reads INFO server. Valkey calls itself redis_version 7.2.4.
func checkServer(info string) error {
	version := infoField(info, "redis_version")
	major, _, _ := strings.Cut(version, ".")
	if n, err := strconv.Atoi(major); err != nil || n < 7 {
		short := version
		if p := strings.SplitN(version, ".", 3); len(p) == 3 {
			short = p[0] + "." + p[1]
		}
		if short == "" {
			short = "of an unknown version"
		}
		//lint:ignore ST1005 the name of a product
		return fmt.Errorf("Redis %s is too old: Karez needs 7.0 or later", short)
	}
	if infoField(info, "redis_mode") == "cluster" || infoField(info, "server_mode") == "cluster" {
		return errors.New("this Redis runs in cluster mode, which Karez does not support: give it a Redis that stands alone, or several of them as shards")
	}
	return nil
}

func infoField(info, name string) string {
	for line := range strings.Lines(info) {
		if val, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(val)
		}
	}
	return ""
}

// refused explains why no connection could be made.
func (b *Broker) refused(ctx context.Context, err error, tls bool) error {
	re, ok := rueidis.IsRedisErr(err)
	switch {
	case ok && strings.Contains(re.Error(), "DB index"):
		return fmt.Errorf("the Redis at %s has no database of that number: see \"databases\" in redis.conf", b.addr)
	case ok && strings.HasPrefix(re.Error(), "NOAUTH"), ok && strings.HasPrefix(re.Error(), "WRONGPASS"):
		return b.answer(re)
	case ok:
		return b.wrap(ctx, err)
	case errors.Is(err, rueidis.ErrNoCache):
		return fmt.Errorf("the Redis at %s is too old, or its user may not run CLIENT TRACKING: Karez needs Redis 7.0 or later (%v)", b.addr, err)
	}
	if why := b.stranger(ctx, err, tls); why != "" {
		return fmt.Errorf("what listens at %s %s (%v)", b.addr, why, err)
	}
	return fmt.Errorf("%w: no Redis at %s: %v (start one with redis-server, or mend --broker)", broker.ErrUnavailable, b.addr, err)
}
