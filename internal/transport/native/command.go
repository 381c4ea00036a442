package native

import (
	"context"
	"encoding/json"
	"unicode/utf8"

	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/internal/turns"
	"github.com/karez/karez/turn"
	"github.com/karez/karez/wire"
)

// maxHistory bounds a page of history, in bytes of answers and prompts; what
// does not fit is asked for with Before.
const maxHistory = 1 << 20

// run carries out a command that has passed Check and returns the answer. trace
// is the caller's W3C traceparent, or "".
func (t *Transport) run(ctx context.Context, s *gateway.Session, c *wire.Command, trace string) *wire.Frame {
	ctx, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	f := &wire.Frame{ID: c.ID, Type: wire.FrameReply}
	var err error
	switch c.Type {
	case wire.CmdHello:
		err = &wire.Error{Code: wire.CodeBadRequest, Message: "hello was said already", Hint: "use renew for a fresh token"}
	case wire.CmdFollow:
		f.History, err = follow(ctx, s, c)
	case wire.CmdUnfollow:
		s.Unfollow(c.Channel, c.Turn)
	case wire.CmdJoin:
		err = s.Join(ctx, c.Channel, c.State, c.Data)
	case wire.CmdPresence:
		err = s.Watch(ctx, c.Channel)
	case wire.CmdLeave:
		s.Leave(c.Channel)
	case wire.CmdPace:
		err = s.SetPace(c.Channel, c.Turn, pace(c.Pace))
	case wire.CmdAck: // taken, and used by pacing
	case wire.CmdRenew:
		var who gateway.Identity
		if who, err = t.auth(ctx, c.Token); err == nil {
			err = s.Renew(who)
		}
	default:
		err = ask(ctx, s.Caller(), c, trace, f)
	}
	if err != nil {
		f = t.failure(c.ID, err, "type", c.Type, "channel", c.Channel, "session", s.ID())
	}
	return f
}

// ask carries out a command that needs no connection, and puts what there is to
// say into f.
func ask(ctx context.Context, by gateway.Caller, c *wire.Command, trace string, f *wire.Frame) (err error) {
	var asked gateway.Asked
	switch c.Type {
	case wire.CmdPing:
		f.Type = wire.FramePong
	case wire.CmdPrompt, wire.CmdEdit:
		p := *c.Prompt
		p.User, p.Supersedes = "", "" // the token's, and edit's, to say
		if c.Type == wire.CmdEdit {
			p.Supersedes = c.Turn
		}
		asked, err = by.Prompt(ctx, c.Channel, p, trace)
		f.Turn = asked.Turn
	case wire.CmdRegenerate:
		asked, err = by.Regenerate(ctx, c.Channel, c.Turn, c.Prompt.Message, trace)
		f.Turn = asked.Turn
	case wire.CmdCancel:
		f.Turn, err = by.Cancel(ctx, c.Channel, c.Turn, "", c.Message)
	case wire.CmdHistory:
		var past turns.Past
		past, err = by.History(ctx, c.Channel, c.Turn, c.Before, c.Limit)
		f.History = History(past)
	case wire.CmdPublish:
		f.Seq, err = by.Publish(ctx, c.Channel, gateway.Note{Name: c.Name, Data: c.Data})
	case wire.CmdSignal:
		err = by.Signal(ctx, c.Channel, gateway.Note{Name: c.Name, Data: c.Data})
	case wire.CmdPresence: // once: nothing comes after the answer
		var ms []gateway.Member
		ms, err = by.Members(ctx, c.Channel)
		f.Presence = &wire.Presence{Full: true, Here: Members(ms)}
	default:
		err = &wire.Error{Code: wire.CodeUnknownCommand, Message: "unknown command " + c.Type, Hint: "docs/protocol.md lists them"}
	}
	return err
}

func follow(ctx context.Context, s *gateway.Session, c *wire.Command) (*wire.History, error) {
	past, err := s.Follow(ctx, gateway.Follow{
		Channel: c.Channel, Turn: c.Turn, From: c.From, After: c.After, Turns: c.Turns, Limit: c.Limit, Pace: pace(c.Pace),
	})
	if err != nil || past == nil {
		return nil, err
	}
	return History(*past), nil
}

func pace(p *wire.Pace) gateway.Pace {
	if p == nil {
		return gateway.Pace{}
	}
	return gateway.Pace{Mode: p.Mode, Rate: p.Rate}
}

// History puts a page into frames, the newest turns first as far as they fit.
func History(past turns.Past) *wire.History {
	h := &wire.History{After: past.After, More: past.More, Leaf: past.Leaf, Turns: make([]wire.HistoryTurn, 0, len(past.Turns))}
	size := 0
	first := len(past.Turns)
	for first > 0 && (size < maxHistory || first == len(past.Turns)) {
		first--
		size += weight(past.Turns[first])
	}
	if first > 0 {
		h.More = past.Turns[first].Place
	}
	for _, t := range past.Turns[first:] {
		h.Turns = append(h.Turns, HistoryTurn(t))
	}
	return h
}

func weight(t turns.PastTurn) int {
	n := 256
	for _, p := range t.Answer.Parts {
		n += len(p.Data)
	}
	if p := t.Answer.Prompt; p != nil {
		n += len(p.Text)
		for _, c := range p.Content {
			n += len(c.Text) + len(c.URL)
		}
	}
	return n
}

// HistoryTurn puts one turn into a frame.
func HistoryTurn(t turns.PastTurn) wire.HistoryTurn {
	a := t.Answer
	out := wire.HistoryTurn{
		Turn: t.Name, At: a.At, Timeline: t.Place, State: a.State, Prompt: a.Prompt, Usage: a.Usage, Outcome: outcome(a.Outcome),
	}
	if len(t.Branches) > 1 {
		out.Branches = t.Branches
	}
	for _, p := range a.Parts {
		out.Parts = append(out.Parts, historyPart(p))
	}
	return out
}

// outcome is p if it is JSON; a foreign producer may write anything.
func outcome(p json.RawMessage) json.RawMessage {
	if len(p) == 0 || json.Valid(p) {
		return p
	}
	q, _ := json.Marshal(string(p)) // a string always encodes
	return q
}

func historyPart(p turn.Part) wire.HistoryPart {
	out := wire.HistoryPart{Kind: p.Kind, Part: p.ID, Media: p.Media, Name: p.Name}
	switch {
	case (p.Kind.Textual() || p.Kind == turn.KindToolError) && utf8.Valid(p.Data):
		out.Text = string(p.Data)
	case p.Media == "" && json.Valid(p.Data):
		out.JSON = p.Data
	default:
		out.Bytes = p.Data
	}
	return out
}
