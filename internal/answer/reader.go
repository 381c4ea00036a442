package answer

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/karez/karez/internal/auth"
	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/turn"
)

// A Door says whom a request speaks for.
type Door struct {
	Auth      gateway.Authenticate
	Anonymous func(*http.Request) (gateway.Identity, bool) // for requests without a token; nil: they are refused
}

// GuestToken stands for no token where a client cannot do without one.
const GuestToken = "dev"

// Who returns whom r speaks for, by its bearer token.
func (d Door) Who(r *http.Request) (gateway.Identity, error) {
	token := auth.FromRequest(r)
	if (token == "" || token == GuestToken) && d.Anonymous != nil {
		if who, ok := d.Anonymous(r); ok {
			return who, nil
		}
	}
	return d.Auth(r.Context(), token)
}

// A Reader reads turns through a session of its own. One goroutine uses it.
type Reader struct {
	pull *gateway.Pull
}

// Open begins a session for who. The caller closes it.
func Open(g *gateway.Gateway, who gateway.Identity) (*Reader, error) {
	p, err := g.OpenPull(who)
	if err != nil {
		return nil, err
	}
	return &Reader{p}, nil
}

// Session returns the session behind r.
func (r *Reader) Session() *gateway.Session { return r.pull.Session() }

// Close ends the session. The turn goes on (design: 4).
func (r *Reader) Close() { r.pull.Session().Close(nil) }

// Follow sets r to what follows place after of a turn.
func (r *Reader) Follow(ctx context.Context, channel, name string, after turn.Seq) error {
	_, err := r.Session().Follow(ctx, gateway.Follow{Channel: channel, Turn: name, After: after})
	return err
}

// Next returns the next events, each covering one place as it was appended
// where the log still says so. It returns none and no error after wait without
// any. io.EOF: the terminal event was the last one. Other errors say why the
// log cannot be followed, or why the session was closed.
func (r *Reader) Next(ctx context.Context, wait time.Duration) ([]turn.Event, error) {
	limited, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	for {
		it, err := r.pull.Next(limited)
		switch {
		case err != nil && ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.Is(err, context.DeadlineExceeded) && limited.Err() != nil:
			return nil, nil
		case err != nil:
			return nil, err
		}
		switch it.Kind {
		case gateway.ItemBatch:
			return turn.Split(it.Batch.Pieces), nil
		case gateway.ItemEnded:
			if it.Why == nil {
				return nil, io.EOF
			}
			return nil, it.Why
		}
	}
}

// Through calls see with the events of a turn from the first through place to,
// which the log must have, and leaves r behind the last event it gave: rest are
// those that came with it and follow to.
func (r *Reader) Through(ctx context.Context, to turn.Seq, see func([]turn.Event)) (rest []turn.Event, err error) {
	for at := turn.Seq(0); at < to; {
		evs, err := r.Next(ctx, longest)
		if err != nil {
			return nil, err
		}
		n := len(evs)
		for n > 0 && evs[n-1].Start() > to {
			n--
		}
		if n > 0 {
			see(evs[:n])
			at = evs[n-1].Seq
		}
		rest = evs[n:]
	}
	return rest, nil
}

// longest is how long Through waits for events that are in the log already.
const longest = time.Minute
