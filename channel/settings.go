package channel

import (
	"encoding/json"
	"fmt"
)

// A Policy says what a prompt does while a turn of its channel runs.
type Policy string

// The policies. Queue is the default.
const (
	Queue    Policy = "queue"    // it waits its turn
	Replace  Policy = "replace"  // the running and waiting turns are cancelled for it
	Reject   Policy = "reject"   // it is refused
	Parallel Policy = "parallel" // it runs beside them
)

// Defaults of Settings.
const (
	DefaultHistoryMessages = 40
	DefaultHistoryTokens   = 16000
	DefaultMaxQueue        = 16
	MaxSystem              = 64 << 10 // bytes of a system prompt
	MaxRetentionHours      = 10 * 365 * 24
)

// Settings are what may be set for one channel; a zero field means the
// server's default. They are kept in the channel's Record.
type Settings struct {
	Policy          Policy          `json:"policy,omitempty"`
	System          string          `json:"system,omitempty"` // system prompt
	Model           string          `json:"model,omitempty"`
	Params          json.RawMessage `json:"params,omitempty"`           // an object of model parameters
	HistoryMessages int             `json:"history_messages,omitempty"` // the model sees at most so many earlier messages; -1: none
	HistoryTokens   int             `json:"history_tokens,omitempty"`   // and about so many tokens of them
	MaxQueue        int             `json:"max_queue,omitempty"`        // turns that may wait or run at once
	RetentionHours  int             `json:"retention_hours,omitempty"`  // how long a finished turn is kept
}

// Check returns an error that names the first field out of bounds.
func (s Settings) Check() error {
	switch s.Policy {
	case "", Queue, Replace, Reject, Parallel:
	default:
		return fmt.Errorf("policy %q is not one of queue, replace, reject, parallel", s.Policy)
	}
	if len(s.System) > MaxSystem {
		return fmt.Errorf("system has %d bytes, at most %d are allowed", len(s.System), MaxSystem)
	}
	if len(s.Params) > 0 {
		var o map[string]json.RawMessage
		if json.Unmarshal(s.Params, &o) != nil {
			return fmt.Errorf("params is not a JSON object")
		}
	}
	if s.HistoryMessages < -1 || s.HistoryTokens < 0 || s.MaxQueue < 0 || s.MaxQueue > 1000 {
		return fmt.Errorf("history_messages, history_tokens must not be negative, max_queue goes from 0 to 1000")
	}
	if s.RetentionHours < 0 || s.RetentionHours > MaxRetentionHours {
		return fmt.Errorf("retention_hours goes from 0 to %d", MaxRetentionHours)
	}
	return nil
}

// Over returns s with the fields that are not set taken from base.
func (s Settings) Over(base Settings) Settings {
	s.Policy = or(s.Policy, base.Policy)
	s.System = or(s.System, base.System)
	s.Model = or(s.Model, base.Model)
	if len(s.Params) == 0 {
		s.Params = base.Params
	}
	s.HistoryMessages = or(s.HistoryMessages, base.HistoryMessages)
	s.HistoryTokens = or(s.HistoryTokens, base.HistoryTokens)
	s.MaxQueue = or(s.MaxQueue, base.MaxQueue)
	s.RetentionHours = or(s.RetentionHours, base.RetentionHours)
	return s
}

func or[T comparable](a, b T) T {
	var zero T
	if a == zero {
		return b
	}
	return a
}
