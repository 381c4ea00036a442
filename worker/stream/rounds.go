package stream

import (
	"bytes"
	"encoding/json"

	"github.com/karez/karez/turn"
	"github.com/karez/karez/worker"
)

// A Round is what a model said in one go: text, then the tools it called.
type Round struct {
	Text  string
	Calls []Call
}

// A Call is a tool call with its result.
type Call struct {
	ID, Name string
	Args     json.RawMessage // an object
	Output   string          // JSON or text
	Failed   bool
	Returned bool // there is a result
}

// Rounds folds an assistant's message into what model APIs take. Reasoning,
// audio, files and data are left out, and so is a call without a result, which
// they refuse.
func Rounds(m worker.Message) []Round {
	if len(m.Parts) == 0 {
		if m.Text == "" {
			return nil
		}
		return []Round{{Text: m.Text}}
	}
	calls := Calls(m.Parts)
	taken := map[string]bool{}
	var out []Round
	for _, p := range m.Parts {
		switch p.Kind {
		case turn.KindText:
			if len(p.Data) == 0 {
				continue
			}
			if len(out) == 0 || len(out[len(out)-1].Calls) > 0 {
				out = append(out, Round{})
			}
			out[len(out)-1].Text += string(p.Data)
		case turn.KindTool, turn.KindToolInput:
			c := calls[p.ID]
			if taken[p.ID] || !c.Returned {
				continue
			}
			taken[p.ID] = true
			if len(out) == 0 {
				out = append(out, Round{})
			}
			last := &out[len(out)-1]
			last.Calls = append(last.Calls, *c)
		}
	}
	return out
}

// Calls joins what the parts of an answer say of each tool call, by its id.
func Calls(parts []turn.Part) map[string]*Call {
	calls := map[string]*Call{}
	of := func(p turn.Part) *Call {
		c := calls[p.ID]
		if c == nil {
			c = &Call{ID: p.ID}
			calls[p.ID] = c
		}
		if c.Name == "" {
			c.Name = p.Name
		}
		return c
	}
	for _, p := range parts {
		switch p.Kind {
		case turn.KindTool:
			if c := of(p); c.Args == nil && json.Valid(p.Data) {
				c.Args = bytes.Clone(p.Data)
			}
		case turn.KindToolInput:
			of(p).Args = bytes.Clone(p.Data)
		case turn.KindToolDone, turn.KindToolError:
			c := of(p)
			c.Output, c.Failed, c.Returned = string(p.Data), p.Kind == turn.KindToolError, true
		}
	}
	for _, c := range calls {
		if a := bytes.TrimSpace(c.Args); len(a) == 0 || a[0] != '{' {
			c.Args = json.RawMessage("{}")
		}
		if c.Name == "" {
			c.Name = "tool"
		}
	}
	return calls
}
