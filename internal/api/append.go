package api

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/turn"
	"github.com/karez/karez/wire"
)

// Bounds of a streamed body.
const (
	maxLine   = 2*turn.MaxData + 4<<10 // bytes of one event as JSON
	maxBatch  = 256                    // events of one append
	readAhead = 64                     // events read while an append is under way
	idleBody  = 2 * time.Minute        // a producer with nothing to say sends an empty line now and then
)

// begin opens the next epoch of a turn, which fences whoever wrote before.
func (a *API) begin(_ http.ResponseWriter, r *http.Request, who gateway.Identity) (any, error) {
	id := turnID(r, who)
	if err := may(who, gateway.Manage, id.Channel); err != nil {
		return nil, err
	}
	ctx, cancel := limited(r)
	defer cancel()
	e, top, err := a.b.Begin(ctx, id)
	if err != nil {
		return nil, err
	}
	return created{http.StatusCreated, map[string]any{"epoch": e, "top": top}}, nil
}

// appendEvents appends the events of a body while it streams in: NDJSON, or
// SSE whose data lines are events. Under an epoch (query) they go to first,
// first+1, …, and sending the same again adds nothing; without one they go to
// the end, as a plain producer's would.
//
// A body that breaks off leaves what had come. The answer says how far the
// log is, also when it reports an error.
func (a *API) appendEvents(w http.ResponseWriter, r *http.Request, who gateway.Identity) (any, error) {
	id := turnID(r, who)
	if err := may(who, gateway.Manage, id.Channel); err != nil {
		return nil, err
	}
	epoch, err := number(r, "epoch")
	if err != nil {
		return nil, err
	}
	first, err := number(r, "first")
	if err != nil {
		return nil, err
	}
	if (epoch == 0) != (first == 0) {
		return nil, bad("epoch and first go together", "take both from POST …/epochs: first is top+1; leave both out to write at the end")
	}
	next, err := reader(w, r)
	if err != nil {
		return nil, err
	}
	ap := &appender{a: a, id: id, epoch: turn.Epoch(epoch), next: turn.Seq(first)}
	if err := ap.run(r.Context(), next); err != nil {
		return nil, err
	}
	if ap.ended {
		if err := a.turns.Finish(r.Context(), id); err != nil {
			return nil, err
		}
	}
	return map[string]any{"top": ap.top, "ended": ap.ended}, nil
}

// An appender writes what a body brings: the first event at once, then
// whatever has come since the last append returned.
type appender struct {
	a     *API
	id    turn.ID
	epoch turn.Epoch
	next  turn.Seq // 0: at the end
	top   turn.Seq
	ended bool
}

func (p *appender) run(ctx context.Context, next func() (turn.Event, error)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	come := make(chan turn.Event, readAhead)
	var failed error // set before come closes
	go func() {      // ends with the body, which ends with the request
		defer close(come)
		for {
			ev, err := next()
			if err != nil {
				if err != io.EOF {
					failed = err
				}
				return
			}
			select {
			case come <- ev:
			case <-ctx.Done():
				return
			}
		}
	}()
	for ev := range come {
		batch := append(make([]turn.Event, 0, 8), ev)
		for more := true; more && len(batch) < maxBatch; {
			select {
			case ev, ok := <-come:
				if more = ok; ok {
					batch = append(batch, ev)
				}
			default:
				more = false
			}
		}
		if err := p.append(ctx, batch); err != nil {
			return err
		}
	}
	return failed
}

// append writes a batch, and waits out a broker that is away for a while.
func (p *appender) append(ctx context.Context, batch []turn.Event) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	err := broker.Retry(ctx, func(ctx context.Context) error {
		top, err := p.a.b.Append(ctx, p.id, p.epoch, p.next, batch...)
		if err == nil {
			p.top = top
		} else if p.next == 0 && errors.Is(err, broker.ErrUnavailable) {
			// Without a place, trying again might write twice.
			return &wire.Error{Code: wire.CodeUnavailable, Message: err.Error(), Hint: "write under an epoch, so that repeating is safe", RetryIn: 1000}
		}
		return err
	})
	if err != nil {
		return err
	}
	if p.next != 0 {
		p.next += turn.Seq(len(batch))
	}
	p.ended = p.ended || batch[len(batch)-1].Kind.Terminal()
	return nil
}

// reader returns a function that reads the body's next event, or io.EOF.
func reader(w http.ResponseWriter, r *http.Request) (func() (turn.Event, error), error) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil && r.Header.Get("Content-Type") != "" {
		return nil, bad("Content-Type cannot be read: "+err.Error(), "send application/x-ndjson or text/event-stream")
	}
	sc := bufio.NewScanner(&patient{r.Body, http.NewResponseController(w)})
	sc.Buffer(make([]byte, 0, 4<<10), maxLine)
	switch media {
	case "", "application/x-ndjson", "application/json", "application/jsonl":
		return func() (turn.Event, error) { return nextLine(sc, nil) }, nil
	case "text/event-stream":
		return func() (turn.Event, error) { return nextLine(sc, []byte("data:")) }, nil
	}
	return nil, bad("a body of type "+media+" is not taken", "send application/x-ndjson or text/event-stream")
}

// nextLine reads the next line that holds an event. In SSE that is a data
// line; [DONE], comments and other fields say nothing here.
func nextLine(sc *bufio.Scanner, prefix []byte) (turn.Event, error) {
	for sc.Scan() {
		line := bytes.TrimSpace(sc.Bytes())
		if prefix != nil {
			rest, ok := bytes.CutPrefix(line, prefix)
			if line = bytes.TrimSpace(rest); !ok || string(line) == "[DONE]" {
				continue
			}
		}
		if len(line) == 0 {
			continue
		}
		return wire.DecodeLine(bytes.Clone(line))
	}
	if err := sc.Err(); errors.Is(err, bufio.ErrTooLong) {
		return turn.Event{}, &wire.Error{Code: wire.CodeTooLarge, Message: "a line is longer than an event may be"}
	} else if err != nil {
		return turn.Event{}, bad("the body broke off: "+err.Error(), "read the turn to see how far it came, and go on from there")
	}
	return turn.Event{}, io.EOF
}

// A patient reader gives a body idleBody for each read, so that one that
// stands still does not hold its connection for ever.
type patient struct {
	body io.Reader
	rc   *http.ResponseController
}

func (p *patient) Read(buf []byte) (int, error) {
	if err := p.rc.SetReadDeadline(time.Now().Add(idleBody)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, err
	}
	return p.body.Read(buf)
}
