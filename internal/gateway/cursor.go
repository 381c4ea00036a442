package gateway

import (
	"io"

	"github.com/karez/karez/turn"
)

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

// step gives the reader what comes next. The pool runs it when the feed has
// grown and the connection can take more, never twice at once for one session.
// It alone moves c.at, and only past what Deliver has taken. more reports that
// there may be something else to give at once.
func (c *Cursor) step() (more bool, err error) {
	if !c.told {
		if err := c.s.conn.Opened(Log{N: c.n, ID: c.id, At: c.at}); err != nil {
			return false, err
		}
		c.told = true
	}
	if why := c.stopped(); why != nil {
		return false, c.finish(why)
	}
	b, err := c.feed.Next(c.at, c.s.g.opts.Frame)
	if err != nil {
		return false, c.finish(err)
	}
	if b == nil { // at the tail: the feed wakes us
		return false, nil
	}
	if err := c.s.conn.Deliver(c.n, b); err != nil { // ErrFull: the connection wakes us
		return false, err
	}
	c.at = b.To
	if c.turns {
		c.s.followBegun(c.id, b.Events)
	}
	return true, nil
}

func (c *Cursor) stopped() error {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	return c.why
}

// finish tells the reader that nothing more comes, and why.
func (c *Cursor) finish(why error) error {
	if why == io.EOF {
		why = nil
	}
	if err := c.s.conn.Ended(Log{N: c.n, ID: c.id, At: c.at}, why); err != nil {
		return err
	}
	c.s.drop(c)
	return nil
}
