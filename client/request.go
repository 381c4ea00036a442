package client

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/karez/karez/wire"
)

// maxPending bounds the commands that wait for their answers.
const maxPending = 1000

// A request is a command that waits for its answer, across reconnects. It is
// owned by run, but for answer.
type request struct {
	command *wire.Command
	repeat  bool // doing it twice is the same as doing it once
	queued  bool // stands in loop.out
	sent    bool // on this link
	tries   int  // answers that asked for another try
	refused int  // times that its token was refused
	delay   *timer
	answer  chan answer // capacity 1
}

type answer struct {
	frame *wire.Frame
	err   *wire.Error
}

// request sends a command now or as soon as there is a connection, and waits
// for its answer. One that may be repeated is sent again after every
// reconnect; any other fails when the connection breaks between its sending
// and its answer.
func (c *Client) request(ctx context.Context, cmd wire.Command, repeat bool) (*wire.Frame, error) {
	if err := cmd.Check(); err != nil {
		return nil, err
	}
	r := &request{command: &cmd, repeat: repeat, answer: make(chan answer, 1)}
	if err := c.do(ctx, func() { c.add(r) }); err != nil {
		return nil, err
	}
	select {
	case a := <-r.answer:
		if a.err != nil {
			return nil, a.err
		}
		return a.frame, nil
	case <-ctx.Done():
		_ = c.do(context.Background(), func() { c.drop(r) }) // closed: dropped already
		return nil, ctx.Err()
	}
}

// tell sends what is worth nothing later. It is dropped without a connection.
func (c *Client) tell(cmd *wire.Command) {
	if c.isOpen() && len(c.loop.out) < maxSignals {
		c.send(outgoing{command: cmd})
	}
}

func (c *Client) add(r *request) {
	if e := c.ended(); e != nil {
		r.answer <- answer{err: e}
		return
	}
	if len(c.loop.pending) >= maxPending {
		r.answer <- answer{err: &wire.Error{Code: wire.CodeTooMany, Message: "1000 commands wait for their answers already"}}
		return
	}
	r.command.ID = c.nextID()
	c.loop.pending[r.command.ID] = r
	c.start()
	c.flush(r)
}

// flush sends r unless it is sent, or waits for something.
func (c *Client) flush(r *request) {
	if c.isOpen() && !r.sent && !r.queued && r.delay == nil {
		r.queued = true
		c.send(outgoing{command: r.command, request: r})
	}
}

// flushRequests sends all that is not sent, oldest first.
func (c *Client) flushRequests() {
	for _, id := range slices.Sorted(maps.Keys(c.loop.pending)) {
		c.flush(c.loop.pending[id])
	}
}

// lostRequests is called when the link is gone.
func (c *Client) lostRequests() {
	for _, r := range c.loop.pending {
		if r.sent && !r.repeat {
			c.settle(r, nil, &wire.Error{
				Code: CodeDisconnected, Message: "the connection broke before " + r.command.Type + " was answered",
				Hint: "it may have been done: look before you repeat it",
			})
		}
		r.sent, r.queued = false, false
	}
}

// busy reports whether an answer is outstanding.
func (c *Client) busy() bool {
	for _, r := range c.loop.pending {
		if r.sent || r.queued {
			return true
		}
	}
	return false
}

// answered takes the answer to a command and reports whether it was one.
func (c *Client) answered(f *wire.Frame) bool {
	r := c.loop.pending[f.ID]
	if f.ID == 0 || r == nil {
		return false
	}
	e := f.Error
	if f.Type != wire.FrameError || e == nil {
		c.settle(r, f, nil)
		return true
	}
	token := e.Code == wire.CodeUnauthorized || e.Code == wire.CodeExpired
	switch {
	case token && r.command.Type != wire.CmdRenew && r.refused < 2:
		r.refused++
		r.sent = false // nothing was done: any command may be sent again
		c.down(e)
	case r.repeat && e.RetryIn > 0 && passing(e.Code, r.tries):
		r.sent = false
		if r.tries == 0 {
			c.putOff(e)
		}
		wait := time.Duration(e.RetryIn)*time.Millisecond + c.opts.Backoff(r.tries)
		r.tries++
		r.delay = c.after(wait, func() {
			r.delay = nil
			c.flush(r)
		})
	default:
		c.settle(r, nil, e)
	}
	return true
}

// putOff tells who reads the log why nothing happens.
func (c *Client) putOff(e *wire.Error) {
	c.log.Warn("the server cannot do it now ("+e.Message+"), trying again", "code", e.Code)
}

// passing reports whether the same command may work after tries tries.
func passing(code string, tries int) bool {
	switch code {
	case wire.CodeUnavailable, wire.CodeSlowDown, wire.CodeDraining:
		return true
	}
	return code == wire.CodeInternal && tries == 0
}

func (c *Client) settle(r *request, f *wire.Frame, e *wire.Error) {
	c.drop(r)
	r.answer <- answer{frame: f, err: e} // the only one
}

// drop forgets r: it is answered, or nobody waits for the answer.
func (c *Client) drop(r *request) {
	delete(c.loop.pending, r.command.ID)
	if r.delay != nil {
		c.stopTimer(r.delay)
		r.delay = nil
	}
	c.loop.out = slices.DeleteFunc(c.loop.out, func(o outgoing) bool { return o.request == r })
}
