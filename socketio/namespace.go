package socketio

import (
	"sync"
	"sync/atomic"
)

// A Namespace is one of the independent conversations that a connection can
// carry. Its methods may be called concurrently; handlers are set before
// clients connect.
type Namespace struct {
	server *Server // set once
	name   string
	memory atomic.Pointer[memory] // recovery, see Recover

	mu       sync.RWMutex // guards all below
	use      []func(*Socket) error
	connect  []func(*Socket) error
	handlers map[string]func(*Socket, *Event)
	sockets  map[string]*Socket
	rooms    map[string]map[*Socket]struct{}
}

func newNamespace(s *Server, name string) *Namespace {
	return &Namespace{
		server: s, name: name, handlers: make(map[string]func(*Socket, *Event)),
		sockets: make(map[string]*Socket), rooms: make(map[string]map[*Socket]struct{}),
	}
}

// Name returns the namespace's name, which begins with a slash.
func (n *Namespace) Name() string { return n.name }

// Use adds a middleware: it runs before OnConnect, in order, and refuses the
// connection by an error.
func (n *Namespace) Use(f func(*Socket) error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.use = append(n.use, f)
}

// OnConnect adds what is done with each new socket before its client is told
// that it is connected; what is emitted in f arrives just after that. An error
// refuses the connection.
func (n *Namespace) OnConnect(f func(*Socket) error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.connect = append(n.connect, f)
}

// On sets the handler of an event for all sockets of the namespace. A handler
// that a socket has of its own goes before it.
func (n *Namespace) On(event string, f func(*Socket, *Event)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.handlers[event] = f
}

func (n *Namespace) handler(event string) func(*Socket, *Event) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.handlers[event]
}

// Emit sends an event to every socket of the namespace; see Broadcast.Emit.
func (n *Namespace) Emit(event string, args ...any) error { return n.To().Emit(event, args...) }

// To returns a broadcast to the sockets in any of the rooms; none: to all. A
// socket's ID is a room that it alone is in.
func (n *Namespace) To(rooms ...string) Broadcast { return Broadcast{ns: n, rooms: rooms} }

// Except returns a broadcast to all sockets that are in none of the rooms.
func (n *Namespace) Except(rooms ...string) Broadcast { return Broadcast{ns: n, except: rooms} }

// Socket returns a connected socket by its ID, or nil.
func (n *Namespace) Socket(id string) *Socket {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.sockets[id]
}

// Len returns how many sockets are connected.
func (n *Namespace) Len() int {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return len(n.sockets)
}

// add makes s known. It reports the socket that had its ID, which a recovered
// one takes over.
func (n *Namespace) add(s *Socket) (old *Socket) {
	n.mu.Lock()
	defer n.mu.Unlock()
	old = n.sockets[s.id]
	n.sockets[s.id] = s
	return old
}

// drop forgets s and its rooms, which it returns.
func (n *Namespace) drop(s *Socket) (rooms []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.sockets[s.id] == s {
		delete(n.sockets, s.id)
	}
	for r := range s.rooms {
		rooms = append(rooms, r)
		n.leave(s, r)
	}
	s.gone = true
	return rooms
}

// leave is called with n.mu held.
func (n *Namespace) leave(s *Socket, room string) {
	delete(s.rooms, room)
	if in := n.rooms[room]; in != nil {
		delete(in, s)
		if len(in) == 0 {
			delete(n.rooms, room)
		}
	}
}

// A Broadcast sends to many sockets of a namespace.
type Broadcast struct {
	ns     *Namespace
	rooms  []string
	except []string
	sender *Socket // does not get it
}

// To adds rooms to those that are sent to.
func (b Broadcast) To(rooms ...string) Broadcast {
	b.rooms = append(append([]string(nil), b.rooms...), rooms...)
	return b
}

// Except leaves out the sockets in rooms.
func (b Broadcast) Except(rooms ...string) Broadcast {
	b.except = append(append([]string(nil), b.except...), rooms...)
	return b
}

// Sockets returns those that are sent to.
func (b Broadcast) Sockets() []*Socket {
	b.ns.mu.RLock()
	defer b.ns.mu.RUnlock()
	var out []*Socket
	seen := make(map[*Socket]bool)
	add := func(s *Socket) {
		if s == b.sender || seen[s] || within(s.rooms, b.except) {
			return
		}
		seen[s] = true
		out = append(out, s)
	}
	if len(b.rooms) == 0 {
		for _, s := range b.ns.sockets {
			add(s)
		}
	}
	for _, r := range b.rooms {
		for s := range b.ns.rooms[r] {
			add(s)
		}
	}
	return out
}

func within(rooms map[string]struct{}, any []string) bool {
	for _, r := range any {
		if _, ok := rooms[r]; ok {
			return true
		}
	}
	return false
}

// Emit sends an event. A client that reads so slowly that its queue is full is
// disconnected, so that the others need not wait for it; it connects again by
// itself. The error is that of the arguments.
func (b Broadcast) Emit(event string, args ...any) error {
	if reserved[event] {
		return ErrReserved
	}
	m := b.ns.memory.Load()
	if m != nil {
		return m.broadcast(b, event, args)
	}
	return b.emit(event, args)
}

func (b Broadcast) emit(event string, args []any) error {
	e := encoded{p: &packet{typ: typeEvent, nsp: b.ns.name, id: noID, args: append([]any{event}, args...)}}
	if _, err := e.as(jsonParser{}); err != nil {
		return err
	}
	for _, s := range b.Sockets() {
		ms, err := e.as(s.c.parser())
		if err != nil {
			return err
		}
		if s.send(ms) == ErrFull {
			s.c.conn.Close(errSlow)
		}
	}
	return nil
}

// Disconnect disconnects the sockets; see Socket.Disconnect.
func (b Broadcast) Disconnect(closeConnection bool) {
	for _, s := range b.Sockets() {
		s.Disconnect(closeConnection)
	}
}
