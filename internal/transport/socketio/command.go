package socketio

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/internal/refusal"
	"github.com/karez/karez/socketio"
	"github.com/karez/karez/turn"
	"github.com/karez/karez/wire"
)

// A request is the argument of an event from a client: the fields of a command
// of the native protocol, those of a prompt among them.
type request struct {
	Channel string              `json:"channel"`
	Turn    string              `json:"turn"`
	Message string              `json:"message"`
	Token   string              `json:"token"`
	From    string              `json:"from"`
	After   turn.Seq            `json:"after"`
	Turns   map[string]turn.Seq `json:"turns"`
	Pace    *wire.Pace          `json:"pace"`
	Before  turn.Seq            `json:"before"`
	Limit   int                 `json:"limit"`
	Name    string              `json:"name"`
	Data    json.RawMessage     `json:"data"`
	State   string              `json:"state"` // join
	Info    json.RawMessage     `json:"info"`
	Event   string              `json:"event"` // client event
	echo    bool

	Text    string          `json:"text"`
	Content []turn.Content  `json:"content"`
	Parent  string          `json:"parent"`
	Model   string          `json:"model"`
	System  string          `json:"system"`
	Params  json.RawMessage `json:"params"`
	Audio   bool            `json:"audio"` // what voice brought for this message belongs to it
}

// prompt is the part of a request that is one.
func (r *request) prompt() turn.Prompt {
	return turn.Prompt{Message: r.Message, Text: r.Text, Content: r.Content, Parent: r.Parent, Model: r.Model, System: r.System, Params: r.Params}
}

// check is wire's of the same command.
func (r *request) check(typ string, p turn.Prompt) error {
	c := wire.Command{
		Type: typ, Token: r.Token, Channel: r.Channel, Turn: r.Turn, Message: r.Message, After: r.After, From: r.From,
		Turns: r.Turns, Name: r.Name, Data: r.Data, Pace: r.Pace, Before: r.Before, Limit: r.Limit, Prompt: &p,
	}
	return c.Check()
}

// A reply is the argument of an acknowledgement.
type reply struct {
	Turn    string          `json:"turn,omitempty"`
	Seq     turn.Seq        `json:"seq,omitempty"`
	History *wire.History   `json:"history,omitempty"`
	Members json.RawMessage `json:"members,omitempty"`
	Error   *wire.Error     `json:"error,omitempty"`
}

// A command carries out one event from a client.
type command func(ctx context.Context, v *viewer, r *request) (reply, error)

var commands = map[string]command{
	"follow": follow, "unfollow": unfollow, "prompt": prompt, "edit": edit, "regenerate": regenerate, "cancel": cancel,
	"history": history, "publish": publish, "signal": signal, "pace": pace, "renew": renew,
	"join": join, "leave": leave, "state": state,
	"subscribe": subscribe, "unsubscribe": unsubscribe, "client event": whisper,
}

// serve runs a command and acknowledges it, if the client wants to know.
func (t *Transport) serve(s *socketio.Socket, e *socketio.Event, name string, run command) {
	ctx, cancel := context.WithTimeout(s.Context(), commandTime)
	defer cancel()
	v := viewerOf(s)
	var r request
	var out reply
	err := e.Decode(&r)
	if err != nil {
		err = refusal.Bad(err.Error(), name+" takes one object; docs/socketio.md has its fields")
	} else {
		v.session.Hold() // the answer first, then what is followed
		defer v.session.Release()
		out, err = run(ctx, v, &r)
	}
	if errors.Is(err, socketio.ErrFull) {
		s.Disconnect(true) // it does not read its answers
		return
	}
	if err != nil {
		out = reply{Error: t.explain(err, "carry out command", "event", name, "channel", r.Channel, "session", v.session.ID())}
	}
	if !e.WantsAck() && out.Error != nil {
		err = s.Emit("error", map[string]any{"event": name, "error": out.Error}, v.stands())
	} else {
		err = e.Ack(out)
	}
	if errors.Is(err, socketio.ErrFull) {
		s.Disconnect(true) // it does not read its answers
	}
}

// stands returns the client's offset.
func (v *viewer) stands() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.offset()
}

// follow sets cursors. The client hears following, and with it an offset that
// knows of them, before the acknowledgement: whoever has been acknowledged is
// recovered with what it asked for.
func follow(ctx context.Context, v *viewer, r *request) (out reply, err error) {
	if err := r.check(wire.CmdFollow, turn.Prompt{}); err != nil {
		return out, err
	}
	p, f := &place{channel: r.Channel, whole: r.Turn == "", echo: r.echo}, gateway.Follow{Channel: r.Channel, Turn: r.Turn, After: r.After, Turns: r.Turns, Limit: r.Limit, Pace: paceOf(r.Pace)}
	if r.From == wire.FromNow && r.Turn == "" {
		if f.After, f.Turns, err = v.now(ctx, r.Channel); err != nil {
			return out, err
		}
	} else if r.Turn == "" {
		f.From = r.From
	}
	past, err := v.session.Follow(ctx, f)
	if err != nil {
		v.session.Unfollow(r.Channel, r.Turn)
		if v.forget(r.Channel, r.Turn) {
			return out, errors.Join(err, v.tell(evUnfollowed, r))
		}
		return out, err
	}
	p.after = f.After
	if past != nil {
		out.History, p.after = page(past), past.After
		for _, t := range past.Turns {
			if !t.Answer.State.Terminal() {
				p.set(t.Name, t.Answer.At)
			}
		}
	}
	for name, seq := range f.Turns {
		p.set(name, seq)
	}
	for i := range p.turns { // unlike those that are live now, which the timeline may still bring
		p.turns[i].begun = r.From != wire.FromNow
	}
	v.mu.Lock()
	if old := v.place(r.Channel); r.Turn != "" && old != nil {
		p = old
	}
	if r.Turn != "" {
		p.set(r.Turn, r.After)
		p.find(r.Turn).begun = true
	}
	v.put(p)
	v.mu.Unlock()
	return out, v.tell(evFollowing, r)
}

// tell says what is followed from here on, with the offset that knows it.
func (v *viewer) tell(event string, r *request) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.s.Emit(event, followBody{Channel: r.Channel, Turn: r.Turn}, v.offset())
}

type followBody struct {
	Channel string `json:"channel"`
	Turn    string `json:"turn,omitempty"`
}

type lostBody struct {
	Channel string      `json:"channel"`
	Turn    string      `json:"turn,omitempty"`
	Seq     turn.Seq    `json:"seq"`
	Error   *wire.Error `json:"error"`
}

// now returns the top of a timeline and the turns that are live.
func (v *viewer) now(ctx context.Context, ch string) (turn.Seq, map[string]turn.Seq, error) {
	app, t := v.session.Who().App, v.t.g.Turns()
	info, err := t.Broker().Info(ctx, turn.Timeline(app, ch))
	if err != nil && !errors.Is(err, broker.ErrNotFound) {
		return 0, nil, err
	}
	live, err := t.Live(ctx, app, ch)
	open := make(map[string]turn.Seq, len(live))
	for _, name := range live {
		open[name] = 0
	}
	return info.Top, open, err
}

// forget drops what an offset says of a channel or a turn, and reports whether
// there was something.
func (v *viewer) forget(ch, name string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	p := v.place(ch)
	if p == nil || name != "" && p.find(name) == nil {
		return false
	}
	p.whole = p.whole && name != ""
	p.turns = slices.DeleteFunc(p.turns, func(a at) bool { return name == "" || a.turn == name })
	p.text = ""
	v.prune()
	return true
}

func unfollow(_ context.Context, v *viewer, r *request) (out reply, err error) {
	if err := r.check(wire.CmdUnfollow, turn.Prompt{}); err != nil {
		return out, err
	}
	v.session.Unfollow(r.Channel, r.Turn)
	v.forget(r.Channel, r.Turn)
	return out, v.tell(evUnfollowed, r)
}

func prompt(ctx context.Context, v *viewer, r *request) (out reply, err error) {
	return v.ask(ctx, r, wire.CmdPrompt, "")
}

func edit(ctx context.Context, v *viewer, r *request) (out reply, err error) {
	return v.ask(ctx, r, wire.CmdEdit, r.Turn)
}

// ask accepts a prompt, with the voice that was sent for it.
func (v *viewer) ask(ctx context.Context, r *request, typ, supersedes string) (out reply, err error) {
	p := r.prompt()
	if r.Audio {
		c, err := v.spoken(r.Message)
		if err != nil {
			return out, err
		}
		p.Content = append(p.Content, c)
	}
	if err := r.check(typ, p); err != nil {
		return out, err
	}
	p.Supersedes = supersedes
	out.Turn, err = v.session.Prompt(ctx, r.Channel, p, "")
	if err == nil && r.Audio {
		v.hush(r.Message)
	}
	return out, err
}

func regenerate(ctx context.Context, v *viewer, r *request) (out reply, err error) {
	if err := r.check(wire.CmdRegenerate, r.prompt()); err != nil {
		return out, err
	}
	out.Turn, err = v.session.Regenerate(ctx, r.Channel, r.Turn, r.Message, "")
	return out, err
}

func cancel(ctx context.Context, v *viewer, r *request) (out reply, err error) {
	if err := r.check(wire.CmdCancel, turn.Prompt{}); err != nil {
		return out, err
	}
	out.Turn, err = v.session.Cancel(ctx, r.Channel, r.Turn, r.Message)
	return out, err
}

func history(ctx context.Context, v *viewer, r *request) (out reply, err error) {
	if err := r.check(wire.CmdHistory, turn.Prompt{}); err != nil {
		return out, err
	}
	past, err := v.session.History(ctx, r.Channel, r.Turn, r.Before, r.Limit)
	out.History = page(&past)
	return out, err
}

func publish(ctx context.Context, v *viewer, r *request) (out reply, err error) {
	if err := r.check(wire.CmdPublish, turn.Prompt{}); err != nil {
		return out, err
	}
	out.Seq, err = v.session.Publish(ctx, r.Channel, r.Name, r.Data)
	return out, err
}

func signal(ctx context.Context, v *viewer, r *request) (out reply, err error) {
	if err := r.check(wire.CmdSignal, turn.Prompt{}); err != nil {
		return out, err
	}
	return out, v.session.Signal(ctx, r.Channel, r.Name, r.Data)
}

func pace(_ context.Context, v *viewer, r *request) (out reply, err error) {
	if err := r.check(wire.CmdPace, turn.Prompt{}); err != nil {
		return out, err
	}
	return out, v.session.SetPace(r.Channel, r.Turn, paceOf(r.Pace))
}

func paceOf(p *wire.Pace) gateway.Pace {
	if p == nil {
		return gateway.Pace{}
	}
	return gateway.Pace{Mode: p.Mode, Rate: p.Rate}
}

func renew(ctx context.Context, v *viewer, r *request) (out reply, err error) {
	if err := r.check(wire.CmdRenew, turn.Prompt{}); err != nil {
		return out, err
	}
	who, err := v.t.auth(ctx, r.Token)
	if err != nil {
		return out, err
	}
	return out, v.session.Renew(who)
}

func join(ctx context.Context, v *viewer, r *request) (out reply, err error) {
	if v.session.Who().User == "" {
		return out, v.session.Watch(ctx, r.Channel)
	}
	return out, v.session.Join(ctx, r.Channel, r.State, r.Info)
}

func leave(_ context.Context, v *viewer, r *request) (out reply, err error) {
	v.session.Leave(r.Channel)
	return out, nil
}

func state(_ context.Context, v *viewer, r *request) (out reply, err error) {
	return out, v.session.SetState(r.Channel, r.State)
}
