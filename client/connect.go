package client

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/karez/karez/wire"
)

// start connects unless that is under way.
func (c *Client) start() {
	if c.Status().State == Idle {
		c.connect()
	}
}

// connect gets a token, then opens a link. It takes the place of any other.
func (c *Client) connect() {
	c.cut()
	c.set(Status{State: Connecting, Transport: c.transport(), Attempt: c.loop.attempt, Err: c.Status().Err})
	if c.loop.token != "" {
		c.open()
		return
	}
	try := c.loop.try
	c.fetchToken(func(token string, err error) {
		switch {
		case c.loop.try != try: // cut meanwhile
		case err != nil:
			e := asError(err)
			if e.Code == wire.CodeUnauthorized || e.Code == wire.CodeForbidden {
				c.end(e)
				return
			}
			c.wait(e, 0)
		case token == c.loop.refused:
			e := c.Status().Err
			if e == nil {
				e = &wire.Error{Code: wire.CodeUnauthorized, Message: "the token was refused"}
			}
			c.end(e)
		default:
			c.loop.token = token
			c.open()
		}
	})
}

// fetchToken asks for a token and gives it to then, in run.
func (c *Client) fetchToken(then func(string, error)) {
	c.spawn(func() {
		ctx, cancel := context.WithTimeout(c.ctx, openTime)
		defer cancel()
		token, err := c.opts.Token(ctx)
		if err == nil && token == "" {
			err = errors.New("the token function returned no token")
		}
		_ = c.do(c.ctx, func() { then(token, err) }) // closed: nobody asks any more
	})
}

func (c *Client) transport() Transport {
	if c.opts.Transport != Auto {
		return c.opts.Transport
	}
	if c.loop.blocked < 2 {
		return WebSocket
	}
	return SSE
}

func (c *Client) open() {
	l := &c.loop
	l.heard = time.Now()
	if c.transport() == WebSocket {
		l.link = c.openSocket(l.token)
	} else {
		l.link = c.openStream(l.token)
		c.refollowStream()
	}
	c.onLink(openTime, func() {
		if !l.link.open {
			c.down(lost("the server does not answer"))
		}
	})
}

// message takes what comes from the link.
func (c *Client) message(m message) {
	l := &c.loop
	if m.stream != 0 && m.stream != l.link.stream {
		return // of a stream that another has replaced
	}
	l.heard = time.Now()
	switch {
	case m.err != nil:
		c.down(m.err)
	case m.frame != nil:
		c.frame(m.frame)
	}
}

// down says that the link is lost, and plans the next.
func (c *Client) down(err error) {
	l := &c.loop
	e := asError(err)
	var least time.Duration
	if l.bye != nil {
		least = time.Duration(l.bye.In) * time.Millisecond
		if l.bye.Error != nil {
			e = l.bye.Error
		}
	}
	least = max(least, time.Duration(e.RetryIn)*time.Millisecond)
	wasOpen := c.isOpen()
	if wasOpen && time.Since(l.openedAt) >= stable {
		l.attempt = 0
	}
	switch {
	case wasOpen:
	case l.link.transport == WebSocket && e.Code == CodeConnect:
		l.blocked++
	case e.Code == CodeConnect:
		l.blocked = 0 // it was not the WebSocket's fault
	}
	c.cut()
	switch e.Code {
	case wire.CodeForbidden:
		c.end(e)
		return
	case wire.CodeUnauthorized, wire.CodeExpired:
		l.refused, l.token = l.token, ""
	}
	c.wait(e, least)
}

// cut ends the link and all that hangs on it.
func (c *Client) cut() {
	l := &c.loop
	l.try++
	l.link.close()
	l.next.close()
	l.link, l.next, l.out, l.bye, l.restream = nil, nil, nil, nil, false
	l.timers = slices.DeleteFunc(l.timers, func(t *timer) bool { return t.link })
	clear(l.follows)
	clear(l.asked)
	clear(l.logs)
	for _, f := range l.fs {
		f.lost()
	}
	c.lostRequests()
}

// wait plans the next try: after least, and what the backoff says.
func (c *Client) wait(e *wire.Error, least time.Duration) {
	l := &c.loop
	pause := least + c.opts.Backoff(l.attempt)
	l.attempt++
	try := l.try
	c.set(Status{State: Waiting, Transport: c.transport(), Attempt: l.attempt, Until: time.Now().Add(pause), Err: e})
	c.after(pause, func() {
		if l.try == try && c.Status().State == Waiting {
			c.connect()
		}
	})
}

// wake tries now what would be tried later.
func (c *Client) wake() {
	switch {
	case c.Status().State == Waiting:
		c.connect()
	case c.isOpen() && c.loop.link.transport == WebSocket:
		before := c.loop.heard
		c.send(outgoing{command: &wire.Command{Type: wire.CmdPing}})
		c.onLink(probeTime, func() {
			if c.loop.heard.Equal(before) {
				c.down(lost("the server does not answer"))
			}
		})
	}
}

// guard is the watchdog: a link on which nothing was heard is dead.
func (c *Client) guard() {
	if c.loop.watch != nil {
		c.stopTimer(c.loop.watch)
	}
	left := silence - time.Since(c.loop.heard)
	if left <= 0 {
		c.down(lost("nothing was heard from the server for %v", silence))
		return
	}
	c.loop.watch = c.onLink(left, func() {
		if !c.loop.link.quiet {
			c.guard()
		}
	})
}

// renew gets a fresh token, because the server has asked for one.
func (c *Client) renew() {
	link := c.loop.link
	c.fetchToken(func(token string, err error) {
		if c.loop.link != link || !link.open {
			return // the next link takes the token that there is, or asks
		}
		if err != nil || token == c.loop.token {
			c.log.Debug("no fresh token", "err", err) // the server closes in time, and we come back
			return
		}
		c.loop.token = token
		if link.transport == WebSocket {
			c.add(&request{command: &wire.Command{Type: wire.CmdRenew, Token: token}, answer: make(chan answer, 1)})
			return
		}
		link.token.Store(&token)
		c.loop.restream = true // a stream keeps the token that it began with
	})
}

// --- back to a WebSocket ---

// planUpgrade plans a try with a WebSocket beside the event stream.
func (c *Client) planUpgrade() {
	if c.opts.Transport != Auto {
		return
	}
	l := &c.loop
	c.onLink(l.upgrade, func() {
		next := c.openSocket(l.token)
		l.next = next
		c.onLink(openTime, func() {
			if l.next == next {
				c.dropCandidate()
			}
		})
	})
	l.upgrade = min(2*l.upgrade, mostTry)
}

// candidate takes what comes from the WebSocket tried beside the stream, and
// moves over when it is welcomed.
func (c *Client) candidate(m message) {
	l := &c.loop
	switch {
	case m.err != nil, m.frame != nil && m.frame.Type == wire.FrameBye:
		c.dropCandidate()
	case m.frame != nil && m.frame.Type == wire.FrameWelcome:
		if c.busy() { // stay while an answer is on its way over the old one
			c.dropCandidate()
			return
		}
		next := l.next
		l.next = nil
		c.cut()
		l.link, l.heard = next, time.Now()
		c.frame(m.frame)
	}
}

func (c *Client) dropCandidate() {
	c.loop.next.close()
	c.loop.next = nil
	c.planUpgrade()
}
