package wire

import (
	"encoding/json"

	"github.com/karez/karez/turn"
)

// Limits of what a client may send, in bytes unless said otherwise. A server
// may be configured lower, not higher.
const (
	MaxCommand  = 1 << 20  // one encoded command
	MaxSignal   = 16 << 10 // data of a signal
	MaxToken    = 16 << 10
	MaxMessage  = turn.MaxMessage  // the client's own id of a message
	MaxClient   = 128              // what a client calls itself
	MaxName     = 64               // name of a custom event or signal
	MaxContents = turn.MaxContents // parts of one message
	MaxTurns    = 256              // cursors given in one follow
)

// Types of Command.
const (
	CmdHello      = "hello"      // first, when the handshake carried no token: Token, Client
	CmdFollow     = "follow"     // Channel, or Channel and Turn: set a cursor; From, After, Turns, Pace, Limit
	CmdUnfollow   = "unfollow"   // Channel, or Channel and Turn
	CmdPrompt     = "prompt"     // Channel, Prompt
	CmdRegenerate = "regenerate" // Channel, Turn to supersede, Prompt.Message is the new id
	CmdEdit       = "edit"       // Channel, Turn to supersede, Prompt is what is asked instead
	CmdCancel     = "cancel"     // Channel, and Turn or Message
	CmdHistory    = "history"    // Channel, Before, Limit, Turn as the leaf of a branch
	CmdPublish    = "publish"    // Channel, Name, Data: a custom event on the timeline, kept
	CmdSignal     = "signal"     // Channel, Name, Data: typing and the like, not kept
	CmdJoin       = "join"       // Channel, State, Data: be visible there, and be told who else is; again: another state and info
	CmdPresence   = "presence"   // Channel: be told who is there without being visible; posted: ask once
	CmdLeave      = "leave"      // Channel: ends both
	CmdPace       = "pace"       // Channel (and Turn), Pace
	CmdAck        = "ack"        // N, After: shown to the reader through this place
	CmdRenew      = "renew"      // Token of the same subject
	CmdPing       = "ping"
)

// Values of Command.From.
const (
	FromNow      = "now"      // at the tail: only what happens from here on
	FromSnapshot = "snapshot" // a page of history in the reply, then what follows it
)

// A Command is what a client sends. Only the fields named beside its type
// count; a field that is set without need is ignored, an unknown one too.
type Command struct {
	ID      uint64              `json:"id,omitempty"` // chosen by the client; the answer carries it. 0: only errors are answered
	Type    string              `json:"type"`
	Token   string              `json:"token,omitempty"`
	Client  string              `json:"client,omitempty"` // name and version, for operators
	Channel string              `json:"channel,omitempty"`
	Turn    string              `json:"turn,omitempty"`
	Message string              `json:"message,omitempty"`
	After   turn.Seq            `json:"after,omitempty"` // the last place the client has
	From    string              `json:"from,omitempty"`  // follow: "" by After, "now" at the tail, "snapshot" history first
	Turns   map[string]turn.Seq `json:"turns,omitempty"` // follow: what the client has of the channel's turns
	N       uint32              `json:"n,omitempty"`
	Prompt  *turn.Prompt        `json:"prompt,omitempty"`
	Name    string              `json:"name,omitempty"`
	Data    json.RawMessage     `json:"data,omitempty"` // any JSON value
	Pace    *Pace               `json:"pace,omitempty"`
	Before  turn.Seq            `json:"before,omitempty"` // history: timeline place, exclusive; 0 the tail
	Limit   int                 `json:"limit,omitempty"`  // history, follow from a snapshot: turns
	State   string              `json:"state,omitempty"`
}

// Values of Pace.Mode.
const (
	PaceLive   = "live"   // as fast as it comes; the same as ""
	PaceSmooth = "smooth" // steadily, at the model's own mean speed
	PaceFixed  = "fixed"  // Rate characters a second
)

// A Pace says how fast a reader wants text.
type Pace struct {
	Mode string `json:"mode,omitempty"` // live (default), smooth, fixed
	Rate int    `json:"rate,omitempty"` // fixed: characters a second
}
