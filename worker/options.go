package worker

import (
	"crypto/rand"
	"log/slog"
	"strings"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/channel"
	"github.com/karez/karez/internal/turns"
)

// Defaults of Options.
const (
	DefaultConcurrency = 64
	DefaultLease       = 10 * time.Second
	DefaultDrain       = 10 * time.Second
	DefaultSilence     = 2 * time.Minute
	DefaultMaxTurn     = 30 * time.Minute
	DefaultMaxAnswer   = 8 << 20
)

// Options configure a Worker; the zero value works.
type Options struct {
	Name        string        // for operators; "": made up
	Concurrency int           // turns at a time; each costs at most a few times MaxAnswer of memory
	Lease       time.Duration // less finds a dead worker sooner, more forgives a longer pause of a live one
	Drain       time.Duration // how long turns may go on when Run is told to end
	Silence     time.Duration // a provider that says nothing for so long has failed
	MaxTurn     time.Duration // and so has one that takes so long for an answer
	MaxAnswer   int           // bytes of one answer
	Retry       Retry
	Webhook     Webhook

	Settings  channel.Settings // for channels that set nothing
	Retention time.Duration    // see turns.Options
	Log       *slog.Logger
}

func (o Options) withDefaults() Options {
	o.Concurrency = or(o.Concurrency, DefaultConcurrency)
	o.Lease = or(o.Lease, DefaultLease)
	o.Drain = or(o.Drain, DefaultDrain)
	o.Silence = or(o.Silence, DefaultSilence)
	o.MaxTurn = or(o.MaxTurn, DefaultMaxTurn)
	o.MaxAnswer = or(o.MaxAnswer, DefaultMaxAnswer)
	o.Retry = o.Retry.withDefaults()
	o.Webhook = o.Webhook.withDefaults()
	if o.Name == "" {
		o.Name = "worker-" + strings.ToLower(rand.Text()[:8])
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return o
}

func or[T comparable](a, b T) T {
	var zero T
	if a == zero {
		return b
	}
	return a
}

// A Worker answers the prompts of a broker with one provider. Any number of
// workers may share a broker.
type Worker struct {
	b     broker.Broker // set once, as all of it
	p     Provider
	turns *turns.Turns
	opts  Options
	log   *slog.Logger
}

// Name returns what operators know the worker by.
func (w *Worker) Name() string { return w.opts.Name }

// New returns a worker; Run starts it.
func New(b broker.Broker, p Provider, o Options) *Worker {
	o = o.withDefaults()
	t := turns.New(b, turns.Options{Settings: o.Settings, Retention: o.Retention, Webhooks: o.Webhook.URL != ""})
	return &Worker{b: b, p: p, turns: t, opts: o, log: o.Log.With("worker", o.Name)}
}
