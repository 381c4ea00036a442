package aisdk

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// A reader folds chunks into a message as the SDK does, and fails where its
// strictest version does: on an unknown type, an unknown field, a delta of a
// part that is not open, a result of a call that it does not know.
type reader struct {
	v        version
	id       string
	parts    []*uiPart
	open     map[string]*uiPart
	metadata map[string]any
	finished string // finish, abort or error
	why      string // of an error
	loose    bool   // a stream of somebody else, which may lack its start
}

type uiPart struct {
	Type, ID, Text, State string
	Input, Output         any
	Data                  any
}

// fields are those of each type in version 5.0.
var fields = map[string]string{
	"start": "messageId messageMetadata", "start-step": "", "finish-step": "", "finish": "messageMetadata", "abort": "", "error": "errorText",
	"text-start": "id", "text-delta": "id delta", "text-end": "id", "reasoning-start": "id", "reasoning-delta": "id delta", "reasoning-end": "id",
	"tool-input-start": "toolCallId toolName", "tool-input-delta": "toolCallId inputTextDelta", "tool-input-available": "toolCallId toolName input",
	"tool-output-available": "toolCallId output preliminary", "tool-output-error": "toolCallId errorText", "file": "url mediaType",
	"source-url": "sourceId url title", "source-document": "sourceId mediaType title filename", "message-metadata": "messageMetadata", "data-": "id data transient",
}

// newer are the types and fields that came later.
func newer(v version) map[string]string {
	m := map[string]string{}
	if v.major >= 6 {
		m["finish"], m["abort"], m["tool-approval-request"] = "messageMetadata finishReason", "reason", "approvalId toolCallId isAutomatic signature"
	}
	if v.major >= 7 {
		m["custom"], m["tool-approval-response"], m["reset-step"] = "kind providerMetadata", "approvalId approved reason", ""
	}
	return m
}

func (r *reader) read(raw []byte) error {
	var c map[string]any
	if err := json.Unmarshal(raw, &c); err != nil {
		return err
	}
	typ, _ := c["type"].(string)
	name := typ
	if strings.HasPrefix(typ, "data-") {
		name = "data-"
	}
	allowed, ok := fields[name]
	if f, is := newer(r.v)[name]; is {
		allowed, ok = f, true
	}
	if !ok {
		return fmt.Errorf("unknown type in %s", raw)
	}
	for k := range c {
		if k != "type" && !slices.Contains(strings.Fields(allowed), k) {
			return fmt.Errorf("unknown field %s in %s", k, raw)
		}
	}
	if r.finished != "" {
		return fmt.Errorf("%s after %s", raw, r.finished)
	}
	return r.fold(typ, c, raw)
}

func str(v any) string { s, _ := v.(string); return s }

func (r *reader) fold(typ string, c map[string]any, raw []byte) error {
	kind, what, _ := strings.Cut(typ, "-")
	switch {
	case typ == "start":
		r.id = str(c["messageId"])
		r.meta(c)
	case r.id == "" && !r.loose:
		return fmt.Errorf("%s before start", raw)
	case typ == "finish" || typ == "abort" || typ == "error":
		r.finished, r.why = typ, str(c["errorText"])
		r.meta(c)
	case typ == "start-step":
		r.parts = append(r.parts, &uiPart{Type: "step-start"})
	case typ == "finish-step":
		r.open = nil
	case typ == "reset-step":
		r.open = nil
		for len(r.parts) > 0 && r.parts[len(r.parts)-1].Type != "step-start" {
			r.parts = r.parts[:len(r.parts)-1]
		}
	case kind == "text" || kind == "reasoning":
		return r.block(kind, what, c, raw)
	case kind == "tool":
		return r.tool(what, c, raw)
	case kind == "data":
		if c["transient"] != true {
			r.data(typ, c)
		}
	case typ == "message-metadata":
		r.meta(c)
	default:
		p := &uiPart{Type: typ, ID: str(c["sourceId"]), Text: str(c["url"]) + str(c["title"])}
		r.parts = append(r.parts, p)
	}
	return nil
}

func (r *reader) meta(c map[string]any) {
	m, _ := c["messageMetadata"].(map[string]any)
	for k, v := range m {
		if r.metadata == nil {
			r.metadata = map[string]any{}
		}
		r.metadata[k] = v
	}
}

func (r *reader) block(kind, what string, c map[string]any, raw []byte) error {
	key := kind + " " + str(c["id"])
	p := r.open[key]
	if (p == nil) != (what == "start") {
		return fmt.Errorf("%s: open is %v", raw, p != nil)
	}
	switch what {
	case "start":
		if r.open == nil {
			r.open = map[string]*uiPart{}
		}
		r.open[key] = &uiPart{Type: kind, State: "streaming"}
		r.parts = append(r.parts, r.open[key])
	case "delta":
		p.Text += str(c["delta"])
	case "end":
		p.State = "done"
		delete(r.open, key)
	}
	return nil
}

func (r *reader) tool(what string, c map[string]any, raw []byte) error {
	var p *uiPart
	for _, o := range r.parts {
		if strings.HasPrefix(o.Type, "tool-") && o.ID == str(c["toolCallId"]) {
			p = o
		}
	}
	if p == nil && (what == "input-start" || what == "input-available") {
		p = &uiPart{Type: "tool-" + str(c["toolName"]), ID: str(c["toolCallId"])}
		r.parts = append(r.parts, p)
	}
	if p == nil && what != "approval-response" {
		return fmt.Errorf("%s of an unknown call", raw)
	}
	switch what {
	case "input-delta":
		p.Text += str(c["inputTextDelta"])
	case "input-available":
		p.Input, p.State = c["input"], what
	case "output-available":
		p.Output, p.State = c["output"], what
	case "output-error":
		p.Output, p.State = c["errorText"], what
	case "approval-request":
		p.State = what
	}
	return nil
}

func (r *reader) data(typ string, c map[string]any) {
	for _, p := range r.parts {
		if p.Type == typ && p.ID != "" && p.ID == str(c["id"]) {
			p.Data = c["data"]
			return
		}
	}
	r.parts = append(r.parts, &uiPart{Type: typ, ID: str(c["id"]), Data: c["data"]})
}

// text is the message's text.
func (r *reader) text() string {
	s := ""
	for _, p := range r.parts {
		if p.Type == "text" {
			s += p.Text
		}
	}
	return s
}

// show is the message, to be compared.
func (r *reader) show() string {
	var b strings.Builder
	for _, p := range r.parts {
		fmt.Fprintf(&b, "%+v\n", *p)
	}
	fmt.Fprintf(&b, "%v %s", r.metadata, r.finished)
	return b.String()
}
