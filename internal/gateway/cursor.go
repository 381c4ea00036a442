package gateway

import "github.com/karez/karez/turn"

// A Cursor is one session's place in one log: the Seq it was last given.
type Cursor struct {
	mark
	s    *Session // set once
	id   turn.ID
	n    uint32 // the session's number for this log
	feed *Feed

	at    turn.Seq // owned by step
	told  bool     // owned by step: the reader knows n
	turns bool     // set once: a timeline whose turns are followed as they begin
	pace  Pace     // guarded by s.mu
	why   error    // guarded by s.mu: it is given nothing more, and this is what its reader is told
}

// A Pace says how fast a reader wants text.
type Pace struct {
	Mode string // live, smooth, fixed
	Rate int    // characters a second, for fixed
}

// A Log names a log as a session's reader does.
type Log struct {
	N  uint32
	ID turn.ID
	At turn.Seq // the reader has it through here
}
