package aisdk

import (
	"encoding/json"

	"github.com/karez/karez/turn"
)

// Names of application data that stand for chunks a turn has no kind for; a
// worker that asks an AI SDK endpoint writes them (worker/upstream).
const (
	dataMetadata = "message-metadata"
	dataApproval = "tool-approval-request"
	dataAnswered = "tool-approval-response"
)

// tool maps what is told of a tool call. Its id is the event's part.
func (m *mapper) tool(ev *turn.Event) {
	m.need()
	m.closeReasoning()
	id := callID(ev.Part)
	switch ev.Kind {
	case turn.KindTool:
		if m.tools[id] == nil {
			m.tools[id] = &call{step: m.steps, name: toolName(ev.Name), pending: true}
			m.put(chunk{Type: "tool-input-start", Call: id, Tool: toolName(ev.Name)})
		}
		if !m.tools[id].pending {
			return // it was complete
		}
		m.put(chunk{Type: "tool-input-delta", Call: id, InputDelta: text(ev.Data)})
	case turn.KindToolInput:
		c := m.tools[id]
		if c == nil {
			c = &call{step: m.steps, name: toolName(ev.Name)}
			m.tools[id] = c
		}
		c.pending = false
		m.put(chunk{Type: "tool-input-available", Call: id, Tool: c.name, Input: value(ev.Data)})
	case turn.KindToolDone:
		m.known(id, ev.Name)
		m.put(chunk{Type: "tool-output-available", Call: id, Output: value(ev.Data), Preliminary: ev.Attrs["preliminary"] == "true"})
	case turn.KindToolError:
		m.known(id, ev.Name)
		m.put(chunk{Type: "tool-output-error", Call: id, Error: text(ev.Data)})
	}
}

// known announces a call that was never told of: a reader fails on the result
// of one that it does not know.
func (m *mapper) known(id, name string) {
	if m.tools[id] != nil {
		return
	}
	m.tools[id] = &call{step: m.steps, name: toolName(name)}
	m.put(chunk{Type: "tool-input-available", Call: id, Tool: toolName(name), Input: json.RawMessage("{}")})
}

func callID(part string) string {
	if part == "" {
		return "call"
	}
	return part
}

func toolName(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}

// data maps application data, and what stands for other chunks.
func (m *mapper) data(ev *turn.Event) {
	var c chunk
	switch ev.Name {
	case dataMetadata:
		m.told = true
		m.put(chunk{Type: dataMetadata, Metadata: value(ev.Data)})
		return
	case dataApproval:
		if json.Unmarshal(ev.Data, &c) == nil && c.Approval != "" && c.Call != "" {
			m.approval(c)
			return
		}
	case dataAnswered:
		if json.Unmarshal(ev.Data, &c) == nil && c.Approval != "" && c.Approved != nil && m.v.answered() {
			m.put(chunk{Type: dataAnswered, Approval: c.Approval, Approved: c.Approved, Reason: c.Reason})
			return
		}
	}
	if json.Unmarshal(ev.Data, &c) == nil && c.Type == "custom" && c.Kind != "" && m.v.custom() {
		m.put(chunk{Type: "custom", Kind: c.Kind, Provider: c.Provider})
		return
	}
	transient := ev.Attrs["transient"] == "true"
	if transient && m.replay {
		return
	}
	name := ev.Name
	if name == "" {
		name = "data"
	}
	m.put(chunk{Type: "data-" + name, ID: ev.Part, Data: value(ev.Data), Transient: transient})
}

// approval asks the reader for one. Versions before 6 have no chunk for it and
// get it as data.
func (m *mapper) approval(c chunk) {
	if !m.v.approval() {
		p, err := json.Marshal(map[string]string{"approvalId": c.Approval, "toolCallId": c.Call})
		if err == nil {
			m.put(chunk{Type: "data-" + dataApproval, ID: c.Approval, Data: p})
		}
		return
	}
	m.need()
	m.known(c.Call, c.Tool)
	out := chunk{Type: dataApproval, Approval: c.Approval, Call: c.Call}
	if m.v.custom() {
		out.Automatic, out.Signature = c.Automatic, c.Signature
	}
	m.put(out)
}
