package worker_test

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/broker/membroker"
	"github.com/karez/karez/internal/turns"
	"github.com/karez/karez/turn"
	"github.com/karez/karez/worker"
	"github.com/karez/karez/worker/scripted"
)

// A place is a broker in memory with turns over it, inside a synctest bubble.
type place struct {
	tb testing.TB
	b  broker.Broker
	t  *turns.Turns
}

// bubble runs f in fake time over a broker in memory.
func bubble(t *testing.T, f func(t *testing.T, p *place)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := membroker.New(membroker.Options{})
		p := &place{tb: t, b: b, t: turns.New(b, turns.Options{})}
		f(t, p)
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
}

// play is a provider that plays steps.
func play(tb testing.TB, steps ...scripted.Step) worker.Provider {
	tb.Helper()
	p, err := scripted.New(steps)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// work starts a worker over b; stop ends it and waits.
func work(tb testing.TB, b broker.Broker, p worker.Provider, o worker.Options) (stop func()) {
	tb.Helper()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- worker.New(b, p, o).Run(ctx) }()
	return func() {
		tb.Helper()
		cancel()
		if err := <-done; err != nil {
			tb.Errorf("run: %v", err)
		}
	}
}

func ask(text, message string) turns.Ask {
	return turns.Ask{App: "app", Channel: "chat", Prompt: turn.Prompt{User: "ada", Message: message, Text: text}, At: time.Now().UnixMilli()}
}

// prompt asks and returns the turn's ID.
func (p *place) prompt(text string) turn.ID {
	p.tb.Helper()
	return p.ask(ask(text, text))
}

func (p *place) ask(a turns.Ask) turn.ID {
	p.tb.Helper()
	name, _, err := p.t.Accept(context.Background(), a)
	if err != nil {
		p.tb.Fatal(err)
	}
	return turn.NewID(a.App, a.Channel, name)
}

// log reads a turn's whole log and checks that it folds.
func (p *place) log(id turn.ID) ([]turn.Event, turn.Answer) {
	p.tb.Helper()
	var evs []turn.Event
	at := turn.Seq(0)
	for {
		more, err := p.b.Read(context.Background(), id, at, 1000)
		if len(more) == 0 {
			_ = err // io.EOF, or the top
			break
		}
		evs = append(evs, more...)
		at = more[len(more)-1].Seq
	}
	a, err := turn.Fold(evs)
	if err != nil {
		p.tb.Fatal(err)
	}
	return evs, a
}

// ended waits, at most an hour of fake time, until a turn has ended and was
// settled, and returns what readers see.
func (p *place) ended(id turn.ID) turn.Answer {
	p.tb.Helper()
	for range 36000 {
		_, a := p.log(id)
		if a.State.Terminal() {
			synctest.Wait()
			if live, err := p.t.Live(context.Background(), id.App, id.Channel); err == nil && !contains(live, id.Name) {
				return a
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	_, a := p.log(id)
	p.tb.Fatalf("the turn has not ended: %s, %q", a.State, a.Text())
	return a
}

// shows waits until a turn's text is as long as want bytes.
func (p *place) shows(id turn.ID, bytes int) {
	p.tb.Helper()
	for range 36000 {
		if _, a := p.log(id); len(a.Text()) >= bytes {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	p.tb.Fatal("the text does not grow")
}

func contains(names []string, name string) bool {
	for _, n := range names {
		if n == name {
			return true
		}
	}
	return false
}
