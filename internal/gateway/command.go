package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/karez/karez/channel"
	"github.com/karez/karez/internal/turns"
	"github.com/karez/karez/turn"
)

// Prompt accepts a prompt and returns the name of its turn. The user comes
// from the token. A prompt without a message id gets none of its own: the
// caller chooses one, so that sending it again is harmless. See turns.Accept
// for the errors.
func (s *Session) Prompt(ctx context.Context, ch string, p turn.Prompt, trace string) (string, error) {
	if err := s.may(Prompt, ch); err != nil {
		return "", err
	}
	who := s.Who()
	p.User = who.User
	name, _, err := s.g.turns.Accept(ctx, turns.Ask{App: who.App, Channel: ch, Prompt: p, Trace: trace, At: time.Now().UnixMilli()})
	return name, err
}

// Regenerate asks again what turn name was asked, as message; the old turn
// stays as a branch.
func (s *Session) Regenerate(ctx context.Context, ch, name, message, trace string) (string, error) {
	if err := s.may(Prompt, ch); err != nil {
		return "", err
	}
	if err := turn.CheckName(name); err != nil {
		return "", err
	}
	a, err := s.g.turns.Answer(ctx, turn.NewID(s.Who().App, ch, name))
	if err != nil {
		return "", err
	}
	if a.Prompt == nil {
		return "", fmt.Errorf("%w: %s was not prompted here", turns.ErrNoTurn, name)
	}
	p := *a.Prompt
	p.Message, p.Parent, p.Supersedes = message, "", name
	return s.Prompt(ctx, ch, p, trace)
}

// Cancel stops a turn, named by itself or by the session's user's own message,
// also before it has started.
func (s *Session) Cancel(ctx context.Context, ch, name, message string) (string, error) {
	if err := s.may(Cancel, ch); err != nil {
		return "", err
	}
	who := s.Who()
	if name == "" {
		name = turn.NameFor(who.App, ch, who.User, message)
	}
	if err := turn.CheckName(name); err != nil {
		return "", err
	}
	return name, s.g.turns.Cancel(ctx, turn.NewID(who.App, ch, name), who.User)
}

// History reads a page of a conversation; see turns.History.
func (s *Session) History(ctx context.Context, ch, leaf string, before turn.Seq, limit int) (turns.Past, error) {
	if err := s.may(Read, ch); err != nil {
		return turns.Past{}, err
	}
	return s.g.turns.History(ctx, s.Who().App, ch, leaf, before, limit)
}

// Publish puts a custom event on a channel's timeline, where it is kept.
func (s *Session) Publish(ctx context.Context, ch, name string, data json.RawMessage) (turn.Seq, error) {
	if err := s.may(Publish, ch); err != nil {
		return 0, err
	}
	who := s.Who()
	return s.g.Publish(ctx, who.App, ch, name, data, who.User)
}

// Publish puts a custom event on a channel's timeline.
func (g *Gateway) Publish(ctx context.Context, app, ch, name string, data json.RawMessage, from string) (turn.Seq, error) {
	if name == "" || len(name) > turn.MaxName {
		return 0, fmt.Errorf("%w: an event's name has 1 to %d bytes, this one has %d", ErrBadName, turn.MaxName, len(name))
	}
	ev := turn.Event{Kind: channel.KindCustom, Name: name, Data: data}
	if from != "" {
		ev.Attrs = map[string]string{channel.AttrFrom: from}
	}
	return g.b.Append(ctx, turn.Timeline(app, ch), 0, 0, ev)
}
