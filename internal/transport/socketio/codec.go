package socketio

import (
	"encoding/json"
	"unicode/utf8"

	"github.com/karez/karez/channel"
	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/internal/turns"
	"github.com/karez/karez/turn"
	"github.com/karez/karez/wire"
)

// Names of the events that clients get. docs/socketio.md is their reference.
const (
	evAccepted  = "turn.accepted"
	evEnded     = "turn.ended"
	evCustom    = "channel.event"
	evPrompt    = "turn.prompt"
	evStarted   = "turn.started"
	evReset     = "turn.reset"
	evDelta     = "turn.delta"
	evReasoning = "turn.reasoning"
	evTool      = "turn.tool"
	evAudio     = "turn.audio"
	evFile      = "turn.file"
	evSource    = "turn.source"
	evData      = "turn.data"
	evStep      = "turn.step"
	evUsage     = "turn.usage"
	evSuspended = "turn.suspended"
	evResumed   = "turn.resumed"
	evDone      = "turn.done"
	evCancelled = "turn.cancelled"
	evFailed    = "turn.failed"
	evOther     = "turn.event"

	evFollowing  = "following"
	evUnfollowed = "unfollowed"
	evLost       = "lost"
	evSignal     = "signal"
	evPresence   = "presence"
	evRenew      = "renew"
	evBye        = "bye"
)

var names = map[turn.Kind]string{
	turn.KindPrompt: evPrompt, turn.KindEpoch: evStarted, turn.KindText: evDelta, turn.KindReasoning: evReasoning,
	turn.KindTool: evTool, turn.KindToolInput: evTool, turn.KindToolDone: evTool, turn.KindToolError: evTool,
	turn.KindAudio: evAudio, turn.KindFile: evFile, turn.KindSource: evSource, turn.KindData: evData, turn.KindStep: evStep,
	turn.KindUsage: evUsage, turn.KindSuspended: evSuspended, turn.KindResumed: evResumed,
	turn.KindEnd: evDone, turn.KindCancelled: evCancelled, turn.KindError: evFailed,
}

// nameOf returns the name under which an event of a turn travels.
func nameOf(ev *turn.Event) string {
	if ev.Kind == turn.KindEpoch {
		var e turn.EpochStart
		if json.Unmarshal(ev.Data, &e) == nil && !e.All {
			return evReset
		}
	}
	if n, ok := names[ev.Kind]; ok {
		return n
	}
	return evOther
}

// A turnBody is the first argument of an event of a turn.
type turnBody struct {
	Turn    string            `json:"turn"`
	Channel string            `json:"channel"`
	Seq     turn.Seq          `json:"seq"`
	Kind    turn.Kind         `json:"kind,omitempty"` // where the event's name does not say it
	Part    string            `json:"part,omitempty"`
	Name    string            `json:"name,omitempty"`
	Media   string            `json:"media_type,omitempty"`
	Text    *string           `json:"text,omitempty"`
	Data    json.RawMessage   `json:"data,omitempty"`
	Prompt  json.RawMessage   `json:"prompt,omitempty"`
	Attrs   map[string]string `json:"attrs,omitempty"`
}

// body makes the first argument of a turn's event. Bytes (audio, a file) stay
// out of it: attach them.
func body(id turn.ID, ev *turn.Event) turnBody {
	b := turnBody{Turn: id.Name, Channel: id.Channel, Seq: ev.Seq, Part: ev.Part, Name: ev.Name, Media: ev.Media, Attrs: ev.Attrs}
	switch name := nameOf(ev); name {
	case evTool, evOther:
		b.Kind = ev.Kind
	}
	switch {
	case binary(ev) || len(ev.Data) == 0 && !ev.Kind.Textual():
	case ev.Kind == turn.KindPrompt && json.Valid(ev.Data):
		b.Prompt = ev.Data
	case ev.Kind.Textual() || ev.Kind == turn.KindToolError || !json.Valid(ev.Data):
		s := string(ev.Data) // bytes that are no UTF-8 become U+FFFD in JSON
		b.Text = &s
	default:
		b.Data = ev.Data
	}
	return b
}

// binary reports whether an event's data travels as an attachment.
func binary(ev *turn.Event) bool {
	if len(ev.Data) == 0 {
		return false
	}
	if ev.Kind == turn.KindAudio || ev.Kind == turn.KindFile && ev.Media != "" {
		return true
	}
	return !ev.Kind.Textual() && !json.Valid(ev.Data) && !utf8.Valid(ev.Data)
}

// empty reports whether there is nothing to show of ev: the bytes of a cut
// character went to the next event.
func empty(ev *turn.Event) bool {
	return ev.Kind.Mergeable() && len(ev.Data) == 0 && ev.Name == "" && len(ev.Attrs) == 0
}

// encode is body as JSON, for the readers of a batch to share.
func encode(id turn.ID, ev *turn.Event) json.RawMessage { return mustJSON(body(id, ev)) }

// mustJSON encodes what always can be.
func mustJSON(v any) json.RawMessage {
	p, err := json.Marshal(v)
	if err != nil {
		panic("socketio: " + err.Error()) // a payload was checked with json.Valid
	}
	return p
}

// A timelineBody is the first argument of an event of a channel.
type timelineBody struct {
	Channel    string          `json:"channel"`
	Seq        turn.Seq        `json:"seq"`
	Turn       string          `json:"turn,omitempty"` // turn.accepted and turn.ended
	Message    string          `json:"message,omitempty"`
	User       string          `json:"user,omitempty"`
	Parent     string          `json:"parent,omitempty"`
	Supersedes string          `json:"supersedes,omitempty"`
	State      string          `json:"state,omitempty"` // turn.ended
	Name       string          `json:"name,omitempty"`  // channel.event
	From       string          `json:"from,omitempty"`
	Data       json.RawMessage `json:"data,omitempty"`
}

// timelineName returns the name under which an event of a timeline travels.
func timelineName(ev *turn.Event) string {
	switch ev.Kind {
	case channel.KindTurn:
		return evAccepted
	case channel.KindTurnEnd:
		return evEnded
	}
	return evCustom
}

// encodeTimeline is encode for a timeline.
func encodeTimeline(id turn.ID, ev *turn.Event) json.RawMessage {
	b := timelineBody{Channel: id.Channel, Seq: ev.Seq}
	switch ev.Kind {
	case channel.KindTurn:
		var t channel.Begun
		if json.Unmarshal(ev.Data, &t) == nil { // else a foreign writer's
			b.Turn, b.Message, b.User, b.Parent, b.Supersedes = t.Turn, t.Message, t.User, t.Parent, t.Supersedes
		}
	case channel.KindTurnEnd:
		var e channel.Ended
		if json.Unmarshal(ev.Data, &e) == nil {
			b.Turn, b.State = e.Turn, e.State
		}
	default:
		b.Name, b.From = ev.Name, ev.Attrs[channel.AttrFrom]
		if json.Valid(ev.Data) {
			b.Data = ev.Data
		} else if len(ev.Data) > 0 {
			b.Data = mustJSON(string(ev.Data))
		}
	}
	return mustJSON(b)
}

// concerns returns the turn whose beginning or end a timeline's event tells, or
// "".
func concerns(ev *turn.Event) string {
	var b channel.Begun // an Ended names its turn likewise
	if ev.Kind != channel.KindTurn && ev.Kind != channel.KindTurnEnd || json.Unmarshal(ev.Data, &b) != nil || turn.CheckName(b.Turn) != nil {
		return ""
	}
	return b.Turn
}

// maxHistory bounds a page of history, in bytes of answers and prompts; what
// does not fit is asked for with before.
const maxHistory = 512 << 10

// page puts a page of history into an answer, the newest turns as far as they
// fit.
func page(past *turns.Past) *wire.History {
	h := &wire.History{After: past.After, More: past.More, Leaf: past.Leaf, Turns: []wire.HistoryTurn{}}
	first, size := len(past.Turns), 0
	for first > 0 && (size < maxHistory || first == len(past.Turns)) {
		first--
		size += weight(&past.Turns[first])
	}
	if first > 0 {
		h.More = past.Turns[first].Place
	}
	for _, t := range past.Turns[first:] {
		h.Turns = append(h.Turns, pageTurn(t))
	}
	return h
}

func weight(t *turns.PastTurn) int {
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

func pageTurn(t turns.PastTurn) wire.HistoryTurn {
	a := t.Answer
	out := wire.HistoryTurn{Turn: t.Name, At: a.At, Timeline: t.Place, State: a.State, Prompt: a.Prompt, Usage: a.Usage, Outcome: a.Outcome}
	if !json.Valid(a.Outcome) {
		out.Outcome = nil
	}
	if len(t.Branches) > 1 {
		out.Branches = t.Branches
	}
	for _, p := range a.Parts {
		h := wire.HistoryPart{Kind: p.Kind, Part: p.ID, Media: p.Media, Name: p.Name}
		switch {
		case (p.Kind.Textual() || p.Kind == turn.KindToolError) && utf8.Valid(p.Data):
			h.Text = string(p.Data)
		case p.Media == "" && json.Valid(p.Data):
			h.JSON = p.Data
		default:
			h.Bytes = p.Data
		}
		out.Parts = append(out.Parts, h)
	}
	return out
}

// A signalBody is the first argument of a signal.
type signalBody struct {
	Channel string          `json:"channel,omitempty"`
	Name    string          `json:"name"`
	Data    json.RawMessage `json:"data,omitempty"`
	From    string          `json:"from,omitempty"`
}

func encodeSignal(s gateway.Signal) signalBody {
	b := signalBody{Channel: s.Channel, Name: s.Name, From: s.From}
	if json.Valid(s.Data) {
		b.Data = s.Data
	}
	return b
}

// A rosterBody is the first argument of presence.
type rosterBody struct {
	Channel string           `json:"channel"`
	Full    bool             `json:"full,omitempty"` // here is everybody
	Here    []gateway.Member `json:"here,omitempty"`
	Joined  []gateway.Member `json:"joined,omitempty"`
	Left    []gateway.Member `json:"left,omitempty"`
	Changed []gateway.Member `json:"changed,omitempty"`
}

func encodeRoster(r *gateway.Roster) rosterBody {
	return rosterBody{Channel: r.Channel, Full: r.Full, Here: r.Here, Joined: r.Joined, Left: r.Left, Changed: r.Changed}
}
