package worker

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/karez/karez/turn"
)

// A Provider turns a conversation into a stream of events: a model API, an
// existing chat endpoint, or a script. Its methods may be called concurrently.
type Provider interface {
	// Name is a short word for logs, metrics and errors: openai, demo, …
	Name() string

	// Stream asks the model and calls emit for each piece of the answer, in
	// order, as soon as it has arrived. Of an event it sets Kind, Part,
	// Media, Name, Data and Attrs; Data is the callee's afterwards. emit
	// blocks while the log is slow and fails when the turn is over
	// (cancelled, fenced): Stream then returns that error at once and closes
	// its connection to the model. emit is called from one goroutine.
	//
	// It returns how the answer ended (turn.ReasonStop, …), or a
	// *ProviderError that says what went wrong and whether trying again may
	// help. Ending without the format's own end marker is an error
	// (turn.CodeProviderBroken), not a finished answer. It never emits
	// terminal, prompt or epoch events.
	Stream(ctx context.Context, req Request, emit func(turn.Event) error) (reason string, err error)
}

// A Continuer is a Provider that can go on from an unfinished answer
// (Request.Sofar) without repeating it.
type Continuer interface {
	CanContinue(req Request) bool
}

// A Request is what a provider is asked.
type Request struct {
	ID       turn.ID
	User     string // who asked
	System   string
	Messages []Message // oldest first, the prompt last
	Model    string    // "" for the provider's default
	Params   json.RawMessage
	Sofar    []turn.Part // what the answer has already, when it is continued; nil for a fresh one
	Trace    string      // W3C traceparent to hand on, or ""
}

// A Message is one message of a conversation.
type Message struct {
	Role    string // user, assistant
	Text    string
	Content []turn.Content // further parts of a user's message
	Parts   []turn.Part    // of an assistant's answer: all of it, tools included
}

// A ProviderError is a typed failure of a provider. The text never names an
// upstream's address or a key: it is shown to the reader.
type ProviderError struct {
	Code    string        // one of turn.Code…
	Message string        // for a person
	Status  int           // HTTP status, 0 if there was none
	Retry   bool          // trying the same again may help
	After   time.Duration // not before, if the provider said so
	Err     error         // for the log only
}

func (e *ProviderError) Error() string {
	if e.Err != nil {
		return e.Code + ": " + e.Message + ": " + e.Err.Error()
	}
	return e.Code + ": " + e.Message
}

// Unwrap returns the cause.
func (e *ProviderError) Unwrap() error { return e.Err }

// AsProviderError returns err as a *ProviderError, wrapping what is none as
// turn.CodeInternal.
func AsProviderError(err error) *ProviderError {
	if pe := (*ProviderError)(nil); errors.As(err, &pe) {
		return pe
	}
	return &ProviderError{Code: turn.CodeInternal, Message: "the provider failed", Err: err}
}
