package turn

// A Kind says what an event is. Unknown kinds pass through every part of Karez
// untouched and count as content.
type Kind string

// The kinds of a turn's events.
const (
	KindPrompt    Kind = "prompt"    // JSON of Prompt; the first event of a turn that was prompted
	KindEpoch     Kind = "epoch"     // JSON of EpochStart; a later try begins, the only kind that takes text back
	KindText      Kind = "text"      // UTF-8, a piece of the answer
	KindReasoning Kind = "reasoning" // UTF-8, a piece of the model's thinking
	KindTool      Kind = "tool"      // a piece of a tool call's arguments, JSON text; Part is the call's id, Name the tool
	KindToolInput Kind = "tool_input"
	KindToolDone  Kind = "tool_output" // JSON; Part is the call's id
	KindToolError Kind = "tool_error"  // UTF-8 text; Part is the call's id
	KindAudio     Kind = "audio"       // bytes; Media is their type
	KindFile      Kind = "file"        // JSON {"url","media_type","name"}, or bytes when Media is set
	KindSource    Kind = "source"      // JSON {"url","title",…}
	KindData      Kind = "data"        // JSON; Name is the application's own name for it
	KindStep      Kind = "step"        // JSON {"step":"start"|"finish",…}: one call of the model inside a turn
	KindUsage     Kind = "usage"       // JSON of Usage, cumulative: the last one counts
	KindSuspended Kind = "suspended"   // JSON of Suspended; waits for a person
	KindResumed   Kind = "resumed"     // JSON; what the person said

	// Exactly one of these closes a turn.
	KindEnd       Kind = "end"       // JSON of End
	KindCancelled Kind = "cancelled" // JSON of Cancelled
	KindError     Kind = "error"     // JSON of Failure
)

// Terminal reports whether k closes a log.
func (k Kind) Terminal() bool {
	return k == KindEnd || k == KindCancelled || k == KindError
}

// Textual reports whether an event's Data is text that must never be cut
// inside a character (design: 9).
func (k Kind) Textual() bool {
	return k == KindText || k == KindReasoning || k == KindTool
}

// Mergeable reports whether the Data of neighbouring events of this kind join
// by concatenation.
func (k Kind) Mergeable() bool { return k.Textual() || k == KindAudio }
