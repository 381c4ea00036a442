package openai

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/karez/karez/internal/answer"
	"github.com/karez/karez/turn"
)

// stride is how many numbers each place of the log has. No event but the last
// comes to more: a tool's result that nobody asked for closes a text (3),
// makes up the call (3) and is told (2).
const stride = 8

// A response makes the events of a response of a turn's events. The number of
// each is the event's place in the log times stride, and a count: it does not
// depend on how the log was merged, compacted, or read. It holds the text of
// the answer, which the protocol repeats at the end of each part.
type response struct {
	id, name   string
	background bool
	model      string
	parent     string
	channel    string
	label      string // the channel as clients name it

	out     []event
	at      int // number of the next one
	created int64
	status  string
	running bool // in_progress was told
	wrong   *answer.Problem
	why     string // incomplete_details.reason
	usage   *turn.Usage
	over    bool
	shown   answer.Shown
	items   []*output
	open    *output            // the text or reasoning that goes on
	calls   map[string]*output // by part
}

// An output is an item of the response's output.
type output struct {
	id    string
	kind  turn.Kind // KindText, KindReasoning, KindTool, KindToolDone
	part  string
	index int
	name  string
	text  strings.Builder
	notes []any
	done  bool
}

// Statuses.
const (
	queued     = "queued"
	inProgress = "in_progress"
	completed  = "completed"
	incomplete = "incomplete"
)

func newResponse(id, channel, label, name, model string) *response {
	return &response{
		id: id, channel: channel, label: label, name: name, model: model, background: strings.HasPrefix(id, prefixBackground),
		status: inProgress, calls: make(map[string]*output),
	}
}

// add returns the events that the next one of the log comes to, valid until the
// next call.
func (m *response) add(ev *turn.Event) []event {
	m.out = m.out[:0]
	if m.over {
		return nil
	}
	m.at = int(ev.Seq-1) * stride
	m.begin(ev)
	switch ev.Kind {
	case turn.KindPrompt:
	case turn.KindEpoch:
		m.epoch(ev)
	case turn.KindText, turn.KindReasoning:
		m.shown.Add(ev, 0, true)
		m.flow(ev)
	case turn.KindTool, turn.KindToolInput, turn.KindToolDone, turn.KindToolError:
		m.shown.Add(ev, 0, true)
		m.tool(ev)
	case turn.KindAudio:
		m.shown.Add(ev, 0, true)
		m.put("response.audio.delta", object{"delta": base64.StdEncoding.EncodeToString(ev.Data)})
	case turn.KindSource:
		m.shown.Add(ev, 0, false)
		m.source(ev)
	case turn.KindUsage:
		u := new(turn.Usage)
		if json.Unmarshal(ev.Data, u) == nil {
			m.usage = u
		}
	case turn.KindEnd, turn.KindCancelled, turn.KindError:
		m.end(ev)
	default:
		m.shown.Add(ev, 0, false) // files, steps, the application's own: no event for it
	}
	return m.out
}

func (m *response) put(name string, body object) {
	m.out = append(m.out, event{name: name, number: m.at, body: body})
	m.at++
}

// begin tells of the response as far as that has not been done.
func (m *response) begin(ev *turn.Event) {
	if m.created == 0 {
		m.created = 1
		if ms, err := strconv.ParseInt(ev.Attrs[turn.AttrTime], 10, 64); err == nil && ms > 1000 {
			m.created = ms / 1000
		}
		if ev.Kind == turn.KindPrompt {
			var p turn.Prompt
			if json.Unmarshal(ev.Data, &p) == nil {
				m.parent = p.Parent
				if p.Model != "" {
					m.model = p.Model
				}
			}
		}
		if m.background {
			m.status = queued
		}
		m.put("response.created", object{"response": m.object()})
		if m.background {
			m.put("response.queued", object{"response": m.object()})
		}
	}
	if !m.running && (!m.background || ev.Kind != turn.KindPrompt) {
		m.running, m.status = true, inProgress
		m.put("response.in_progress", object{"response": m.object()})
	}
}

// flow gives a piece of text or reasoning. One part is open at a time.
func (m *response) flow(ev *turn.Event) {
	o := m.open
	if o == nil || o.kind != ev.Kind || o.part != ev.Part {
		m.closeOpen()
		o = m.add1(ev.Kind, ev.Part, "", ev.Seq)
		m.open = o
		m.put("response.content_part.added", object{"item_id": o.id, "output_index": o.index, "content_index": 0, "part": o.content(false)})
	}
	o.text.WriteString(text(ev.Data))
	name := "response." + o.textType() + ".delta"
	body := object{"item_id": o.id, "output_index": o.index, "content_index": 0}
	if o.textType() == "output_text" {
		body["logprobs"] = []any{}
	}
	m.out = append(m.out, event{name: name, number: m.at, body: body, key: o.id, text: text(ev.Data)})
	m.at++
}

// add1 opens an item of the output.
func (m *response) add1(k turn.Kind, part, name string, seq turn.Seq) *output {
	o := &output{kind: k, part: part, name: name, index: len(m.items)}
	o.id = map[turn.Kind]string{turn.KindText: "msg_", turn.KindReasoning: "rs_", turn.KindTool: "fc_", turn.KindToolDone: "fco_"}[k] +
		m.name + "_" + strconv.FormatUint(uint64(seq), 10)
	if k == turn.KindTool {
		m.calls[part] = o
	}
	m.items = append(m.items, o)
	m.put("response.output_item.added", object{"output_index": o.index, "item": o.object()})
	return o
}

// closeOpen ends the text or reasoning that was open.
func (m *response) closeOpen() {
	o := m.open
	if o == nil {
		return
	}
	m.open, o.done = nil, true
	at := object{"item_id": o.id, "output_index": o.index, "content_index": 0}
	done := object{"item_id": o.id, "output_index": o.index, "content_index": 0}
	switch o.textType() {
	case "refusal":
		done["refusal"] = o.text.String()
	case "output_text":
		done["text"], done["logprobs"] = o.text.String(), []any{}
	default:
		done["text"] = o.text.String()
	}
	at["part"] = o.content(true)
	m.put("response."+o.textType()+".done", done)
	m.put("response.content_part.done", at)
	m.put("response.output_item.done", object{"output_index": o.index, "item": o.object()})
}

func (m *response) tool(ev *turn.Event) {
	m.closeOpen()
	o := m.calls[ev.Part]
	if o == nil {
		o = m.add1(turn.KindTool, ev.Part, ev.Name, ev.Seq)
		if ev.Kind == turn.KindToolDone || ev.Kind == turn.KindToolError {
			o.text.WriteString("{}")
		}
	}
	switch {
	case o.done && (ev.Kind == turn.KindTool || ev.Kind == turn.KindToolInput): // it was complete
	case ev.Kind == turn.KindTool:
		s := text(ev.Data)
		o.text.WriteString(s)
		m.out = append(m.out, event{name: "response.function_call_arguments.delta", number: m.at, body: object{"item_id": o.id, "output_index": o.index}, key: o.id, text: s})
		m.at++
	case ev.Kind == turn.KindToolInput:
		o.text.Reset()
		o.text.WriteString(text(ev.Data))
		m.closeCall(o)
	default:
		if ev.Attrs["preliminary"] == "true" {
			return
		}
		m.closeCall(o)
		r := m.add1(turn.KindToolDone, ev.Part, "", ev.Seq)
		r.text.WriteString(text(ev.Data))
		r.done = true
		m.put("response.output_item.done", object{"output_index": r.index, "item": r.object()})
	}
}

func (m *response) closeCall(o *output) {
	if o.done {
		return
	}
	o.done = true
	m.put("response.function_call_arguments.done", object{"item_id": o.id, "output_index": o.index, "name": o.name, "arguments": o.text.String()})
	m.put("response.output_item.done", object{"output_index": o.index, "item": o.object()})
}

// source notes where something was found at the text that is open.
func (m *response) source(ev *turn.Event) {
	s, ok := sourceOf(ev)
	if o := m.open; ok && o != nil && o.textType() == "output_text" {
		note := s.citation()
		note["type"] = "url_citation"
		o.notes = append(o.notes, note)
		m.put("response.output_text.annotation.added", object{"item_id": o.id, "output_index": o.index, "content_index": 0, "annotation_index": len(o.notes) - 1, "annotation": note})
	}
}

// epoch takes back what this protocol cannot.
func (m *response) epoch(ev *turn.Event) {
	var e turn.EpochStart
	if json.Unmarshal(ev.Data, &e) != nil || e.All {
		return
	}
	if _, lost := m.shown.Cut(e.Parts, 0); lost {
		m.over = true
		m.fail(takenBack)
	}
}

// fail tells of what is wrong with the stream, not with the response.
func (m *response) fail(p *answer.Problem) {
	m.put("error", object{"code": p.Code, "message": p.Error(), "param": nil})
}

// end closes the response.
func (m *response) end(ev *turn.Event) {
	m.over = true
	m.closeOpen()
	for _, o := range m.items {
		if o.kind == turn.KindTool {
			m.closeCall(o)
		}
	}
	m.outcome(ev)
	name := m.status
	if name == "cancelled" {
		name = incomplete // there is no event of that name
	}
	m.put("response."+name, object{"response": m.object()})
}
