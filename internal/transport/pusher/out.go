package pusher

import (
	"errors"
	"sync"

	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/internal/socket"
)

// maxWaiting bounds what waits for a client that does not read, in bytes: what
// is in no log cannot be read again there. A client that is behind by more is
// closed and comes back, rather than shown a wrong list of members. More lets a
// slow client live through larger bursts.
const maxWaiting = 128 << 10

var errSlow = errors.New("the client does not read what it is sent")

// A line carries frames to one client, by WebSocket or HTTP.
type line interface {
	// write takes all of frames or none. socket.ErrFull: out.flush is called
	// when there is room. It does not wait.
	write(frames [][]byte) error
	close(code int, reason string)
}

// An out keeps the order of what a client is told, and what the line did not
// take. Events of logs never wait here: their cursor does.
type out struct {
	line line // set once

	mu    sync.Mutex // guards the two below and the order of writes
	queue [][]byte
	size  int
}

// put writes frames, or keeps them until the line has room.
func (o *out) put(frames ...[]byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.queue) == 0 {
		err := o.line.write(frames)
		if !errors.Is(err, socket.ErrFull) {
			return err
		}
	}
	for _, f := range frames {
		o.size += len(f)
	}
	o.queue = append(o.queue, frames...)
	if o.size > maxWaiting {
		return errSlow
	}
	return nil
}

// try writes frames, which can be read again, or answers gateway.ErrFull.
func (o *out) try(frames ...[]byte) error {
	if len(frames) == 0 {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.queue) > 0 {
		return gateway.ErrFull
	}
	err := o.line.write(frames)
	if errors.Is(err, socket.ErrFull) {
		return gateway.ErrFull
	}
	return err
}

// flush writes what waits and reports whether the line may take more.
func (o *out) flush() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.queue) == 0 {
		return true
	}
	if err := o.line.write(o.queue); errors.Is(err, socket.ErrFull) {
		return false
	}
	o.queue, o.size = nil, 0 // a lost connection needs none of it
	return true
}
