package stream

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/karez/karez/turn"
)

// Limits of what one answer may make a reader hold.
const (
	MaxName  = 256           // of a part's id, a tool's or media type's name, in bytes; the rest is cut off
	MaxParts = turn.MaxParts // parts of one answer that a Decoder keeps account of; more end it
)

// ErrParts is returned when an answer has more than MaxParts parts.
var ErrParts = errors.New("an answer of too many parts")

// A Writer emits the events of one answer: text as valid UTF-8, everything
// within turn.MaxData. Text, reasoning, tool arguments and audio that are
// longer are split; what cannot be split is replaced by an event that says so.
// After emit has failed, every method returns its error.
type Writer struct {
	emit  func(turn.Event) error
	count int
	err   error

	last  turn.Kind            // the block that Say and Think would continue
	parts map[turn.Kind]string // the part they are in
	made  map[turn.Kind]int    // how many parts they have opened
}

// NewWriter returns a Writer over emit.
func NewWriter(emit func(turn.Event) error) *Writer {
	return &Writer{emit: emit, parts: map[turn.Kind]string{}, made: map[turn.Kind]int{}}
}

// Resume lets Say go on in the text part of that name.
func (w *Writer) Resume(part string) {
	n, _ := strconv.Atoi(part) // the main part has no number
	w.last, w.parts[turn.KindText], w.made[turn.KindText] = turn.KindText, part, max(n, 1)
}

// Count returns how many events were emitted.
func (w *Writer) Count() int { return w.count }

func (w *Writer) put(ev turn.Event) error {
	if w.err != nil {
		return w.err
	}
	ev.Part, ev.Name, ev.Media = clipName(ev.Part), clipName(ev.Name), clipName(ev.Media)
	w.count++
	w.err = w.emit(ev)
	return w.err
}

// Say emits text. It goes on in the part it was in unless another block, such
// as a tool call, came between: the order of blocks is kept in the log.
func (w *Writer) Say(s string) error { return w.flow(turn.KindText, s) }

// Think emits reasoning, in parts as Say.
func (w *Writer) Think(s string) error { return w.flow(turn.KindReasoning, s) }

func (w *Writer) flow(k turn.Kind, s string) error {
	if s == "" {
		return w.err
	}
	if w.last != k || w.made[k] == 0 {
		w.parts[k] = w.Open(k)
	}
	w.last = k
	return w.pieces(turn.Event{Kind: k, Part: w.parts[k]}, s)
}

// Open returns the name of a part of that kind which is not in use yet, for
// Text and Reasoning: the main one first.
func (w *Writer) Open(k turn.Kind) string {
	w.made[k]++
	if n := w.made[k]; n > 1 {
		return strconv.Itoa(n)
	}
	return ""
}

// Text emits text of a part that the format names, or that Open made.
func (w *Writer) Text(part, s string) error {
	return w.named(turn.Event{Kind: turn.KindText, Part: part}, s)
}

// Reasoning emits reasoning of a part that the format names.
func (w *Writer) Reasoning(part, s string) error {
	return w.named(turn.Event{Kind: turn.KindReasoning, Part: part}, s)
}

func (w *Writer) named(ev turn.Event, s string) error {
	if s == "" {
		return w.err
	}
	w.last = ""
	return w.pieces(ev, s)
}

// Tool emits a piece of a tool call's arguments; name goes with the first one,
// which may be empty.
func (w *Writer) Tool(id, name, args string) error {
	if name == "" && args == "" {
		return w.err
	}
	w.last = turn.KindTool
	return w.pieces(turn.Event{Kind: turn.KindTool, Part: id, Name: name}, args)
}

// ToolInput emits the complete arguments of a tool call. Larger ones than
// turn.MaxData are left to the pieces, if there were any.
func (w *Writer) ToolInput(id, name string, input json.RawMessage, streamed bool) error {
	w.last = turn.KindTool
	if len(input) > turn.MaxData {
		if streamed {
			return w.err
		}
		return w.Tool(id, name, string(input))
	}
	return w.json(turn.Event{Kind: turn.KindToolInput, Part: id, Name: name}, input)
}

// ToolOutput emits what a tool returned.
func (w *Writer) ToolOutput(id, name string, output json.RawMessage, attrs map[string]string) error {
	w.last = turn.KindTool
	if len(output) > turn.MaxData {
		return w.ToolError(id, name, fmt.Sprintf("the output of %d bytes is larger than %d and was left out", len(output), turn.MaxData))
	}
	return w.json(turn.Event{Kind: turn.KindToolDone, Part: id, Name: name, Attrs: attrs}, output)
}

// ToolError emits why a tool failed.
func (w *Writer) ToolError(id, name, text string) error {
	w.last = turn.KindTool
	return w.put(turn.Event{Kind: turn.KindToolError, Part: id, Name: name, Data: []byte(Clip(strings.ToValidUTF8(text, "\uFFFD"), turn.MaxData))})
}

// Audio emits sound.
func (w *Writer) Audio(media string, p []byte) error {
	for len(p) > 0 && w.err == nil {
		n := min(len(p), turn.MaxData)
		w.put(turn.Event{Kind: turn.KindAudio, Media: media, Data: bytes.Clone(p[:n])})
		p = p[n:]
	}
	return w.err
}

// File emits a file by its URL, or its bytes when that is a data URL.
func (w *Writer) File(part, url, media, name string) error {
	w.last = turn.KindFile
	if m, p, ok := DataURL(url); ok {
		if media == "" {
			media = m
		}
		return w.FileBytes(part, media, name, p)
	}
	p, err := json.Marshal(struct {
		URL   string `json:"url"`
		Media string `json:"media_type,omitempty"`
		Name  string `json:"name,omitempty"`
	}{url, media, name})
	if err != nil {
		return err
	}
	return w.json(turn.Event{Kind: turn.KindFile, Part: part}, p)
}

// FileBytes emits a file.
func (w *Writer) FileBytes(part, media, name string, p []byte) error {
	w.last = turn.KindFile
	if media == "" {
		media = "application/octet-stream"
	}
	ev := turn.Event{Kind: turn.KindFile, Part: part, Media: media, Name: name, Data: p}
	if len(p) > turn.MaxData {
		return w.omitted(ev)
	}
	return w.put(ev)
}

// Source emits where something was found: a JSON object.
func (w *Writer) Source(raw json.RawMessage) error {
	return w.json(turn.Event{Kind: turn.KindSource}, raw)
}

// Data emits application data under its name.
func (w *Writer) Data(name, part string, raw json.RawMessage, attrs map[string]string) error {
	w.last = turn.KindData
	return w.json(turn.Event{Kind: turn.KindData, Name: name, Part: part, Attrs: attrs}, raw)
}

// Step emits where one call of the model inside the turn starts or finishes.
func (w *Writer) Step(what string) error {
	w.last = turn.KindStep
	return w.put(turn.Event{Kind: turn.KindStep, Data: []byte(`{"step":"` + what + `"}`)})
}

// Usage emits the tokens counted so far.
func (w *Writer) Usage(u turn.Usage) error {
	p, err := json.Marshal(u)
	if err != nil {
		return err
	}
	return w.put(turn.Event{Kind: turn.KindUsage, Data: p})
}

func (w *Writer) json(ev turn.Event, raw json.RawMessage) error {
	if len(raw) == 0 {
		raw = json.RawMessage("null")
	}
	ev.Data = raw
	if !utf8.Valid(raw) {
		ev.Data = bytes.ToValidUTF8(raw, []byte("\uFFFD")) // may be longer
	}
	if len(ev.Data) > turn.MaxData {
		return w.omitted(ev)
	}
	return w.put(ev)
}

// omitted says that an event was larger than a log takes.
func (w *Writer) omitted(ev turn.Event) error {
	p, _ := json.Marshal(map[string]any{"omitted": "too large", "kind": ev.Kind, "media_type": ev.Media, "bytes": len(ev.Data), "limit": turn.MaxData})
	name := ev.Name
	if name == "" {
		name = string(ev.Kind)
	}
	return w.put(turn.Event{Kind: turn.KindData, Part: ev.Part, Name: name, Data: p})
}

// pieces emits text, split at character borders.
func (w *Writer) pieces(ev turn.Event, s string) error {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	for {
		head := Clip(s, turn.MaxData)
		ev.Data = []byte(head)
		if w.put(ev); w.err != nil || len(head) == len(s) {
			return w.err
		}
		s, ev.Name = s[len(head):], ""
	}
}

// Clip cuts valid UTF-8 to at most n bytes of whole characters.
func Clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

func clipName(s string) string {
	if len(s) <= MaxName && utf8.ValidString(s) {
		return s
	}
	return Clip(strings.ToValidUTF8(s, "\uFFFD"), MaxName)
}
