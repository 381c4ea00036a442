package gateway

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/channel"
	"github.com/karez/karez/internal/turns"
	"github.com/karez/karez/turn"
)

// MaxSignal bounds the data of a signal, in bytes: it goes to every follower.
const MaxSignal = 16 << 10

// An Asked says what became of a prompt.
type Asked struct {
	Turn    string
	Message string // the prompt's own id, or the one that it got
	Again   bool   // it was asked before, and nothing was changed
}

// Prompt accepts a prompt. It is asked in the caller's name, or with manage in
// that of p.User. A prompt without a message id gets one, and cannot be sent
// again. To supersede the running turn of somebody else stops it, and needs
// cancel as well. See turns.Accept for the errors.
func (c Caller) Prompt(ctx context.Context, ch string, p turn.Prompt, trace string) (Asked, error) {
	if err := c.May(Prompt, ch); err != nil {
		return Asked{}, err
	}
	if err := p.Check(); err != nil {
		return Asked{}, err
	}
	user, err := c.as(p.User, ch)
	if err == nil {
		err = c.maySupersede(ctx, ch, p.Supersedes, user)
	}
	if err != nil {
		return Asked{}, err
	}
	p.User = user
	if p.Message == "" {
		p.Message = rand.Text()
	}
	name, again, err := c.g.turns.Accept(ctx, turns.Ask{App: c.who.App, Channel: ch, Prompt: p, Trace: trace, At: time.Now().UnixMilli()})
	return Asked{Turn: name, Message: p.Message, Again: again}, err
}

// maySupersede refuses user to stop somebody else's turn by asking in its
// place, unless the caller may stop it anyway. A turn that has ended does not
// begin again, so what is found here stays true.
func (c Caller) maySupersede(ctx context.Context, ch, old, user string) error {
	if old == "" || allow(c.who, Cancel, ch) == nil {
		return nil
	}
	by, live, err := c.g.turns.Asker(ctx, turn.NewID(c.who.App, ch, old))
	if err != nil || !live || by == user {
		return err
	}
	return &ForbiddenError{Cancel, ch}
}

// Regenerate asks again what turn name was asked, as message; the old turn
// stays as a branch.
func (c Caller) Regenerate(ctx context.Context, ch, name, message, trace string) (Asked, error) {
	if err := c.May(Prompt, ch); err != nil {
		return Asked{}, err
	}
	if err := turn.CheckName(name); err != nil {
		return Asked{}, err
	}
	a, err := c.g.turns.Answer(ctx, turn.NewID(c.who.App, ch, name))
	if err != nil {
		return Asked{}, err
	}
	if a.Prompt == nil {
		return Asked{}, fmt.Errorf("%w: %s was not prompted here", turns.ErrNoTurn, name)
	}
	p := *a.Prompt
	p.Message, p.User, p.Parent, p.Supersedes = message, "", "", name
	return c.Prompt(ctx, ch, p, trace)
}

// Cancel stops a turn, also before it has started. It is named by itself, or by
// the message that it answers; user is whose message, "" the caller's.
func (c Caller) Cancel(ctx context.Context, ch, name, user, message string) (string, error) {
	if err := c.May(Cancel, ch); err != nil {
		return "", err
	}
	if user == "" {
		user = c.who.User
	}
	if name == "" {
		if message == "" {
			return "", &turn.FieldError{Field: "message", What: "is missing", Hint: "name the turn, or the message that it answers"}
		}
		name = turn.NameFor(c.who.App, ch, user, message)
	}
	if err := turn.CheckName(name); err != nil {
		return "", err
	}
	return name, c.g.turns.Cancel(ctx, turn.NewID(c.who.App, ch, name), c.who.User)
}

// History reads a page of a conversation; see turns.History.
func (c Caller) History(ctx context.Context, ch, leaf string, before turn.Seq, limit int) (turns.Past, error) {
	if err := c.May(Read, ch); err != nil {
		return turns.Past{}, err
	}
	return c.g.turns.History(ctx, c.who.App, ch, leaf, before, limit)
}

// Members says who is on a channel now.
func (c Caller) Members(ctx context.Context, ch string) ([]Member, error) {
	if err := c.May(Presence, ch); err != nil {
		return nil, err
	}
	return c.g.Members(ctx, c.who.App, ch)
}

// A Note is what somebody says on a channel beside prompts.
type Note struct {
	Name string
	Data json.RawMessage
	From string // shown as the sender; "" is the caller, anybody else needs manage
}

// Publish puts a custom event on a channel's timeline, where it is kept.
func (c Caller) Publish(ctx context.Context, ch string, n Note) (turn.Seq, error) {
	if err := c.note(ch, &n); err != nil {
		return 0, err
	}
	return c.g.Publish(ctx, c.who.App, ch, n.Name, n.Data, n.From)
}

// Signal tells all who follow a channel now, but for the caller's session. It
// is kept in no log.
func (c Caller) Signal(ctx context.Context, ch string, n Note) error {
	if err := c.note(ch, &n); err != nil {
		return err
	}
	if err := checkSignal(n); err != nil {
		return err
	}
	return c.g.Signal(ctx, c.who.App, Signal{Channel: ch, Name: n.Name, Data: n.Data, From: n.From, Session: c.session})
}

// Send gives a signal to sessions of the caller's app, on any node, and returns
// how many of them answered within wait. It needs manage on all channels.
func (c Caller) Send(ctx context.Context, t Target, n Note, wait time.Duration) (int, error) {
	if err := c.May(Manage, EveryChannel); err != nil {
		return 0, err
	}
	if err := checkSignal(n); err != nil {
		return 0, err
	}
	from, err := c.as(n.From, EveryChannel)
	if err != nil {
		return 0, err
	}
	t.App = c.who.App
	return c.g.Send(ctx, t, Signal{Name: n.Name, Data: n.Data, From: from}, wait)
}

func (c Caller) note(ch string, n *Note) (err error) {
	if err := c.May(Publish, ch); err != nil {
		return err
	}
	n.From, err = c.as(n.From, ch)
	return err
}

// Publish puts a custom event on a channel's timeline.
func (g *Gateway) Publish(ctx context.Context, app, ch, name string, data json.RawMessage, from string) (turn.Seq, error) {
	if err := checkNote(name, data); err != nil {
		return 0, err
	}
	ev := turn.Event{Kind: channel.KindCustom, Name: name, Data: data}
	if from != "" {
		ev.Attrs = map[string]string{channel.AttrFrom: from}
	}
	return g.turns.Tell(ctx, app, ch, ev)
}

func checkSignal(n Note) error {
	if len(n.Data) > MaxSignal {
		return fmt.Errorf("%w: a signal has at most %d bytes of data, this one has %d", broker.ErrTooLarge, MaxSignal, len(n.Data))
	}
	return checkNote(n.Name, n.Data)
}

func checkNote(name string, data json.RawMessage) error {
	if name == "" || len(name) > turn.MaxName {
		return fmt.Errorf("%w: an event's name has 1 to %d bytes, this one has %d", ErrBadName, turn.MaxName, len(name))
	}
	return turn.CheckValue("data", data)
}
