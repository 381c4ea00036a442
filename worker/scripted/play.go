package scripted

import (
	"bytes"
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/karez/karez/turn"
	"github.com/karez/karez/worker"
)

// Stream implements worker.Provider.
func (p *Provider) Stream(ctx context.Context, req worker.Request, emit func(turn.Event) error) (string, error) {
	pl := player{ask: p.asked(req.ID), user: req.User, emit: emit, said: said(req.Sofar)}
	if n := len(req.Messages); n > 0 {
		pl.prompt = req.Messages[n-1].Text
	}
	for i := range p.steps {
		s := &p.steps[i]
		if s.Ask != 0 && s.Ask != pl.ask || s.When != "" && !strings.Contains(pl.prompt, s.When) {
			continue
		}
		if err := pl.play(ctx, s); err != nil {
			return "", err
		}
		if s.End != "" {
			return s.End, nil
		}
	}
	return turn.ReasonStop, nil
}

// CanContinue implements worker.Continuer.
func (p *Provider) CanContinue(worker.Request) bool { return p.continues }

// A player plays the script once.
type player struct {
	ask    int
	user   string
	prompt string
	emit   func(turn.Event) error
	said   map[place]int // what the answer has already and is passed over
}

// A place is a part of an answer. What merges counts in bytes, the rest in
// events.
type place struct {
	kind turn.Kind
	part string
}

func said(sofar []turn.Part) map[place]int {
	m := make(map[place]int)
	for _, p := range sofar {
		if p.Kind.Mergeable() {
			m[place{p.Kind, p.ID}] += len(p.Data)
		} else {
			m[place{p.Kind, p.ID}]++
		}
	}
	return m
}

func (pl *player) play(ctx context.Context, s *Step) error {
	for i := range max(s.Repeat, 1) {
		ev, ok, err := pl.event(s, i)
		if err != nil {
			return err
		}
		if ok && pl.skip(&ev) {
			continue
		}
		wait := s.Every
		if i == 0 {
			wait = s.Wait
		}
		if err := pause(ctx, time.Duration(wait)); err != nil {
			return err
		}
		switch {
		case s.Error != nil:
			return &worker.ProviderError{Code: s.Error.Code, Message: s.Error.Message, Retry: s.Error.Retry, After: time.Duration(s.Error.After)}
		case s.Panic != "":
			panic(s.Panic)
		case s.Stall:
			<-ctx.Done()
			return context.Cause(ctx)
		case ok:
			if err := pl.emit(ev); err != nil {
				return err
			}
		}
	}
	return nil
}

// event is what a step emits the i-th time; ok is false if it emits nothing.
func (pl *player) event(s *Step, i int) (ev turn.Event, ok bool, err error) {
	ev = turn.Event{Kind: s.kind(), Part: s.Part, Name: s.Name, Media: s.Media}
	switch {
	case s.Usage != nil:
		ev.Data, err = json.Marshal(s.Usage)
	case len(s.Data) > 0:
		ev.Data = bytes.Clone(s.Data)
	case len(s.Bytes) > 0:
		ev.Data = bytes.Clone(s.Bytes)
	case s.Text != "":
		ev.Data = []byte(strings.NewReplacer("{i}", strconv.Itoa(i), "{prompt}", pl.prompt, "{user}", pl.user).Replace(s.Text))
	default:
		return ev, s.Kind != "", nil
	}
	return ev, true, err
}

// skip takes from ev what was said already, and reports whether that is all.
func (pl *player) skip(ev *turn.Event) bool {
	at := place{ev.Kind, ev.Part}
	left := pl.said[at]
	if left == 0 || ev.Kind == turn.KindUsage {
		return false
	}
	if !ev.Kind.Mergeable() {
		pl.said[at]--
		return true
	}
	n := min(left, len(ev.Data))
	pl.said[at] -= n
	ev.Data = ev.Data[n:]
	return len(ev.Data) == 0
}

func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
