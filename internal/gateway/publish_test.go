package gateway

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/broker/membroker"
	"github.com/karez/karez/internal/turns"
	"github.com/karez/karez/turn"
)

// What is published is trimmed as all that comes onto a timeline.
func TestPublishKeepsTheTimelineBounded(t *testing.T) {
	b := membroker.New(membroker.Options{})
	defer b.Close()
	g, err := New(turns.New(b, turns.Options{Timeline: 100}), Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	for range 1000 {
		if _, err := g.Publish(context.Background(), "app", "chat", "n", []byte(`1`), "ann"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Read(context.Background(), turn.Timeline("app", "chat"), 500, 1); !errors.Is(err, broker.ErrTrimmed) {
		t.Errorf("event 501 of 1000 is still there: %v", err)
	}
}
