package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/karez/karez/internal/turns"
	"github.com/karez/karez/turn"
)

// EveryChannel is the channel whose management means that of a whole app.
const EveryChannel = "*"

// A Caller is somebody who asks something of the gateway: a session, or a
// request that has no connection. Who may do what, and how large it may be, is
// decided in its methods, for every transport and for the HTTP API (design: 8).
type Caller struct {
	g       *Gateway
	who     Identity
	session string
}

// Caller returns who as a caller without a session here. session may name one
// on any node, which does not get the caller's signals back; "" names none.
func (g *Gateway) Caller(who Identity, session string) Caller {
	return Caller{g: g, who: who, session: session}
}

// Caller returns the session as a caller, with the token that it has now.
func (s *Session) Caller() Caller { return Caller{g: s.g, who: s.Who(), session: s.id} }

// Who returns whom the caller speaks for.
func (c Caller) Who() Identity { return c.who }

// A ForbiddenError says what a token does not allow. It wraps ErrForbidden.
type ForbiddenError struct {
	Verb    string
	Channel string
}

func (e *ForbiddenError) Error() string {
	return fmt.Sprintf("%v: %s on channel %q", ErrForbidden, e.Verb, e.Channel)
}

// Unwrap makes errors.Is(err, ErrForbidden) true.
func (e *ForbiddenError) Unwrap() error { return ErrForbidden }

// May returns a *ForbiddenError unless the caller's grants allow verb on a
// channel. ErrExpired: so does its token, no longer. ErrDraining.
func (c Caller) May(verb, ch string) error {
	if err := turn.CheckChannel(ch); err != nil {
		return err
	}
	if c.g.draining() {
		return ErrDraining
	}
	if x := c.who.Expires; !x.IsZero() && time.Now().After(x.Add(c.g.opts.Grace)) {
		return ErrExpired
	}
	return allow(c.who, verb, ch)
}

func allow(who Identity, verb, ch string) error {
	if who.Grants == nil || !who.Grants.May(verb, who.App, ch) {
		return &ForbiddenError{verb, ch}
	}
	return nil
}

// as returns in whose name the caller speaks: its own, or with manage that of
// anybody.
func (c Caller) as(user, ch string) (string, error) {
	if user == "" || user == c.who.User {
		return c.who.User, nil
	}
	if len(user) > turn.MaxUser || !utf8.ValidString(user) {
		return "", &turn.FieldError{Field: "user", What: fmt.Sprintf("has %d bytes, at most %d of UTF-8 are taken", len(user), turn.MaxUser)}
	}
	return user, c.May(Manage, ch)
}

func (g *Gateway) draining() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.closed
}

// Prompt is Caller.Prompt in the session's own name.
func (s *Session) Prompt(ctx context.Context, ch string, p turn.Prompt, trace string) (string, error) {
	p.User = ""
	a, err := s.Caller().Prompt(ctx, ch, p, trace)
	return a.Turn, err
}

// Regenerate is Caller.Regenerate.
func (s *Session) Regenerate(ctx context.Context, ch, name, message, trace string) (string, error) {
	a, err := s.Caller().Regenerate(ctx, ch, name, message, trace)
	return a.Turn, err
}

// Cancel is Caller.Cancel of a turn, or of the session's user's own message.
func (s *Session) Cancel(ctx context.Context, ch, name, message string) (string, error) {
	return s.Caller().Cancel(ctx, ch, name, "", message)
}

// History is Caller.History.
func (s *Session) History(ctx context.Context, ch, leaf string, before turn.Seq, limit int) (turns.Past, error) {
	return s.Caller().History(ctx, ch, leaf, before, limit)
}

// Members is Caller.Members.
func (s *Session) Members(ctx context.Context, ch string) ([]Member, error) {
	return s.Caller().Members(ctx, ch)
}

// Publish is Caller.Publish in the session's own name.
func (s *Session) Publish(ctx context.Context, ch, name string, data json.RawMessage) (turn.Seq, error) {
	return s.Caller().Publish(ctx, ch, Note{Name: name, Data: data})
}

// Signal is Caller.Signal in the session's own name. It does not come back.
func (s *Session) Signal(ctx context.Context, ch, name string, data json.RawMessage) error {
	return s.Caller().Signal(ctx, ch, Note{Name: name, Data: data})
}
