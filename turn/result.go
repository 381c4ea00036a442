package turn

import "encoding/json"

// ResultMedia is the media type of content that is a ToolResult. Its type is
// text, so that who does not know it can read it.
const ResultMedia = "application/vnd.karez.tool-result+json"

// A ToolResult is what a client did with a tool call of an earlier answer: its
// output, why it failed, or whether it may run. It travels in a prompt that
// goes on with that answer.
type ToolResult struct {
	Call     string          `json:"toolCallId"`
	Tool     string          `json:"toolName,omitempty"`
	Output   json.RawMessage `json:"output,omitempty"`
	Failed   bool            `json:"failed,omitempty"`
	Error    string          `json:"errorText,omitempty"`
	Approval string          `json:"approvalId,omitempty"`
	Approved *bool           `json:"approved,omitempty"`
	Reason   string          `json:"reason,omitempty"`
}

// Content is r as a part of a prompt.
func (r ToolResult) Content() Content {
	p, err := json.Marshal(r)
	if err != nil {
		p = []byte("{}") // Output was no JSON
	}
	return Content{Type: "text", Text: string(p), Media: ResultMedia, Name: r.Tool}
}

// Part is r as the part of the answer that it completes; ok is false for an
// approval, which completes nothing yet.
func (r ToolResult) Part() (p Part, ok bool) {
	p = Part{Kind: KindToolDone, ID: r.Call, Name: r.Tool, Data: r.Output}
	switch {
	case r.Failed:
		p.Kind, p.Data = KindToolError, []byte(r.Error)
	case r.Approved != nil && *r.Approved:
		return Part{}, false
	case r.Approved != nil:
		p.Kind, p.Data = KindToolError, []byte("the call was denied")
		if r.Reason != "" {
			p.Data = append(p.Data, ": "+r.Reason...)
		}
	}
	return p, true
}

// Results are the results that content carries, and the rest of it.
func Results(content []Content) (rs []ToolResult, rest []Content) {
	for _, c := range content {
		var r ToolResult
		if c.Media == ResultMedia && json.Unmarshal([]byte(c.Text), &r) == nil && r.Call != "" {
			rs = append(rs, r)
			continue
		}
		rest = append(rest, c)
	}
	return rs, rest
}
