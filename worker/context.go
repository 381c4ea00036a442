package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/channel"
	"github.com/karez/karez/turn"
)

// attachment is what a picture or a file counts for, in tokens; providers
// count them in ways of their own.
const attachment = 800

// request sets what the provider is asked: the prompt with what is set for it,
// and as much of the conversation before it as the channel's window allows.
func (r *run) request(ctx context.Context) error {
	p := r.answer.Prompt
	if p == nil {
		return &failed{turn.Failure{Code: turn.CodeInternal, Message: "the turn has no prompt"}}
	}
	var set channel.Settings
	var past []turn.Answer
	err := broker.Retry(ctx, func(ctx context.Context) (err error) {
		if set, err = r.w.turns.Settings(ctx, r.id.App, r.id.Channel); err != nil {
			return err
		}
		past, err = r.w.turns.Path(ctx, r.id.App, r.id.Channel, p.Parent, (window(set)+1)/2)
		return err
	})
	if err != nil {
		return fmt.Errorf("read the conversation before %s: %w", r.id, err)
	}
	r.req.User = p.User
	r.req.System = or(p.System, set.System)
	r.req.Model = or(p.Model, set.Model)
	r.req.Params = params(set.Params, p.Params)
	r.req.Messages = said(history(past, window(set), or(set.HistoryTokens, channel.DefaultHistoryTokens)), p)
	return nil
}

// window is how many earlier messages the model sees at most.
func window(s channel.Settings) int {
	return max(or(s.HistoryMessages, channel.DefaultHistoryMessages), 0)
}

// history returns the newest whole turns of past that fit the window.
func history(past []turn.Answer, messages, tokens int) []Message {
	from := len(past)
	count := 0
	for from > 0 {
		ms := spoken(past[from-1])
		count += len(ms)
		for i := range ms {
			tokens -= ms[i].tokens()
		}
		if count > messages || tokens < 0 {
			break
		}
		from--
	}
	out := make([]Message, 0, count+1)
	for _, a := range past[from:] {
		if a.Prompt != nil {
			out = said(out, a.Prompt)
		}
		out = append(out, replied(a)...)
	}
	return out
}

// said adds what a person said to a conversation. What a client did with tools
// belongs to the answer that called them; where that is not told, to the person.
func said(ms []Message, p *turn.Prompt) []Message {
	content := p.Content
	if n := len(ms); n > 0 && ms[n-1].Role == "assistant" {
		rs, rest := turn.Results(p.Content)
		var done []turn.Part
		for _, r := range rs {
			if part, ok := r.Part(); ok && calls(ms[n-1].Parts, r.Call) {
				done = append(done, part)
			} else {
				rest = append(rest, r.Content())
			}
		}
		if len(done) > 0 {
			ms[n-1].Parts = append(slices.Clip(ms[n-1].Parts), done...)
			content = rest
			if p.Text == "" && len(rest) == 0 {
				return ms
			}
		}
	}
	return append(ms, Message{Role: "user", Text: p.Text, Content: content})
}

func calls(parts []turn.Part, id string) bool {
	return slices.ContainsFunc(parts, func(p turn.Part) bool {
		return (p.Kind == turn.KindTool || p.Kind == turn.KindToolInput) && p.ID == id
	})
}

// spoken is a turn as messages. Of an answer that was not finished only the
// text is told, if there is any: its tool calls may have no results.
func spoken(a turn.Answer) []Message {
	var out []Message
	if p := a.Prompt; p != nil {
		out = append(out, Message{Role: "user", Text: p.Text, Content: p.Content})
	}
	return append(out, replied(a)...)
}

// replied is the answer of a turn, as spoken has it.
func replied(a turn.Answer) (out []Message) {
	parts := a.Parts
	if a.State != turn.Completed {
		parts = nil
		for _, p := range a.Parts {
			if p.Kind == turn.KindText {
				parts = append(parts, p)
			}
		}
	}
	if text := a.Text(); text != "" || a.State == turn.Completed && len(parts) > 0 {
		out = append(out, Message{Role: "assistant", Text: text, Parts: parts})
	}
	return out
}

// params lays over over base, key by key; what is no object counts as none.
func params(base, over json.RawMessage) json.RawMessage {
	if len(base) == 0 {
		return over
	}
	if len(over) == 0 {
		return base
	}
	var b, o map[string]json.RawMessage
	if json.Unmarshal(base, &b) != nil || b == nil {
		return over
	}
	if json.Unmarshal(over, &o) != nil {
		return base
	}
	maps.Copy(b, o)
	out, err := json.Marshal(b)
	if err != nil {
		return base
	}
	return out
}

// tokens estimates what a request costs.
func (q *Request) tokens() int {
	n := words(q.System)
	for i := range q.Messages {
		n += q.Messages[i].tokens()
	}
	return n
}

func (m *Message) tokens() int {
	n := 4 + words(m.Text)
	for _, c := range m.Content {
		if c.URL != "" {
			n += attachment
		}
		n += words(c.Text)
	}
	if len(m.Parts) > 0 {
		n = 4 + estimate(m.Parts)
	}
	return n
}

// estimate counts the tokens of an answer's parts.
func estimate(parts []turn.Part) int {
	n := 0
	for _, p := range parts {
		switch p.Kind {
		case turn.KindAudio, turn.KindFile:
			n += attachment
		case turn.KindStep, turn.KindSuspended, turn.KindResumed:
		default:
			n += words(string(p.Data))
		}
	}
	return n
}

// words estimates tokens as a quarter of the characters, rounded up.
func words(s string) int { return (utf8.RuneCountInString(s) + 3) / 4 }
