package client

import (
	"context"
	"sync/atomic"

	"github.com/karez/karez/wire"
)

// A link is one connection to the server, over either road. Its goroutines
// end with its context; run takes what they bring.
type link struct {
	transport Transport // set once, as all of this group
	ctx       context.Context
	cancel    context.CancelFunc
	in        chan message
	out       chan *wire.Command

	open   bool               // owned by run: welcomed
	quiet  bool               // owned by run: an event stream that follows nothing is none, and silent
	stream uint64             // owned by run: which event stream counts
	cut    context.CancelFunc // owned by run: ends that stream
	token  atomic.Pointer[string]
}

// A message is what a link brings: a frame, a sign of life (none), or its end.
type message struct {
	frame  *wire.Frame
	err    error
	stream uint64 // the event stream that it came on; 0: another way
}

func (c *Client) newLink(t Transport, token string) *link {
	l := &link{transport: t, in: make(chan message), out: make(chan *wire.Command)}
	l.token.Store(&token)
	l.ctx, l.cancel = context.WithCancel(c.ctx)
	return l
}

// messages returns where l brings messages; nil if there is no link.
func (l *link) messages() <-chan message {
	if l == nil {
		return nil
	}
	return l.in
}

func (l *link) close() {
	if l != nil {
		l.cancel()
	}
}

// bring gives m to run, unless the link has ended.
func (l *link) bring(ctx context.Context, m message) bool {
	select {
	case l.in <- m:
		return true
	case <-ctx.Done():
		return false
	}
}
