package client

import (
	"context"
	"iter"
	"time"

	"github.com/karez/karez/wire"
)

// A State is where a connection stands.
type State string

// The states of a connection.
const (
	Idle       State = "idle"       // nothing has needed a connection yet
	Connecting State = "connecting" //
	Open       State = "open"       //
	Waiting    State = "waiting"    // for the next try, at Status.Until
	Closed     State = "closed"     // for good: by Close, or because the token was refused; then Status.Err says so
)

// A Status says where the connection stands.
type Status struct {
	State     State
	Transport Transport   // the one in use, or that is tried
	Attempt   int         // tries since a connection that lasted
	Until     time.Time   // of Waiting
	Err       *wire.Error // why the last connection ended or could not be made
	User      string      // whom the token speaks for, once the server has said so
	Session   string      // for operators
}

func (s Status) reason() error {
	if s.Err != nil {
		return s.Err
	}
	return errClosed
}

// Status returns where the connection stands.
func (c *Client) Status() Status {
	s, _ := c.now()
	return s
}

// Statuses yields where the connection stands, now and after each change,
// until ctx or the client ends. A slow reader misses what was passing.
func (c *Client) Statuses(ctx context.Context) iter.Seq[Status] {
	return func(yield func(Status) bool) {
		for {
			s, changed := c.now()
			if !yield(s) || s.State == Closed {
				return
			}
			select {
			case <-changed:
			case <-ctx.Done():
				return
			}
		}
	}
}

func (c *Client) now() (Status, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.status, c.changed
}

// set changes the status. Only run calls it.
func (c *Client) set(s Status) {
	c.mu.Lock()
	if s.User == "" {
		s.User = c.status.User
	}
	c.status = s
	close(c.changed)
	c.changed = make(chan struct{})
	c.mu.Unlock()
	c.log.Debug("connection", "state", s.State, "transport", s.Transport, "attempt", s.Attempt, "err", s.Err)
}
