package turn

import "encoding/json"

// A Prompt is what a person, or a program for them, asked. It is the first
// event of its turn.
type Prompt struct {
	Message    string          `json:"message,omitempty"` // the client's own id of the message; the same id is the same turn
	User       string          `json:"user,omitempty"`    // who asked, from the token
	Text       string          `json:"text,omitempty"`
	Content    []Content       `json:"content,omitempty"`    // further parts of the message
	Parent     string          `json:"parent,omitempty"`     // the turn this one follows in its conversation
	Supersedes string          `json:"supersedes,omitempty"` // the turn this one replaces (regenerate, edit); it stays as a branch
	System     string          `json:"system,omitempty"`     // overrides the channel's system prompt
	Model      string          `json:"model,omitempty"`
	Params     json.RawMessage `json:"params,omitempty"` // an object of model parameters (temperature, max_tokens, …)
}

// Content is one part of a message beside its text.
type Content struct {
	Type  string `json:"type"` // text, image, audio, file
	Text  string `json:"text,omitempty"`
	URL   string `json:"url,omitempty"` // may be a data URL
	Media string `json:"media_type,omitempty"`
	Name  string `json:"name,omitempty"`
}

// EpochStart opens a later try. Keep is the last place of the log that still
// counts: the top when the answer goes on where it stopped. Where it is lower,
// every part is cut to the length that Parts gives, and a part not named there
// is dropped, so that a reader of merged events can follow without an index.
type EpochStart struct {
	Epoch  Epoch  `json:"epoch"`
	Keep   Seq    `json:"keep"`
	All    bool   `json:"all,omitempty"` // everything before is kept
	Parts  []Kept `json:"parts,omitempty"`
	Reason string `json:"reason,omitempty"` // worker_lost, provider_retry, …
}

// Kept says how much of one part stays.
type Kept struct {
	Kind  Kind   `json:"kind"`
	Part  string `json:"part,omitempty"`
	Bytes int    `json:"bytes"` // of UTF-8, or of raw data for audio
}

// Suspended says why a turn waits and until when.
type Suspended struct {
	Reason   string          `json:"reason"` // approval, input
	Deadline int64           `json:"deadline"`
	Request  json.RawMessage `json:"request,omitempty"`
}

// Usage counts tokens as the provider did.
type Usage struct {
	Input     int64  `json:"input_tokens"`
	Output    int64  `json:"output_tokens"`
	Cached    int64  `json:"cached_tokens,omitempty"`
	Reasoning int64  `json:"reasoning_tokens,omitempty"`
	Model     string `json:"model,omitempty"`
	Estimated bool   `json:"estimated,omitempty"` // the provider said nothing; counted here
}

// Reasons of End.
const (
	ReasonStop          = "stop"
	ReasonLength        = "length"
	ReasonToolCalls     = "tool_calls"
	ReasonContentFilter = "content_filter"
	ReasonOther         = "other"
)

// End closes a turn that is finished.
type End struct {
	Reason string `json:"reason"`
}

// Cancelled closes a turn that somebody entitled to stopped.
type Cancelled struct {
	By     string `json:"by,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// Codes of Failure. A client decides by the code, a person reads the message.
const (
	CodeProviderAuth     = "provider_auth"     // 401, 403: the operator must mend the key
	CodeProviderRejected = "provider_rejected" // 400 and the like: this prompt will not work
	CodeProviderLimited  = "provider_rate_limited"
	CodeProviderDown     = "provider_unavailable" // 5xx, refused, reset
	CodeProviderTimeout  = "provider_timeout"     // silent for longer than the limit
	CodeProviderBroken   = "provider_broken"      // sent what its format does not allow, or stopped without an end
	CodeIdle             = "idle_timeout"         // an author without a lease fell silent
	CodeWorkerLost       = "worker_lost"          // died and nobody took over
	CodeNoWorker         = "no_worker"            // waited too long for one
	CodeTooLong          = "answer_too_long"
	CodeTurnExpired      = "deadline_exceeded" // a suspended turn nobody answered
	CodeInternal         = "internal"
)

// A Failure closes a turn that failed.
type Failure struct {
	Code      string `json:"code"`
	Message   string `json:"message"`
	Retryable bool   `json:"retryable,omitempty"` // the same prompt may work later
}
