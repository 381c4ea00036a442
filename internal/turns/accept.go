package turns

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/channel"
	"github.com/karez/karez/turn"
)

// maxContent bounds a prompt as JSON, in bytes: it must fit an event.
const maxContent = turn.MaxData - 4<<10

// A Job's payload.
type payload struct {
	Prompt turn.Prompt `json:"prompt"`
	Trace  string      `json:"traceparent,omitempty"`
	Follow bool        `json:"follow,omitempty"` // the parent is the leaf at the time of acceptance
	At     int64       `json:"at"`               // Unix milliseconds at which it was asked
	Added  int64       `json:"added,omitempty"`  // and at which this job was added; 0: the same
}

// An Ask is a prompt on its way to become a turn.
type Ask struct {
	App     string
	Channel string
	Prompt  turn.Prompt
	Trace   string // W3C traceparent, or ""
	At      int64  // now, in Unix milliseconds
}

// ErrPromptTooLarge refuses a prompt whose JSON does not fit one event.
var ErrPromptTooLarge = fmt.Errorf("a prompt has at most %d bytes as JSON", maxContent)

// Accept makes a turn of a prompt and returns the turn's name. When it
// returns without an error the turn will reach a terminal event (design: 2).
// The same message of the same user is the same turn: accepting it again
// returns again true and changes nothing. A prompt without a message id gets
// one, and asking it again is another turn.
//
// It returns a *BusyError when the channel's policy refuses the prompt,
// ErrNoTurn when Supersedes or Parent names a turn that does not exist, and
// ErrPromptTooLarge.
func (t *Turns) Accept(ctx context.Context, a Ask) (name string, again bool, err error) {
	if a.Prompt.Message == "" {
		a.Prompt.Message = rand.Text()
	}
	p := payload{Prompt: a.Prompt, Trace: a.Trace, At: a.At}
	name = turn.NameFor(a.App, a.Channel, a.Prompt.User, a.Prompt.Message)
	id := turn.NewID(a.App, a.Channel, name)
	if _, err := t.b.Info(ctx, id); err == nil {
		return name, true, nil
	} else if !errors.Is(err, broker.ErrNotFound) {
		return "", false, err
	}
	if err := t.place(ctx, a, &p); err != nil {
		return "", false, err
	}
	raw, err := json.Marshal(&p)
	if err != nil {
		return "", false, fmt.Errorf("encode prompt: %w", err)
	}
	if len(raw) > maxContent {
		return "", false, ErrPromptTooLarge
	}
	if err := t.heal(ctx, a.App, a.Channel, true); err != nil {
		return "", false, err
	}
	if err := t.refuseEarly(ctx, a, name); err != nil {
		return "", false, err
	}
	if err := t.b.Add(ctx, Queue, broker.Job{ID: id, Payload: raw}); err != nil {
		return "", false, fmt.Errorf("accept %s: %w", id, err)
	}
	if err := t.open(ctx, id, p); err != nil {
		return "", false, err
	}
	return name, false, nil
}

// place finds the turn that the new one follows.
func (t *Turns) place(ctx context.Context, a Ask, p *payload) error {
	switch {
	case a.Prompt.Supersedes != "":
		old, err := t.asked(ctx, turn.NewID(a.App, a.Channel, a.Prompt.Supersedes))
		if err != nil {
			return err
		}
		if p.Prompt.Parent = old.Prompt.Parent; p.Prompt.Parent == "" {
			tree, _, err := t.tree(ctx, a.App, a.Channel)
			if err != nil {
				return err
			}
			p.Prompt.Parent = parent(tree, a.Prompt.Supersedes)
		}
	case a.Prompt.Parent != "":
		if _, err := t.b.Info(ctx, turn.NewID(a.App, a.Channel, a.Prompt.Parent)); err != nil {
			return noTurn(err, a.Prompt.Parent)
		}
	default:
		p.Follow = true
	}
	return nil
}

// refuseEarly spares a prompt that the policy refuses its job; open decides. A
// prompt that was refused before gets another chance: its client sent it again.
func (t *Turns) refuseEarly(ctx context.Context, a Ask, name string) error {
	r, err := t.record(ctx, a.App, a.Channel)
	if err != nil || r.Has(name) {
		return err
	}
	if r.Forgive(name) {
		err := t.update(ctx, a.App, a.Channel, func(r *channel.Record) bool { return r.Forgive(name) })
		if err != nil {
			return err
		}
	}
	return refusal(r.Accept(name, "", false, t.opts.Settings))
}

func refusal(d channel.Accepted) error {
	if d.Busy != "" {
		return &BusyError{Turn: d.Busy, Full: d.Full}
	}
	return nil
}

// open is what Accept does after the job was added. A worker repeats it when
// it finds the log missing.
func (t *Turns) open(ctx context.Context, id turn.ID, p payload) error {
	var d channel.Accepted
	var rec channel.Record
	tail, err := t.tail(ctx, id, p)
	if err != nil {
		return err
	}
	err = t.update(ctx, id.App, id.Channel, func(r *channel.Record) bool {
		caught := p.Follow && r.CatchUp(tail)
		d = r.Accept(id.Name, p.Prompt.Parent, p.Follow, t.opts.Settings)
		rec = *r
		return !d.Again || caught
	})
	if err != nil {
		return err
	}
	if err := refusal(d); err != nil || d.Over {
		return err
	}
	p.Prompt.Parent = d.Parent
	cancel := d.Cancel
	if s := p.Prompt.Supersedes; s != "" && rec.Has(s) {
		cancel = append(cancel, s)
	}
	for _, c := range cancel {
		if err := t.Cancel(ctx, turn.NewID(id.App, id.Channel, c), p.Prompt.User); err != nil && !errors.Is(err, ErrNoTurn) {
			return err
		}
	}
	// The log comes last: while it is missing, all of this is done again.
	if err := t.write(ctx, id, p, rec); err != nil {
		return err
	}
	return t.cancelledBefore(ctx, id)
}

// write puts a turn on its timeline and creates its log, in this order: whoever
// finds the log knows that the timeline has it.
func (t *Turns) write(ctx context.Context, id turn.ID, p payload, rec channel.Record) error {
	begun := channel.Begun{Turn: id.Name, Message: p.Prompt.Message, User: p.Prompt.User, Parent: p.Prompt.Parent, Supersedes: p.Prompt.Supersedes}
	if err := t.tell(ctx, id, channel.KindTurn, begun); err != nil {
		return err
	}
	ev := turn.Event{Kind: turn.KindPrompt, Attrs: map[string]string{turn.AttrSchema: turn.SchemaVersion, turn.AttrTime: strconv.FormatInt(p.At, 10)}}
	if p.Trace != "" {
		ev.Attrs[turn.AttrTrace] = p.Trace
	}
	var err error
	if ev.Data, err = json.Marshal(&p.Prompt); err != nil {
		return fmt.Errorf("encode prompt: %w", err)
	}
	if err := t.b.Create(ctx, id, t.live(rec), ev); err != nil && !errors.Is(err, broker.ErrExists) {
		return fmt.Errorf("create %s: %w", id, err)
	}
	return nil
}

// Create begins a turn that a back end answers by itself: it gets a place in
// the conversation and no job. again: the turn exists, nothing was changed.
// The back end then opens an epoch and appends. It returns a *BusyError when
// too many turns are open on the channel.
func (t *Turns) Create(ctx context.Context, id turn.ID, p turn.Prompt, at int64) (again bool, err error) {
	if _, err := t.b.Info(ctx, id); err == nil {
		return true, nil
	} else if !errors.Is(err, broker.ErrNotFound) {
		return false, err
	}
	pl := payload{Prompt: p, At: at}
	if err := t.place(ctx, Ask{App: id.App, Channel: id.Channel, Prompt: p}, &pl); err != nil {
		return false, err
	}
	var d channel.Accepted
	var rec channel.Record
	tail, err := t.tail(ctx, id, pl)
	if err != nil {
		return false, err
	}
	err = t.update(ctx, id.App, id.Channel, func(r *channel.Record) bool {
		if pl.Follow {
			r.CatchUp(tail)
		}
		d = r.Add(id.Name, pl.Prompt.Parent, pl.Follow, t.opts.Settings)
		rec = *r
		return !d.Again && d.Busy == ""
	})
	if err == nil {
		err = refusal(d)
	}
	if err != nil || d.Over {
		return d.Over, err
	}
	pl.Prompt.Parent = d.Parent
	return false, t.write(ctx, id, pl, rec)
}

// tell appends an entry to the timeline of id's channel.
func (t *Turns) tell(ctx context.Context, id turn.ID, kind turn.Kind, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = t.Tell(ctx, id.App, id.Channel, turn.Event{Kind: kind, Data: data})
	return err
}

// trimEvery is how far a timeline grows beyond its bound, in events.
const trimEvery = 64

// Tell appends an event to a channel's timeline and returns its place. All that
// Karez writes there goes through here, so that the timeline stays bounded.
func (t *Turns) Tell(ctx context.Context, app, ch string, ev turn.Event) (turn.Seq, error) {
	tl := turn.Timeline(app, ch)
	seq, err := t.b.Append(ctx, tl, 0, 0, ev)
	if err != nil {
		return 0, fmt.Errorf("append %s to %s: %w", ev.Kind, tl, err)
	}
	if n := t.opts.Timeline; seq > turn.Seq(n) && seq%trimEvery == 0 {
		_ = t.b.Trim(ctx, tl, n) // ev is written; who fails here leaves it to the next
	}
	return seq, nil
}

// Asker returns who asked a turn, and whether it is live. ErrNoTurn.
func (t *Turns) Asker(ctx context.Context, id turn.ID) (user string, live bool, err error) {
	p, err := t.asked(ctx, id)
	if err != nil {
		return "", false, err
	}
	info, err := t.b.Info(ctx, id)
	if err != nil {
		return "", false, noTurn(err, id.Name)
	}
	return p.Prompt.User, !info.Ended, nil
}

// asked reads back from a turn's log what was asked.
func (t *Turns) asked(ctx context.Context, id turn.ID) (payload, error) {
	var p payload
	evs, err := t.b.Read(ctx, id, 0, 1)
	if err != nil {
		return p, err
	}
	if len(evs) == 0 || evs[0].Kind != turn.KindPrompt {
		return p, fmt.Errorf("%w: %s", ErrNoTurn, id.Name)
	}
	p.Trace = evs[0].Attrs[turn.AttrTrace]
	p.At, _ = strconv.ParseInt(evs[0].Attrs[turn.AttrTime], 10, 64) // absent from foreign prompts
	return p, json.Unmarshal(evs[0].Data, &p.Prompt)
}

func noTurn(err error, name string) error {
	if errors.Is(err, broker.ErrNotFound) {
		return fmt.Errorf("%w: %s", ErrNoTurn, name)
	}
	return err
}

// Live returns the turns of a channel that are accepted and not ended, oldest
// first.
func (t *Turns) Live(ctx context.Context, app, ch string) ([]string, error) {
	r, err := t.record(ctx, app, ch)
	out := make([]string, 0, len(r.Queue))
	for _, q := range r.Queue {
		out = append(out, q.Turn)
	}
	return out, err
}
