package wire

import (
	"encoding/json"

	"github.com/karez/karez/turn"
)

// The fields of every message: number in karez.proto, key in JSON and
// MessagePack, place in the Go struct. Numbers are for ever. always marks the
// keys that JSON and MessagePack carry also when they are empty, as the struct
// tags say; a test compares the tables with the tags and with karez.proto.
var (
	commandFields = []field[Command]{
		uintField(1, "id", func(c *Command) *uint64 { return &c.ID }),
		textField(2, "type", func(c *Command) *string { return &c.Type }).always(),
		textField(3, "token", func(c *Command) *string { return &c.Token }),
		textField(4, "client", func(c *Command) *string { return &c.Client }),
		textField(5, "channel", func(c *Command) *string { return &c.Channel }),
		textField(6, "turn", func(c *Command) *string { return &c.Turn }),
		textField(7, "message", func(c *Command) *string { return &c.Message }),
		uintField(8, "after", func(c *Command) *turn.Seq { return &c.After }),
		textField(9, "from", func(c *Command) *string { return &c.From }),
		seqsField(10, "turns", MaxTurns, func(c *Command) *map[string]turn.Seq { return &c.Turns }),
		uintField(11, "n", func(c *Command) *uint32 { return &c.N }),
		oneField(12, "prompt", promptFields, func(c *Command) **turn.Prompt { return &c.Prompt }),
		textField(13, "name", func(c *Command) *string { return &c.Name }),
		jsonField(14, "data", func(c *Command) *json.RawMessage { return &c.Data }),
		oneField(15, "pace", paceFields, func(c *Command) **Pace { return &c.Pace }),
		uintField(16, "before", func(c *Command) *turn.Seq { return &c.Before }),
		intField(17, "limit", func(c *Command) *int { return &c.Limit }),
		textField(18, "state", func(c *Command) *string { return &c.State }),
	}

	paceFields = []field[Pace]{
		textField(1, "mode", func(p *Pace) *string { return &p.Mode }),
		intField(2, "rate", func(p *Pace) *int { return &p.Rate }),
	}

	promptFields = []field[turn.Prompt]{
		textField(1, "message", func(p *turn.Prompt) *string { return &p.Message }),
		textField(2, "user", func(p *turn.Prompt) *string { return &p.User }),
		textField(3, "text", func(p *turn.Prompt) *string { return &p.Text }),
		listField(4, "content", MaxContents, contentFields, func(p *turn.Prompt) *[]turn.Content { return &p.Content }),
		textField(5, "parent", func(p *turn.Prompt) *string { return &p.Parent }),
		textField(6, "supersedes", func(p *turn.Prompt) *string { return &p.Supersedes }),
		textField(7, "system", func(p *turn.Prompt) *string { return &p.System }),
		textField(8, "model", func(p *turn.Prompt) *string { return &p.Model }),
		jsonField(9, "params", func(p *turn.Prompt) *json.RawMessage { return &p.Params }),
	}

	contentFields = []field[turn.Content]{
		textField(1, "type", func(c *turn.Content) *string { return &c.Type }).always(),
		textField(2, "text", func(c *turn.Content) *string { return &c.Text }),
		textField(3, "url", func(c *turn.Content) *string { return &c.URL }),
		textField(4, "media_type", func(c *turn.Content) *string { return &c.Media }),
		textField(5, "name", func(c *turn.Content) *string { return &c.Name }),
	}

	// Fields 3 and 4 belong to events: see proto.go.
	frameFields = []field[Frame]{
		uintField(1, "n", func(f *Frame) *uint32 { return &f.N }),
		uintField(2, "seq", func(f *Frame) *turn.Seq { return &f.Seq }),
		textField(5, "type", func(f *Frame) *string { return &f.Type }).always(),
		uintField(6, "id", func(f *Frame) *uint64 { return &f.ID }),
		textField(7, "channel", func(f *Frame) *string { return &f.Channel }),
		textField(8, "turn", func(f *Frame) *string { return &f.Turn }),
		textField(9, "session", func(f *Frame) *string { return &f.Session }),
		textField(10, "user", func(f *Frame) *string { return &f.User }),
		textField(11, "from", func(f *Frame) *string { return &f.From }),
		textField(12, "name", func(f *Frame) *string { return &f.Name }),
		jsonField(13, "data", func(f *Frame) *json.RawMessage { return &f.Data }),
		intField(14, "ping", func(f *Frame) *int { return &f.Ping }),
		intField(15, "in", func(f *Frame) *int { return &f.In }),
		oneField(16, "limits", limitsFields, func(f *Frame) **Limits { return &f.Limits }),
		oneField(17, "history", historyFields, func(f *Frame) **History { return &f.History }),
		oneField(18, "error", errorFields, func(f *Frame) **Error { return &f.Error }),
		oneField(19, "presence", presenceFields, func(f *Frame) **Presence { return &f.Presence }),
	}

	presenceFields = []field[Presence]{
		flagField(1, "full", func(p *Presence) *bool { return &p.Full }),
		listField(2, "here", 0, memberFields, func(p *Presence) *[]Member { return &p.Here }),
		listField(3, "joined", 0, memberFields, func(p *Presence) *[]Member { return &p.Joined }),
		listField(4, "left", 0, memberFields, func(p *Presence) *[]Member { return &p.Left }),
		listField(5, "changed", 0, memberFields, func(p *Presence) *[]Member { return &p.Changed }),
	}

	memberFields = []field[Member]{
		textField(1, "id", func(m *Member) *string { return &m.ID }).always(),
		textField(2, "kind", func(m *Member) *string { return &m.Kind }),
		textField(3, "state", func(m *Member) *string { return &m.State }),
		jsonField(4, "info", func(m *Member) *json.RawMessage { return &m.Info }),
	}

	limitsFields = []field[Limits]{
		intField(1, "command", func(l *Limits) *int { return &l.Command }).always(),
		intField(2, "signal", func(l *Limits) *int { return &l.Signal }).always(),
		intField(3, "follows", func(l *Limits) *int { return &l.Follows }).always(),
	}

	errorFields = []field[Error]{
		textField(1, "code", func(e *Error) *string { return &e.Code }).always(),
		textField(2, "message", func(e *Error) *string { return &e.Message }).always(),
		textField(3, "hint", func(e *Error) *string { return &e.Hint }),
		intField(4, "retry_in", func(e *Error) *int { return &e.RetryIn }),
		textField(5, "turn", func(e *Error) *string { return &e.Turn }),
	}

	historyFields = []field[History]{
		uintField(1, "after", func(h *History) *turn.Seq { return &h.After }).always(),
		uintField(2, "more", func(h *History) *turn.Seq { return &h.More }),
		textField(3, "leaf", func(h *History) *string { return &h.Leaf }),
		listField(4, "turns", 0, historyTurnFields, func(h *History) *[]HistoryTurn { return &h.Turns }).always(),
	}

	historyTurnFields = []field[HistoryTurn]{
		textField(1, "turn", func(t *HistoryTurn) *string { return &t.Turn }).always(),
		uintField(2, "at", func(t *HistoryTurn) *turn.Seq { return &t.At }).always(),
		uintField(3, "timeline", func(t *HistoryTurn) *turn.Seq { return &t.Timeline }).always(),
		textField(4, "state", func(t *HistoryTurn) *turn.State { return &t.State }).always(),
		textsField(5, "branches", func(t *HistoryTurn) *[]string { return &t.Branches }),
		oneField(6, "prompt", promptFields, func(t *HistoryTurn) **turn.Prompt { return &t.Prompt }),
		listField(7, "parts", 0, historyPartFields, func(t *HistoryTurn) *[]HistoryPart { return &t.Parts }),
		oneField(8, "usage", usageFields, func(t *HistoryTurn) **turn.Usage { return &t.Usage }),
		jsonField(9, "outcome", func(t *HistoryTurn) *json.RawMessage { return &t.Outcome }),
	}

	historyPartFields = []field[HistoryPart]{
		textField(1, "kind", func(p *HistoryPart) *turn.Kind { return &p.Kind }).always(),
		textField(2, "part", func(p *HistoryPart) *string { return &p.Part }),
		textField(3, "media", func(p *HistoryPart) *string { return &p.Media }),
		textField(4, "name", func(p *HistoryPart) *string { return &p.Name }),
		textField(5, "text", func(p *HistoryPart) *string { return &p.Text }),
		jsonField(6, "json", func(p *HistoryPart) *json.RawMessage { return &p.JSON }),
		bytesField(7, "bytes", func(p *HistoryPart) *[]byte { return &p.Bytes }),
	}

	usageFields = []field[turn.Usage]{
		intField(1, "input_tokens", func(u *turn.Usage) *int64 { return &u.Input }).always(),
		intField(2, "output_tokens", func(u *turn.Usage) *int64 { return &u.Output }).always(),
		intField(3, "cached_tokens", func(u *turn.Usage) *int64 { return &u.Cached }),
		intField(4, "reasoning_tokens", func(u *turn.Usage) *int64 { return &u.Reasoning }),
		textField(5, "model", func(u *turn.Usage) *string { return &u.Model }),
		flagField(6, "estimated", func(u *turn.Usage) *bool { return &u.Estimated }),
	}
)
