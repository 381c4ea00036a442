package socketio

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/karez/karez/internal/engineio"
)

// A Handshake is how a socket's client came.
type Handshake struct {
	Auth   json.RawMessage // what the client sent as auth, an object; "{}" if nothing
	Header http.Header     // of the request that began the connection, as the rest
	Query  url.Values
	Remote string // address
	Secure bool   // it came over TLS
	Time   time.Time
}

// A Socket is one client in one namespace. Its methods may be called
// concurrently.
type Socket struct {
	Data sync.Map // the application's own; recovered with the socket

	c         *client // set once, as all of this group
	ns        *Namespace
	handshake Handshake
	ctx       context.Context // ends with the socket
	end       context.CancelFunc

	id        string // set once, or by Identify before the client is answered
	pid       string
	recovered bool

	rooms map[string]struct{} // guarded by ns.mu
	gone  bool                // guarded by ns.mu: no room can be joined

	mu         sync.Mutex // guards all below
	state      state
	early      [][]engineio.Message // emitted before the client was answered
	earlyBytes int
	wantEarly  bool // TryEmit was refused meanwhile
	handlers   map[string]func(*Event)
	any        func(*Event)
	drained    func()
	left       []func(string)
	acks       map[int64]chan []Arg
	nextAck    int64
}

type state int

const (
	connecting state = iota
	connected
	disconnected
)

// ID names the socket; no other socket of its namespace has it.
func (s *Socket) ID() string { return s.id }

// Namespace returns the socket's namespace.
func (s *Socket) Namespace() *Namespace { return s.ns }

// Handshake returns how the client came.
func (s *Socket) Handshake() Handshake { return s.handshake }

// Recovered reports whether the client's earlier connection was restored:
// same ID, rooms and Data, and it gets what it missed.
func (s *Socket) Recovered() bool { return s.recovered }

// Context ends when the socket is disconnected.
func (s *Socket) Context() context.Context { return s.ctx }

// Connected reports whether the client has been told that it is connected and
// has not left since.
func (s *Socket) Connected() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state == connected
}

// Polling reports whether the client is on HTTP long-polling.
func (s *Socket) Polling() bool { return s.c.conn.Polling() }

// Identify is for applications that keep the state of their clients
// themselves: it sets the socket's ID, and the secret pid by which a client
// that comes back asks for it, in auth with the last argument of the last
// event that it got, if that was a string: the offset. recovered tells the
// client that it missed nothing. Call it in Use or OnConnect only.
func (s *Socket) Identify(id, pid string, recovered bool) {
	s.id, s.pid, s.recovered = id, pid, recovered
}

// On sets the handler of an event.
func (s *Socket) On(event string, f func(*Event)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.handlers == nil {
		s.handlers = make(map[string]func(*Event))
	}
	s.handlers[event] = f
}

// OnAny sets a function that sees every event before its handler.
func (s *Socket) OnAny(f func(*Event)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.any = f
}

// OnDisconnect adds a function that is called once, with the reason, when the
// socket is disconnected.
func (s *Socket) OnDisconnect(f func(reason string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left = append(s.left, f)
}

// OnDrain sets a function that is called when the client can take more after
// TryEmit has answered ErrFull. It must not block.
func (s *Socket) OnDrain(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drained = f
}

// Emit sends an event. Arguments are whatever encoding/json encodes; []byte,
// also within map[string]any and []any, travels as binary data. What a client
// does not read is kept up to Options.MaxQueue bytes; then Emit answers ErrFull
// and keeps nothing of the event. Arguments must not be changed afterwards.
func (s *Socket) Emit(event string, args ...any) error {
	if reserved[event] {
		return ErrReserved
	}
	if m := s.ns.memory.Load(); m != nil {
		return m.emit(s, event, args)
	}
	return s.emit(event, noID, args)
}

func (s *Socket) emit(event string, id int64, args []any) error {
	ms, err := s.c.parser().encode(&packet{typ: typeEvent, nsp: s.ns.name, id: id, args: append([]any{event}, args...)})
	if err != nil {
		return err
	}
	return s.send(ms)
}

// EmitWithAck sends an event and waits until the client has acknowledged it,
// ctx ends, or the socket is disconnected.
func (s *Socket) EmitWithAck(ctx context.Context, event string, args ...any) ([]Arg, error) {
	if reserved[event] {
		return nil, ErrReserved
	}
	answer := make(chan []Arg, 1)
	s.mu.Lock()
	if s.acks == nil {
		s.acks = make(map[int64]chan []Arg)
	}
	id := s.nextAck
	s.nextAck++
	s.acks[id] = answer
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.acks, id)
		s.mu.Unlock()
	}()
	if err := s.emit(event, id, args); err != nil {
		return nil, err
	}
	select {
	case out := <-answer:
		return out, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("await acknowledgement of %s: %w", event, ctx.Err())
	case <-s.ctx.Done():
		return nil, ErrClosed
	}
}

// acked hands an acknowledgement to who waits for it.
func (s *Socket) acked(id int64, args []Arg) {
	s.mu.Lock()
	answer := s.acks[id]
	delete(s.acks, id)
	s.mu.Unlock()
	if answer != nil {
		answer <- args
	}
}

// A Message is an event to send.
type Message struct {
	Event string
	Args  []any
}

// TryEmit sends events if the client can take something now: all of them or,
// with ErrFull, none, and OnDrain's function follows. So an application that
// can read again what it has to send keeps nothing for a slow client.
func (s *Socket) TryEmit(ms ...Message) error {
	var out []engineio.Message
	par := s.c.parser()
	for _, m := range ms {
		if reserved[m.Event] {
			return ErrReserved
		}
		one, err := par.encode(&packet{typ: typeEvent, nsp: s.ns.name, id: noID, args: append([]any{m.Event}, m.Args...)})
		if err != nil {
			return err
		}
		out = append(out, one...)
	}
	s.mu.Lock()
	st := s.state
	s.wantEarly = s.wantEarly || st == connecting
	s.mu.Unlock()
	switch st {
	case connecting:
		return ErrFull
	case disconnected:
		return ErrClosed
	}
	return s.c.try(s, out)
}

// send sends or queues what is encoded already.
func (s *Socket) send(ms []engineio.Message) error {
	s.mu.Lock()
	defer s.mu.Unlock() // keeps the order of early messages
	switch s.state {
	case connecting:
		n := size(ms)
		if s.earlyBytes+n > s.c.s.opts.MaxQueue {
			return ErrFull
		}
		s.early, s.earlyBytes = append(s.early, ms), s.earlyBytes+n
		return nil
	case disconnected:
		return ErrClosed
	}
	return s.c.send(ms)
}

// Join puts the socket into rooms.
func (s *Socket) Join(rooms ...string) {
	s.ns.mu.Lock()
	defer s.ns.mu.Unlock()
	for _, r := range rooms {
		if s.gone {
			return
		}
		in := s.ns.rooms[r]
		if in == nil {
			in = make(map[*Socket]struct{})
			s.ns.rooms[r] = in
		}
		in[s] = struct{}{}
		s.rooms[r] = struct{}{}
	}
}

// Leave takes the socket out of rooms.
func (s *Socket) Leave(rooms ...string) {
	s.ns.mu.Lock()
	defer s.ns.mu.Unlock()
	for _, r := range rooms {
		s.ns.leave(s, r)
	}
}

// Rooms returns the rooms that the socket is in, among them its ID.
func (s *Socket) Rooms() []string {
	s.ns.mu.RLock()
	defer s.ns.mu.RUnlock()
	out := make([]string, 0, len(s.rooms))
	for r := range s.rooms {
		out = append(out, r)
	}
	return out
}

// To returns a broadcast to the others in rooms; none: to all others.
func (s *Socket) To(rooms ...string) Broadcast {
	return Broadcast{ns: s.ns, rooms: rooms, sender: s}
}

// Disconnect takes the client out of the namespace, which it is told and does
// not undo by itself; closeConnection ends the connection below instead, with
// all of its namespaces, and the client comes back.
func (s *Socket) Disconnect(closeConnection bool) {
	if closeConnection {
		s.c.conn.Close(errServer)
		return
	}
	if ms, err := s.c.parser().encode(&packet{typ: typeDisconnect, nsp: s.ns.name, id: noID}); err == nil {
		_ = s.send(ms) // a client that does not read it sees its connection end
	}
	s.c.leave(s, ReasonServer)
}
