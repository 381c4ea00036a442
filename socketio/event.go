package socketio

import (
	"errors"
	"fmt"
	"sync/atomic"
)

// An Event came from a client. It is valid beyond its handler.
type Event struct {
	Name string
	Args []Arg

	s     *Socket
	id    int64
	acked atomic.Bool
}

// Socket returns the sender.
func (e *Event) Socket() *Socket { return e.s }

// Arg returns argument i, null if there are fewer.
func (e *Event) Arg(i int) Arg {
	if i < len(e.Args) {
		return e.Args[i]
	}
	return Arg{}
}

// Decode stores the arguments in vs, one each; further arguments are ignored.
func (e *Event) Decode(vs ...any) error {
	if len(vs) > len(e.Args) {
		return fmt.Errorf("decode %s: %d arguments, not %d", e.Name, len(e.Args), len(vs))
	}
	for i, v := range vs {
		if err := e.Args[i].Decode(v); err != nil {
			return fmt.Errorf("decode %s: argument %d: %w", e.Name, i+1, err)
		}
	}
	return nil
}

// WantsAck reports whether the client waits for Ack.
func (e *Event) WantsAck() bool { return e.id != noID && !e.acked.Load() }

// ErrAcked says that an event was acknowledged before.
var ErrAcked = errors.New("acknowledged already")

// Ack acknowledges the event. If the client did not ask for it, nothing is
// sent and nothing is wrong.
func (e *Event) Ack(args ...any) error {
	if e.id == noID {
		return nil
	}
	if e.acked.Swap(true) {
		return ErrAcked
	}
	ms, err := e.s.c.parser().encode(&packet{typ: typeAck, nsp: e.s.ns.name, id: e.id, args: append(make([]any, 0, len(args)), args...)})
	if err != nil {
		return err
	}
	return e.s.send(ms)
}
