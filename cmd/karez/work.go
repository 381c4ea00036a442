package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/karez/karez/worker"
)

type workCmd struct {
	Broker string `help:"Where logs and jobs live: redis://[user:password@]host:port/db or rediss://…" required:"" env:"KAREZ_BROKER" placeholder:"URL"`
	Node   string `help:"Name of this worker, for operators; made up by default." env:"KAREZ_NODE"`
	workFlags
	providerFlags
	turnFlags
}

// workFlags say how a worker works.
type workFlags struct {
	Concurrency   int           `help:"Turns at a time." default:"64" env:"KAREZ_CONCURRENCY"`
	Lease         time.Duration `help:"How long a turn stays with a worker that gives no sign of life." default:"10s" env:"KAREZ_LEASE"`
	WebhookURL    string        `name:"webhook-url" help:"Told of every finished turn." env:"KAREZ_WEBHOOK_URL" placeholder:"URL"`
	WebhookSecret string        `name:"webhook-secret" help:"Secret that signs what it is told." env:"KAREZ_WEBHOOK_SECRET"`
}

func (c *workCmd) Run(ctx context.Context, log *slog.Logger) error {
	if err := first(c.workFlags.check(), c.providerFlags.check(), c.turnFlags.check()); err != nil {
		return err
	}
	p, err := c.provider(log)
	if err != nil {
		return err
	}
	b, err := openBroker(ctx, c.Broker, c.Node, log)
	if err != nil {
		return err
	}
	defer closeBroker(b, log)
	w := worker.New(b, p, c.workFlags.options(c.Node, c.turnFlags, c.Quiet, log))
	log.Info("working", "provider", c.answers(p), "node", w.Name(), "concurrency", c.Concurrency)
	return w.Run(ctx)
}

// silenceAfter is how much later than the provider itself the worker minds that
// it says nothing: the provider's own error says more.
const silenceAfter = 5 * time.Second

func (f workFlags) options(node string, t turnFlags, quiet time.Duration, log *slog.Logger) worker.Options {
	o := t.options()
	return worker.Options{
		Name: node, Concurrency: f.Concurrency, Lease: f.Lease, Silence: quiet + silenceAfter, Settings: o.Settings, Retention: o.Retention,
		Webhook: worker.Webhook{URL: f.WebhookURL, Secret: f.WebhookSecret}, Log: log,
	}
}
