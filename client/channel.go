package client

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"

	"github.com/karez/karez/turn"
	"github.com/karez/karez/wire"
)

// A Channel is a conversation. Use Client.Channel. Its methods may be called
// concurrently; those that ask for something wait for the server's answer,
// also across reconnects, as long as ctx lets them.
type Channel struct {
	c    *Client
	name string
}

// Name returns the channel's name.
func (ch *Channel) Name() string { return ch.name }

// Prompt asks, and returns the name of the turn that will answer. When it
// returns without an error the turn will reach an end, whatever happens here.
// Without a Message, p gets one; with one, asking twice is asking once.
func (ch *Channel) Prompt(ctx context.Context, p turn.Prompt) (string, error) {
	return ch.ask(ctx, wire.CmdPrompt, "", p)
}

// Regenerate asks again what turn name was asked. That turn stays as a branch.
// message is the caller's own id of the new message; "" makes one up.
func (ch *Channel) Regenerate(ctx context.Context, name, message string) (string, error) {
	return ch.ask(ctx, wire.CmdRegenerate, name, turn.Prompt{Message: message})
}

// Edit asks something else in place of turn name, which stays as a branch.
func (ch *Channel) Edit(ctx context.Context, name string, p turn.Prompt) (string, error) {
	return ch.ask(ctx, wire.CmdEdit, name, p)
}

func (ch *Channel) ask(ctx context.Context, kind, name string, p turn.Prompt) (string, error) {
	if p.Message == "" {
		p.Message = rand.Text()
	}
	f, err := ch.c.request(ctx, wire.Command{Type: kind, Channel: ch.name, Turn: name, Prompt: &p}, true)
	if err != nil {
		return "", err
	}
	return f.Turn, nil
}

// Cancel stops turn name. Cancelling too late, or twice, changes nothing.
func (ch *Channel) Cancel(ctx context.Context, name string) error {
	_, err := ch.c.request(ctx, wire.Command{Type: wire.CmdCancel, Channel: ch.name, Turn: name}, true)
	return err
}

// CancelMessage stops the turn that answers the caller's own message, also
// before it has begun.
func (ch *Channel) CancelMessage(ctx context.Context, message string) error {
	_, err := ch.c.request(ctx, wire.Command{Type: wire.CmdCancel, Channel: ch.name, Message: message}, true)
	return err
}

// HistoryOptions say which page of a conversation is wanted.
type HistoryOptions struct {
	Turn   string   // of the conversation that goes through this turn; "": the newest
	Before turn.Seq // turns before this place of the timeline (History.More); 0: the newest
	Limit  int      // turns; 0: the server's own
}

// History returns a page of the conversation.
func (ch *Channel) History(ctx context.Context, o HistoryOptions) (*wire.History, error) {
	f, err := ch.c.request(ctx, wire.Command{Type: wire.CmdHistory, Channel: ch.name, Turn: o.Turn, Before: o.Before, Limit: o.Limit}, true)
	if err != nil {
		return nil, err
	}
	if f.History == nil {
		return nil, &wire.Error{Code: wire.CodeInternal, Message: "the answer holds no history"}
	}
	return f.History, nil
}

// Publish puts an event on the channel's timeline, where it is kept, and
// returns its place. data is made JSON. It is not repeated by itself:
// CodeDisconnected says that it may have been done.
func (ch *Channel) Publish(ctx context.Context, name string, data any) (turn.Seq, error) {
	raw, err := encode(data)
	if err != nil {
		return 0, fmt.Errorf("publish %s: %w", name, err)
	}
	f, err := ch.c.request(ctx, wire.Command{Type: wire.CmdPublish, Channel: ch.name, Name: name, Data: raw}, false)
	if err != nil {
		return 0, err
	}
	return f.Seq, nil
}

// Signal tells everybody who follows the channel now, but for the caller. It is
// dropped when there is no connection, and an error says only that data is no
// JSON, the command is wrong or the client has ended.
func (ch *Channel) Signal(ctx context.Context, name string, data any) error {
	raw, err := encode(data)
	if err != nil {
		return fmt.Errorf("signal %s: %w", name, err)
	}
	cmd := &wire.Command{Type: wire.CmdSignal, Channel: ch.name, Name: name, Data: raw}
	if err := cmd.Check(); err != nil {
		return err
	}
	return ch.c.do(ctx, func() { ch.c.tell(cmd) })
}

func encode(data any) (json.RawMessage, error) {
	if data == nil {
		return nil, nil
	}
	return json.Marshal(data)
}
