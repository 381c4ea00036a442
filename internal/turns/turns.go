// Package turns is the life of a turn above the broker port: a prompt is
// accepted, waits its turn, is claimed by a worker, is cancelled, ends. It is
// written once here for gateways, workers and the HTTP API, over any broker.
//
// No step needs an atomic change of two places. Each follows a stated order
// and can be repeated by whoever finds it half done:
//
//	Accept  job added → record → timeline → log created → acknowledged
//	Claim   (worker) log missing: Accept's last three again; then the record
//	Finish  terminal event → timeline → webhook's job → record → job of the next turn → own job done
//
// The job comes first, so a prompt whose gateway died anywhere is finished by
// a worker; it goes last, so a turn whose worker died anywhere is finished by
// the next one. A job too many does no harm: the record says which one counts.
// A turn that waits for another keeps a job too, in a queue of its own, from
// which gateways look after the one that it waits for.
//
// Read accept.go, claim.go, finish.go, cancel.go, reap.go, tend.go, then
// history.go.
package turns

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/channel"
)

// The queues of jobs. A job of Waiting is that of a turn which waits for
// another of its channel. A job of Webhooks names a turn that has ended; its
// payload is the time since which it has, in Unix milliseconds.
const (
	Queue    = "prompts"
	Waiting  = "waiting"
	Webhooks = "webhooks"
)

// Options configure Turns; the zero value works.
type Options struct {
	Settings  channel.Settings // for channels that set nothing
	Retention time.Duration    // how long a turn's log is kept after its last event; 0: DefaultRetention, negative: for ever
	Timeline  int              // events kept of a timeline; 0: DefaultTimeline
	Webhooks  bool             // turns that end go to the queue Webhooks; set it where a worker takes from there
}

// Defaults of Options.
const (
	DefaultRetention = 30 * 24 * time.Hour
	DefaultTimeline  = 10_000
)

// Turns runs the life of turns over a broker. Its methods may be called
// concurrently, on any number of nodes.
type Turns struct {
	b    broker.Broker
	opts Options
}

// New returns Turns over b.
func New(b broker.Broker, o Options) *Turns {
	if o.Retention == 0 {
		o.Retention = DefaultRetention
	}
	o.Retention = max(o.Retention, 0)
	if o.Timeline == 0 {
		o.Timeline = DefaultTimeline
	}
	return &Turns{b: b, opts: o}
}

// Broker returns the broker below.
func (t *Turns) Broker() broker.Broker { return t.b }

// A BusyError refuses a prompt because of the channel's policy.
type BusyError struct {
	Turn string // the one that runs
	Full bool   // the queue is full
}

func (e *BusyError) Error() string {
	if e.Full {
		return "the channel's queue is full behind turn " + e.Turn
	}
	return "turn " + e.Turn + " runs and the channel takes one at a time"
}

// ErrNoTurn says that a turn named by the caller does not exist.
var ErrNoTurn = errors.New("no such turn")

// record reads a channel's record.
func (t *Turns) record(ctx context.Context, app, ch string) (channel.Record, error) {
	var r channel.Record
	p, _, err := t.b.Get(ctx, recordKey(app, ch))
	if err != nil {
		return r, fmt.Errorf("read record of %s/%s: %w", app, ch, err)
	}
	return r, decode(p, &r)
}

// update changes a channel's record; change reports whether it did.
func (t *Turns) update(ctx context.Context, app, ch string, change func(*channel.Record) bool) error {
	err := broker.Update(ctx, t.b, recordKey(app, ch), 0, func(old []byte) ([]byte, bool, error) {
		var r channel.Record
		if err := decode(old, &r); err != nil {
			return nil, false, err
		}
		if !change(&r) {
			return nil, true, nil
		}
		p, err := json.Marshal(&r)
		return p, false, err
	})
	if err != nil {
		return fmt.Errorf("update record of %s/%s: %w", app, ch, err)
	}
	return nil
}

func decode(p []byte, v any) error {
	if len(p) == 0 {
		return nil
	}
	return json.Unmarshal(p, v)
}

func recordKey(app, ch string) broker.Key {
	return broker.Key{App: app, Channel: ch, Name: "record"}
}

// keptLive is how long the log of a turn that has not ended is kept after its
// last event, at the least: it may wait for others for longer than the logs of
// the channel are kept.
const keptLive = 7 * 24 * time.Hour

// live is how long the log of a turn is kept until it ends.
func (t *Turns) live(r channel.Record) time.Duration {
	if d := t.retention(r); d > 0 {
		return max(d, keptLive)
	}
	return 0
}

// retention is how long the logs of a channel are kept.
func (t *Turns) retention(r channel.Record) time.Duration {
	if h := r.Settings.Over(t.opts.Settings).RetentionHours; h > 0 {
		return time.Duration(h) * time.Hour
	}
	return t.opts.Retention
}

// Settings returns a channel's settings over the server's.
func (t *Turns) Settings(ctx context.Context, app, ch string) (channel.Settings, error) {
	r, err := t.record(ctx, app, ch)
	return r.Settings.Over(t.opts.Settings), err
}

// SetSettings replaces what is set for a channel.
func (t *Turns) SetSettings(ctx context.Context, app, ch string, s channel.Settings) error {
	if err := s.Check(); err != nil {
		return err
	}
	return t.update(ctx, app, ch, func(r *channel.Record) bool {
		r.Settings = s
		return true
	})
}
