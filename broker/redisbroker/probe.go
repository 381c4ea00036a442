package redisbroker

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"time"
)

// probeTime is how long a server may take to say in plain words who it is.
const probeTime = time.Second

// stranger says what is wrong with a server that is there and does not answer
// as a Redis does; "" where that is not known. err is why the connection could
// not be made: it names what arrived, not what it means.
func (b *Broker) stranger(ctx context.Context, err error, tls bool) string {
	text := err.Error()
	switch {
	case strings.Contains(text, "x509: "):
		return "has a certificate that is not trusted here, or is for another name"
	case !errors.Is(err, io.EOF) && !timeout(err) && !strings.Contains(text, "unknown message type") && !strings.Contains(text, "TLS handshake"):
		return ""
	}
	switch b.probe(ctx) {
	case speaksRedis:
		if tls {
			return "is a Redis that does not speak TLS: write redis:// instead of rediss://"
		}
	case speaksTLS:
		if !tls {
			return "speaks TLS: write rediss:// instead of redis://, if it is a Redis"
		}
	case speaksElse:
		return "is no Redis: mend --broker"
	}
	return ""
}

type speech int

const (
	silent speech = iota
	speaksRedis
	speaksTLS
	speaksElse
)

// probe sends one plain command and looks at how the answer begins.
func (b *Broker) probe(ctx context.Context) speech {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	c, err := new(net.Dialer).DialContext(ctx, "tcp", b.addr)
	if err != nil {
		return silent
	}
	defer c.Close()
	end, _ := ctx.Deadline()
	if c.SetDeadline(end) != nil {
		return silent
	}
	if _, err := c.Write([]byte("PING\r\n\r\n")); err != nil {
		return silent
	}
	var p [5]byte
	n, _ := io.ReadFull(c, p[:]) // what came counts
	switch got := string(p[:n]); {
	case n == 0:
		return silent
	case got == "+PONG" || got[0] == '-':
		return speaksRedis
	case got[0] == 0x15: // a TLS alert, RFC 8446, 5.1
		return speaksTLS
	}
	return speaksElse
}

func timeout(err error) bool {
	var ne net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &ne) && ne.Timeout()
}
