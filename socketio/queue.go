package socketio

import (
	"errors"

	"github.com/karez/karez/internal/engineio"
)

func size(ms []engineio.Message) (n int) {
	for _, m := range ms {
		n += len(m.Data) + 16
	}
	return n
}

// send sends one packet's messages, or queues them behind what waits already.
func (c *client) send(ms []engineio.Message) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ErrClosed
	}
	if len(c.queue) == 0 {
		err := c.conn.TryWrite(ms...)
		if !errors.Is(err, engineio.ErrFull) {
			return closed(err)
		}
	}
	n := size(ms)
	if c.queued+n > c.s.opts.MaxQueue {
		return ErrFull
	}
	c.queue, c.queued = append(c.queue, ms...), c.queued+n
	return nil
}

// try is send without a queue.
func (c *client) try(s *Socket, ms []engineio.Message) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ErrClosed
	}
	err := engineio.ErrFull
	if len(c.queue) == 0 {
		err = c.conn.TryWrite(ms...)
	}
	if errors.Is(err, engineio.ErrFull) {
		if c.wants == nil {
			c.wants = make(map[*Socket]bool, 1)
		}
		c.wants[s] = true
		return ErrFull
	}
	return closed(err)
}

func closed(err error) error {
	if err != nil {
		return ErrClosed
	}
	return nil
}

// maxFlush is how many queued messages are written at once.
const maxFlush = 64

// Writable is part of engineio.Handler: the queue goes first, then those that
// were refused.
func (c *client) Writable() {
	c.mu.Lock()
	for len(c.queue) > 0 {
		n := min(len(c.queue), maxFlush)
		if c.conn.TryWrite(c.queue[:n]...) != nil {
			c.mu.Unlock()
			return // Writable comes again, or the end
		}
		c.queued -= size(c.queue[:n])
		clear(c.queue[:n])
		c.queue = c.queue[n:]
	}
	c.queue, c.queued = nil, 0
	wants := c.wants
	c.wants = nil
	c.mu.Unlock()
	for s := range wants {
		s.mu.Lock()
		drained := s.drained
		s.mu.Unlock()
		if drained != nil {
			drained()
		}
	}
}

// encoded is a packet for many clients, encoded once for each parser.
type encoded struct {
	p     *packet
	json  []engineio.Message
	msgpk []engineio.Message
}

func (e *encoded) as(par parser) (ms []engineio.Message, err error) {
	at := &e.json
	if par == (msgpackParser{}) {
		at = &e.msgpk
	}
	if *at == nil {
		*at, err = par.encode(e.p)
	}
	return *at, err
}
