package openai

import (
	"encoding/json"
	"strconv"

	"github.com/karez/karez/turn"
	"github.com/karez/karez/worker/stream"
)

// tools follows the tool calls of a chat stream, which come in pieces under an
// index.
type tools struct {
	w    *stream.Writer
	open []*toolCall
	made int
}

type toolCall struct {
	index    int
	id, name string
	args     []byte // all of it, up to turn.MaxData+1
}

// piece emits a piece of a call. A new id under a known index is a new call:
// some servers number all of theirs 0.
func (t *tools) piece(index int, id, name, args string) error {
	c := t.find(index)
	if c == nil || id != "" && id != c.id {
		if t.made++; t.made > stream.MaxParts {
			return stream.ErrParts
		}
		if id == "" {
			id = "call_" + strconv.Itoa(t.made)
		}
		c = &toolCall{index: index, id: id}
		t.open = append(t.open, c)
	}
	if c.name != "" {
		name = ""
	} else {
		c.name = name
	}
	if room := turn.MaxData + 1 - len(c.args); room > 0 {
		c.args = append(c.args, args[:min(room, len(args))]...)
	}
	return t.w.Tool(c.id, name, args)
}

func (t *tools) find(index int) *toolCall {
	for i := len(t.open) - 1; i >= 0; i-- {
		if t.open[i].index == index {
			return t.open[i]
		}
	}
	return nil
}

// finish says of each call that its arguments are complete. What is not JSON
// is left as the pieces that it came in.
func (t *tools) finish() error {
	for _, c := range t.open {
		if len(c.args) == 0 {
			c.args = []byte("{}")
		}
		if len(c.args) > turn.MaxData || !json.Valid(c.args) {
			continue
		}
		if err := t.w.ToolInput(c.id, c.name, c.args, true); err != nil {
			return err
		}
	}
	t.open = nil
	return nil
}
