package wire

import (
	"encoding/json"

	"github.com/karez/karez/turn"
)

// Types of Frame.
const (
	FrameWelcome  = "welcome"  // first, and the answer to hello: Session, User, Ping, Limits
	FrameReply    = "reply"    // answers the command of the same ID: Turn, Seq, History, Presence as the command wants
	FrameError    = "error"    // answers a command, or speaks of the whole session (ID 0): Error
	FrameLog      = "log"      // number N now stands for Channel (and Turn), events follow from Seq on
	FrameEvent    = "event"    // N, Event: the compact one
	FrameReset    = "reset"    // N is free again: the log no longer holds what comes after Seq, start over from a snapshot; Error says why
	FrameClosed   = "closed"   // N is free again: the log has ended, at Seq, or cannot be followed; then Error says why
	FramePresence = "presence" // Channel, Presence: who is there, or what has changed since the last one
	FrameSignal   = "signal"   // Channel (empty: for this session or user alone), Name, Data, From
	FrameRenew    = "renew"    // send a fresh token within In milliseconds
	FrameBye      = "bye"      // the connection closes: Error; come back In milliseconds from now
	FramePing     = "ping"
	FramePong     = "pong"
)

// A Frame is what a server sends. As with Command, only the fields named
// beside its type count.
type Frame struct {
	ID       uint64          `json:"id,omitempty"`
	Type     string          `json:"type"`
	N        uint32          `json:"n,omitempty"`
	Channel  string          `json:"channel,omitempty"`
	Turn     string          `json:"turn,omitempty"`
	Seq      turn.Seq        `json:"seq,omitempty"`
	Event    *turn.Event     `json:"-"` // FrameEvent only; Seq, Kind, Part, Media, Name, Data and Attrs travel
	Session  string          `json:"session,omitempty"`
	User     string          `json:"user,omitempty"`
	From     string          `json:"from,omitempty"`
	Name     string          `json:"name,omitempty"`
	Data     json.RawMessage `json:"data,omitempty"`
	Ping     int             `json:"ping,omitempty"` // milliseconds between the server's pings
	In       int             `json:"in,omitempty"`   // milliseconds
	Limits   *Limits         `json:"limits,omitempty"`
	History  *History        `json:"history,omitempty"`
	Presence *Presence       `json:"presence,omitempty"`
	Error    *Error          `json:"error,omitempty"`
}

// Presence says who is on a channel. With Full, Here is everybody and what was
// told before is void; else the other lists are the changes since the last one.
type Presence struct {
	Full    bool     `json:"full,omitempty"`
	Here    []Member `json:"here,omitempty"`
	Joined  []Member `json:"joined,omitempty"`
	Left    []Member `json:"left,omitempty"`    // as they were last told
	Changed []Member `json:"changed,omitempty"` // another state or info
}

// A Member is one who is present on a channel, however many connections they
// have there. Kind and ID name it.
type Member struct {
	ID    string          `json:"id"`
	Kind  string          `json:"kind,omitempty"`  // person, agent
	State string          `json:"state,omitempty"` // of an agent waiting, thinking or streaming; else the application's word
	Info  json.RawMessage `json:"info,omitempty"`  // the application's
}

// Limits tells a client what the server takes.
type Limits struct {
	Command int `json:"command"` // bytes of one command
	Signal  int `json:"signal"`  // bytes of a signal's data
	Follows int `json:"follows"` // cursors of one connection
}

// An Error is typed: a program decides by Code, a person reads Message and Hint.
type Error struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`     // what to do about it
	RetryIn int    `json:"retry_in,omitempty"` // milliseconds; 0: trying again will not help
	Turn    string `json:"turn,omitempty"`     // the turn it is about, if any
}

// Error makes *Error an error of Go.
func (e *Error) Error() string {
	if e.Hint == "" {
		return e.Code + ": " + e.Message
	}
	return e.Code + ": " + e.Message + " (" + e.Hint + ")"
}

// History is a page of a conversation, oldest turn first, and the places from
// which following continues without a hole.
type History struct {
	After turn.Seq      `json:"after"`          // follow the timeline from here
	More  turn.Seq      `json:"more,omitempty"` // ask again with Before set to this; 0: that was all
	Leaf  string        `json:"leaf,omitempty"` // the turn that the next prompt follows
	Turns []HistoryTurn `json:"turns"`
}

// A HistoryTurn is one turn as it stands.
type HistoryTurn struct {
	Turn     string          `json:"turn"`
	At       turn.Seq        `json:"at"`       // the reader has the turn through here: follow it after this place
	Timeline turn.Seq        `json:"timeline"` // its place on the timeline
	State    turn.State      `json:"state"`
	Branches []string        `json:"branches,omitempty"` // all turns at this place of the conversation, oldest first, itself included
	Prompt   *turn.Prompt    `json:"prompt,omitempty"`
	Parts    []HistoryPart   `json:"parts,omitempty"`
	Usage    *turn.Usage     `json:"usage,omitempty"`
	Outcome  json.RawMessage `json:"outcome,omitempty"` // payload of the terminal event
}

// A HistoryPart is one part of an answer: Text for kinds that are text, Bytes
// for audio and the like, JSON for the rest.
type HistoryPart struct {
	Kind  turn.Kind       `json:"kind"`
	Part  string          `json:"part,omitempty"`
	Media string          `json:"media,omitempty"`
	Name  string          `json:"name,omitempty"`
	Text  string          `json:"text,omitempty"`
	JSON  json.RawMessage `json:"json,omitempty"`
	Bytes []byte          `json:"bytes,omitempty"` // base64 in JSON
}
