// Package presence answers who is on a channel: people, each once however many
// tabs and nodes they are on, and agents.
//
// Presence is in no log. What a node contributes to a channel is one small
// value, its part, which no other node writes; who is there is the union of
// the parts of all nodes whose lease stands. set.go is that union, pure, with
// the changes that led to it: a viewer is a cursor on them, as on a log.
// lease.go runs it over a broker: this node's parts are written when they
// change, never for a connection or a heartbeat, and one lease stands for the
// node.
//
// Read member.go and set.go, then channel.go (one channel on this node),
// share.go (what nodes tell each other) and lease.go (the node).
package presence

import (
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/karez/karez/broker"
)

// Kinds of members.
const (
	Person = "person"
	Agent  = "agent"
)

// Derived is the id of the agent that is present while a turn of its channel
// has not ended.
const Derived = "agent"

// States of an agent. A member that joins may name states of its own.
const (
	Waiting   = "waiting"   // the prompt stands in line, or the turn waits for a person
	Thinking  = "thinking"  // at work, no text yet, or between texts
	Streaming = "streaming" // text is coming
)

// Bounds of members, in bytes but for MaxMembers. A channel that is full
// refuses who else wants to be seen; everybody may go on watching.
const (
	MaxID      = 200
	MaxState   = 64
	MaxInfo    = 1 << 10   // of one member's info
	MaxMembers = 2000      // of a channel
	MaxSize    = 256 << 10 // of all members of a channel: what a reader that is told all may hold
)

// A Member is one who is present on a channel, however often.
type Member struct {
	ID    string          `json:"id"`              // of the user, as its token or a trusted transport says
	Kind  string          `json:"kind,omitempty"`  // Person or Agent; "" is Person
	State string          `json:"state,omitempty"` // an agent's, or a word of the application
	Info  json.RawMessage `json:"info,omitempty"`  // what the application shows of it; do not change
}

// Errors of a member that cannot be let in.
var (
	ErrBadMember = errors.New("bad member")      // caller: refuse it, say why
	ErrCrowded   = errors.New("channel is full") // caller: refuse it; it may watch
	ErrAbsent    = errors.New("not joined")      // caller: Join first
)

// Check returns nil if m may be a member.
func (m Member) Check() error {
	switch {
	case m.ID == "" || len(m.ID) > MaxID || !utf8.ValidString(m.ID):
		return fmt.Errorf("%w: its id has 1 to %d bytes of UTF-8, this one has %d", ErrBadMember, MaxID, len(m.ID))
	case m.Kind != "" && m.Kind != Person && m.Kind != Agent:
		return fmt.Errorf("%w: kind %q is not one of person, agent", ErrBadMember, m.Kind)
	case len(m.State) > MaxState || !utf8.ValidString(m.State):
		return fmt.Errorf("%w: its state has at most %d bytes of UTF-8, this one has %d", ErrBadMember, MaxState, len(m.State))
	case len(m.Info) > MaxInfo:
		return fmt.Errorf("info of %d bytes, the most is %d: %w", len(m.Info), MaxInfo, broker.ErrTooLarge)
	case len(m.Info) > 0 && !(json.Valid(m.Info) && utf8.Valid(m.Info)):
		return fmt.Errorf("%w: its info is not JSON", ErrBadMember)
	}
	return nil
}

// size is about what m costs on the wire.
func (m Member) size() int { return len(m.ID) + len(m.Kind) + len(m.State) + len(m.Info) + 40 }

// key tells members apart: a person may be called agent.
func (m Member) key() string {
	if m.Kind == Agent {
		return "a" + m.ID
	}
	return "p" + m.ID
}
