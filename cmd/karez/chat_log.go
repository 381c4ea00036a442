package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
)

// A statusLog tells a person what a client warns of, a line each and not the
// same one again. All else goes to next.
type statusLog struct {
	out  io.Writer
	next slog.Handler

	mu   sync.Mutex // guards the one below
	last string
}

// Enabled is part of slog.Handler, as all below.
func (l *statusLog) Enabled(ctx context.Context, v slog.Level) bool {
	return v >= slog.LevelWarn || l.next.Enabled(ctx, v)
}

func (l *statusLog) Handle(ctx context.Context, r slog.Record) error {
	if r.Level < slog.LevelWarn {
		return l.next.Handle(ctx, r)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last == r.Message {
		return nil
	}
	l.last = r.Message
	_, err := fmt.Fprintf(l.out, "karez: %s\n", r.Message)
	return err
}

func (l *statusLog) WithAttrs(as []slog.Attr) slog.Handler {
	return &statusLog{out: l.out, next: l.next.WithAttrs(as)}
}

func (l *statusLog) WithGroup(name string) slog.Handler {
	return &statusLog{out: l.out, next: l.next.WithGroup(name)}
}
