package aisdk

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/karez/karez/internal/answer"
	"github.com/karez/karez/turn"
)

// A mapper makes chunks of a turn's events. Which chunks an event becomes
// depends on the events before it and on the version alone, never on how they
// were delivered: a reader's number of chunks is a place of the log.
type mapper struct {
	v      version
	id     string // of the message
	replay bool   // this was said already: its transient parts are over
	within bool   // the turn at hand is followed by another in the same message

	out     []chunk // of the event at hand
	started bool
	over    bool // nothing follows
	step    bool // a step is open
	filled  bool // and has something in it
	steps   int
	open    []block
	tools   map[string]*call
	usage   *turn.Usage
	told    bool // the application sent metadata of its own
	shown   answer.Shown
}

// A block is an open text or reasoning part.
type block struct {
	kind turn.Kind
	part string
}

// A call is a tool call that the reader knows.
type call struct {
	step    int
	name    string
	pending bool // its input was not complete yet
}

func newMapper(v version, message string) *mapper {
	return &mapper{v: v, id: message, tools: make(map[string]*call)}
}

// add returns the chunks of the next event. They are valid until the next call.
func (m *mapper) add(ev *turn.Event) []chunk {
	m.out = m.out[:0]
	if m.over {
		return nil
	}
	if !m.started {
		m.start(ev)
	}
	switch ev.Kind {
	case turn.KindPrompt:
		m.prompt(ev)
	case turn.KindEpoch:
		m.epoch(ev)
	case turn.KindText, turn.KindReasoning:
		m.count(ev)
		m.block(ev)
	case turn.KindTool, turn.KindToolInput, turn.KindToolDone, turn.KindToolError:
		m.count(ev)
		m.tool(ev)
	case turn.KindUsage:
		u := new(turn.Usage)
		if json.Unmarshal(ev.Data, u) == nil {
			m.usage = u
		}
	case turn.KindStep:
		m.count(ev)
		m.stepped(ev)
	case turn.KindEnd, turn.KindCancelled, turn.KindError:
		if !m.within {
			m.end(ev)
		}
	default:
		m.count(ev)
		m.other(ev)
	}
	return m.out
}

// start opens the message, which another turn may have begun.
func (m *mapper) start(ev *turn.Event) {
	m.started = true
	if ev.Kind == turn.KindPrompt {
		var p turn.Prompt
		if json.Unmarshal(ev.Data, &p) == nil {
			m.id, _ = messageOf(m.id, &p)
		}
	}
	m.put(chunk{Type: "start", Message: m.id})
}

func (m *mapper) put(c chunk) { m.out = append(m.out, c) }

// prompt tells what a client did with tools, which its own message has already
// but a replay has not.
func (m *mapper) prompt(ev *turn.Event) {
	var p turn.Prompt
	if !m.replay || json.Unmarshal(ev.Data, &p) != nil {
		return
	}
	for _, r := range results(p.Content) {
		m.known(r.Call, r.Tool)
		m.put(r.chunk(m.v))
	}
}

// need opens a step for what a model says.
func (m *mapper) need() {
	if !m.step {
		m.begin()
	}
	m.filled = true
}

func (m *mapper) begin() {
	m.put(chunk{Type: "start-step"})
	m.step, m.filled = true, false
	m.steps++
}

func (m *mapper) finish() {
	m.closeAll()
	m.put(chunk{Type: "finish-step"})
	m.step = false
}

func (m *mapper) stepped(ev *turn.Event) {
	var s struct {
		Step string `json:"step"`
	}
	if json.Unmarshal(ev.Data, &s) != nil {
		return
	}
	switch {
	case s.Step == "start" && m.step && !m.filled: // begun again after an epoch
	case s.Step == "start":
		if m.step {
			m.finish()
		}
		m.begin()
	case s.Step == "finish" && m.step:
		m.finish()
	}
}

func blockID(k turn.Kind, part string) string {
	if part == "" {
		return string(k)
	}
	return string(k) + "-" + part
}

func (m *mapper) block(ev *turn.Event) {
	m.need()
	if ev.Kind == turn.KindText {
		m.closeReasoning()
	}
	b := block{ev.Kind, ev.Part}
	id, is := blockID(ev.Kind, ev.Part), false
	for _, o := range m.open {
		is = is || o == b
	}
	if !is {
		m.open = append(m.open, b)
		m.put(chunk{Type: string(ev.Kind) + "-start", ID: id})
	}
	m.put(chunk{Type: string(ev.Kind) + "-delta", ID: id, Delta: text(ev.Data)})
}

// closeReasoning ends thinking when the model goes on to something else: pages
// show it as under way until then.
func (m *mapper) closeReasoning() {
	left := m.open[:0]
	for _, b := range m.open {
		if b.kind == turn.KindReasoning {
			m.put(chunk{Type: "reasoning-end", ID: blockID(b.kind, b.part)})
			continue
		}
		left = append(left, b)
	}
	m.open = left
}

func (m *mapper) closeAll() {
	for _, b := range m.open {
		m.put(chunk{Type: string(b.kind) + "-end", ID: blockID(b.kind, b.part)})
	}
	m.open = m.open[:0]
}

// end closes the answer.
func (m *mapper) end(ev *turn.Event) {
	m.over = true
	m.closeAll()
	switch ev.Kind {
	case turn.KindCancelled:
		var c turn.Cancelled
		_ = json.Unmarshal(ev.Data, &c) // without a reason then
		out := chunk{Type: "abort"}
		if m.v.abortReason() {
			out.Reason = c.Reason
		}
		m.put(out)
	case turn.KindError:
		var f turn.Failure
		_ = json.Unmarshal(ev.Data, &f)
		if f.Message == "" {
			f.Message = "the answer failed"
		}
		m.put(chunk{Type: "error", Error: &f.Message})
	default:
		if m.step {
			m.finish()
		}
		var e turn.End
		_ = json.Unmarshal(ev.Data, &e)
		out := chunk{Type: "finish", Metadata: m.metadata()}
		if m.v.finishReason() {
			out.Finish = finishReason(e.Reason)
		}
		m.put(out)
	}
}

// between ends a turn that another one goes on from in the same message.
func (m *mapper) between() []chunk {
	m.out = m.out[:0]
	if m.step {
		m.finish()
	}
	m.shown = answer.Shown{} // what is told of it is not taken back any more
	return m.out
}

func finishReason(s string) string {
	switch s {
	case turn.ReasonStop, turn.ReasonLength:
		return s
	case turn.ReasonToolCalls, turn.ReasonContentFilter:
		return strings.ReplaceAll(s, "_", "-")
	}
	return "other"
}

// metadata is the usage by the SDK's own names, unless the application keeps
// metadata itself.
func (m *mapper) metadata() json.RawMessage {
	if m.usage == nil || m.told {
		return nil
	}
	u := map[string]int64{"inputTokens": m.usage.Input, "outputTokens": m.usage.Output, "totalTokens": m.usage.Input + m.usage.Output}
	if m.usage.Reasoning > 0 {
		u["reasoningTokens"] = m.usage.Reasoning
	}
	if m.usage.Cached > 0 {
		u["cachedInputTokens"] = m.usage.Cached
	}
	out := map[string]any{"usage": u}
	if m.usage.Model != "" {
		out["model"] = m.usage.Model
	}
	p, err := json.Marshal(out)
	if err != nil {
		return nil
	}
	return p
}

// other maps what is neither text nor tool.
func (m *mapper) other(ev *turn.Event) {
	switch ev.Kind {
	case turn.KindFile:
		m.file(ev)
	case turn.KindSource:
		m.source(ev)
	case turn.KindData:
		m.data(ev)
	case turn.KindAudio:
		if !m.replay {
			p, err := json.Marshal(map[string]any{"mediaType": ev.Media, "data": ev.Data})
			if err == nil {
				m.put(chunk{Type: "data-audio", Data: p, Transient: true})
			}
		}
	case turn.KindSuspended, turn.KindResumed:
		m.put(chunk{Type: "data-" + string(ev.Kind), Data: value(ev.Data)})
	}
}

func (m *mapper) file(ev *turn.Event) {
	if ev.Media != "" {
		m.put(chunk{Type: "file", URL: "data:" + ev.Media + ";base64," + base64.StdEncoding.EncodeToString(ev.Data), Media: ev.Media})
		return
	}
	var f struct {
		URL   string `json:"url"`
		Media string `json:"media_type"`
	}
	if json.Unmarshal(ev.Data, &f) != nil || f.URL == "" {
		return
	}
	if f.Media == "" {
		f.Media = "application/octet-stream"
	}
	m.put(chunk{Type: "file", URL: f.URL, Media: f.Media})
}

func (m *mapper) source(ev *turn.Event) {
	var s struct {
		ID    string `json:"id"`
		URL   string `json:"url"`
		Title string `json:"title"`
		Media string `json:"media_type"`
		File  string `json:"filename"`
	}
	if json.Unmarshal(ev.Data, &s) != nil {
		return
	}
	if s.ID == "" {
		s.ID = "source-" + strconv.FormatUint(uint64(ev.Seq), 10)
	}
	if s.URL != "" {
		c := chunk{Type: "source-url", Source: s.ID, URL: s.URL}
		if s.Title != "" {
			c.Title = &s.Title
		}
		m.put(c)
		return
	}
	if s.Media == "" {
		s.Media = "application/octet-stream"
	}
	m.put(chunk{Type: "source-document", Source: s.ID, Media: s.Media, Title: &s.Title, File: s.File})
}
