package client

import (
	"encoding/json"
	"slices"

	"github.com/karez/karez/turn"
	"github.com/karez/karez/wire"
)

// An Event is what Channel.Follow tells: one of Page, Begun, Delta, Ended,
// Custom, Signal and Broken. Others may be added; ignore what you do not know.
type Event interface{ event() }

// A Page is the conversation as it stands, and what follows goes on from it.
// It comes first when following from a snapshot, and again when the log no
// longer has what would come next: then what was shown before it is void.
type Page struct {
	History *wire.History
	Answers map[string]*turn.Answer // of History.Turns; the reader's own
}

// Begun says that a prompt was accepted, or that a program began a turn. Its
// Deltas follow.
type Begun struct {
	Place      turn.Seq // on the timeline
	Turn       string
	Message    string // the client's own id of the message
	User       string
	Parent     string // the turn it follows; "" for the first, for one that stands where Supersedes does, and where what came before is not known
	Supersedes string
}

// A Delta is the next event of a turn, folded into its answer.
type Delta struct {
	Turn   string
	Event  turn.Event   // Epoch is not known to clients, and 0
	Answer *turn.Answer // all so far, this event included; valid until the next Delta of this turn, and read only
	Cut    bool         // what was shown may be longer than Answer: show Answer afresh
}

// Text returns the piece of the answer's main text that d brings, if any.
func (d Delta) Text() string {
	if d.Event.Kind == turn.KindText {
		return string(d.Event.Data)
	}
	return ""
}

// Ended says that a turn is over. It comes once, after the turn's last Delta.
type Ended struct {
	Turn   string
	State  turn.State   // completed, cancelled or failed
	Answer *turn.Answer // nil if the turn was not followed to its end
}

// Custom is an application's event, kept on the timeline.
type Custom struct {
	Place turn.Seq
	Name  string
	Data  json.RawMessage
	From  string
}

// Signal is an application's word that is kept nowhere: typing and the like.
type Signal struct {
	Name string
	Data json.RawMessage
	From string
}

// Broken says that one turn cannot be followed to its end, and why.
type Broken struct {
	Turn string
	Err  *wire.Error
}

func (Page) event()   {}
func (Begun) event()  {}
func (Delta) event()  {}
func (Ended) event()  {}
func (Custom) event() {}
func (Signal) event() {}
func (Broken) event() {}

// restarted says that a turn begins again at its beginning.
type restarted struct{ turn string }

func (restarted) event() {}

// Failure returns why an answer failed or was cancelled, as an error; nil if
// it has not, or is complete.
func Failure(name string, a *turn.Answer) *wire.Error {
	switch a.State {
	case turn.Aborted:
		return &wire.Error{Code: CodeCancelled, Message: "the turn was cancelled", Turn: name}
	case turn.Failed:
		var f turn.Failure
		if json.Unmarshal(a.Outcome, &f) != nil || f.Code == "" {
			f = turn.Failure{Code: turn.CodeInternal, Message: "the turn failed"}
		}
		return &wire.Error{Code: f.Code, Message: f.Message, Turn: name}
	}
	return nil
}

// answerOf folds a turn of a page.
func answerOf(t *wire.HistoryTurn) *turn.Answer {
	a := &turn.Answer{At: t.At, State: t.State, Prompt: t.Prompt, Usage: t.Usage, Outcome: t.Outcome}
	for _, p := range t.Parts {
		data := []byte(p.Text)
		switch {
		case p.Text != "":
		case len(p.JSON) > 0:
			data = slices.Clone(p.JSON)
		default:
			data = slices.Clone(p.Bytes)
		}
		a.Parts = append(a.Parts, turn.Part{Kind: p.Kind, ID: p.Part, Media: p.Media, Name: p.Name, Data: data})
	}
	return a
}
