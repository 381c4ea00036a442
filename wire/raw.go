package wire

import (
	"encoding/json"
	"unicode/utf8"

	"github.com/karez/karez/turn"
)

// jsonValue reports whether p may be embedded in a frame as JSON.
func jsonValue(p []byte) bool {
	return json.Valid(p) && utf8.Valid(p) && depth(p) <= maxFrameValue
}

// depth returns how deep the JSON text p is nested; 0 for a plain value. Of
// text that is not JSON it returns a bound on what a parser would meet.
func depth(p []byte) int {
	deepest, at := 0, 0
	for i := 0; i < len(p); i++ {
		switch p[i] {
		case '"':
			i = endOfString(p, i)
		case '{', '[':
			if at++; at > deepest {
				deepest = at
			}
		case '}', ']':
			at--
		}
	}
	return deepest
}

// endOfString returns the index of the quote that closes the string opening at
// p[i], or len(p).
func endOfString(p []byte, i int) int {
	for i++; i < len(p); i++ {
		switch p[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return len(p)
}

// members returns how many members the object or array has that valid JSON
// text p begins with.
func members(p []byte) int {
	n, at, empty := 0, 0, true
	for i := 0; i < len(p); i++ {
		switch p[i] {
		case ' ', '\t', '\n', '\r':
			continue
		case '{', '[':
			if at++; at == 1 {
				continue
			}
		case '}', ']':
			if at--; at == 0 {
				if !empty {
					n++
				}
				return n
			}
		case ',':
			if at == 1 {
				n++
			}
		case '"':
			i = endOfString(p, i)
		}
		empty = false
	}
	return n
}

// appendCompact appends valid JSON text without the white space between its
// values: a line break would end a line of an event stream.
func appendCompact(dst, p []byte) []byte {
	from := 0
	for i := 0; i < len(p); i++ {
		switch p[i] {
		case '"':
			i = endOfString(p, i)
		case ' ', '\t', '\n', '\r':
			dst = append(dst, p[from:i]...)
			from = i + 1
		}
	}
	return append(dst, p[from:]...)
}

// cleanRaw returns raw fit to be embedded.
func cleanRaw(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 {
		return nil
	}
	if !jsonValue(raw) {
		return appendString(nil, raw)
	}
	return appendCompact(make([]byte, 0, len(raw)), raw)
}

func cleanPrompt(p *turn.Prompt) *turn.Prompt {
	if p == nil || len(p.Params) == 0 {
		return p
	}
	q := *p
	q.Params = cleanRaw(p.Params)
	return &q
}

// cleanCommand returns c with all JSON in it fit to be embedded. It does not
// change c.
func cleanCommand(c *Command) *Command {
	if len(c.Data) == 0 && (c.Prompt == nil || len(c.Prompt.Params) == 0) {
		return c
	}
	d := *c
	d.Data = cleanRaw(c.Data)
	d.Prompt = cleanPrompt(c.Prompt)
	return &d
}

// cleanFrame is cleanCommand for frames.
func cleanFrame(f *Frame) *Frame {
	if len(f.Data) == 0 && f.History == nil && f.Presence == nil {
		return f
	}
	g := *f
	g.Data = cleanRaw(f.Data)
	if p := f.Presence; p != nil {
		g.Presence = &Presence{Full: p.Full, Here: cleanMembers(p.Here), Joined: cleanMembers(p.Joined), Left: cleanMembers(p.Left), Changed: cleanMembers(p.Changed)}
	}
	if f.History != nil {
		h := *f.History
		h.Turns = make([]HistoryTurn, len(f.History.Turns)) // never null, also when there are none
		for i, t := range f.History.Turns {
			t.Prompt = cleanPrompt(t.Prompt)
			t.Outcome = cleanRaw(t.Outcome)
			parts := t.Parts
			t.Parts = make([]HistoryPart, len(parts))
			for j, p := range parts {
				p.JSON = cleanRaw(p.JSON)
				t.Parts[j] = p
			}
			h.Turns[i] = t
		}
		g.History = &h
	}
	return &g
}

func cleanMembers(in []Member) []Member {
	out := make([]Member, len(in))
	for i, m := range in {
		m.Info = cleanRaw(m.Info)
		out[i] = m
	}
	return out
}
