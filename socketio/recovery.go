package socketio

import (
	"crypto/rand"
	"encoding/json"
	"slices"
	"strconv"
	"sync"
	"time"
)

// A Recovery configures connection state recovery in memory: a client whose
// connection broke gets its ID, rooms and Data back, and the events that it
// missed. It works on the process that the client was connected to.
type Recovery struct {
	MaxAge      time.Duration // of a disconnected client, and of events; 0: 2 min
	MaxEvents   int           // kept for those who come back; 0: 10,000
	MaxSessions int           // disconnected clients kept; 0: 10,000
}

// Recover turns recovery on for a namespace. Events then carry their offset as
// a last argument, which clients remember by themselves.
func (n *Namespace) Recover(r Recovery) {
	if r.MaxAge == 0 {
		r.MaxAge = 2 * time.Minute
	}
	if r.MaxEvents == 0 {
		r.MaxEvents = 10_000
	}
	if r.MaxSessions == 0 {
		r.MaxSessions = 10_000
	}
	n.memory.Store(&memory{opts: r, epoch: rand.Text()[:8], saved: make(map[string]saved), live: make(map[string]*Socket)})
}

// memory is what recovery keeps of one namespace.
type memory struct {
	opts  Recovery
	epoch string // of this process: offsets of another are not ours

	mu     sync.Mutex // guards all below, and the order of what is sent
	last   int64
	events []kept // oldest first, numbered without holes
	saved  map[string]saved
	live   map[string]*Socket // by pid
}

// kept is an event that was sent.
type kept struct {
	n     int64
	to    Broadcast
	event string
	args  []any
	at    time.Time
}

// saved is a client that was disconnected.
type saved struct {
	id    string
	rooms []string
	data  map[any]any
	at    time.Time
}

// number keeps an event and returns its arguments with its offset. m.mu is
// held.
func (m *memory) number(to Broadcast, event string, args []any) []any {
	m.last++
	args = append(append(make([]any, 0, len(args)+1), args...), m.offset(m.last))
	m.events = append(m.events, kept{n: m.last, to: to, event: event, args: args, at: time.Now()})
	if len(m.events) > m.opts.MaxEvents {
		m.events[0] = kept{}
		m.events = m.events[1:]
	}
	return args
}

func (m *memory) offset(n int64) string { return m.epoch + strconv.FormatInt(n, 36) }

func (m *memory) broadcast(b Broadcast, event string, args []any) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return b.emit(event, m.number(b, event, args))
}

func (m *memory) emit(s *Socket, event string, args []any) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return s.emit(event, noID, m.number(s.ns.To(s.id), event, args))
}

// save takes a client off the live ones, and keeps it if it may come back.
func (m *memory) save(s *Socket, rooms []string, keep bool) {
	data := make(map[any]any)
	s.Data.Range(func(k, v any) bool { data[k] = v; return true })
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.live[s.pid] == s {
		delete(m.live, s.pid)
	}
	if keep && len(m.saved) < m.opts.MaxSessions {
		m.saved[s.pid] = saved{id: s.id, rooms: rooms, data: data, at: time.Now()}
	}
}

// forget drops what is too old.
func (m *memory) forget(now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for pid, s := range m.saved {
		if now.Sub(s.at) > m.opts.MaxAge {
			delete(m.saved, pid)
		}
	}
	for len(m.events) > 0 && now.Sub(m.events[0].at) > m.opts.MaxAge {
		m.events[0] = kept{}
		m.events = m.events[1:]
	}
}

// restore gives a client that comes back what it had, if it can be had whole.
func (m *memory) restore(s *Socket) {
	var asked struct {
		PID    string `json:"pid"`
		Offset string `json:"offset"`
	}
	_ = json.Unmarshal(s.handshake.Auth, &asked) // whatever else it is, it is the application's
	m.mu.Lock()
	quick := m.live[asked.PID]
	m.mu.Unlock()
	if quick != nil { // it is here before its old connection is known to be gone
		quick.c.leave(quick, ReasonTransport)
		quick.c.conn.Close(errServer)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	defer func() { m.live[s.pid] = s }()
	old, ok := m.saved[asked.PID]
	missed, found := m.after(asked.Offset)
	if !ok || !found {
		s.pid = rand.Text()
		return
	}
	delete(m.saved, asked.PID)
	s.id, s.pid, s.recovered = old.id, asked.PID, true
	s.ns.add(s) // from here on it gets what is sent to all
	s.Join(old.rooms...)
	for k, v := range old.data {
		s.Data.Store(k, v)
	}
	for _, e := range missed {
		if e.to.reaches(s, old.rooms) {
			if s.emit(e.event, noID, e.args) != nil {
				s.c.conn.Close(errSlow)
				return
			}
		}
	}
}

// after returns the events that follow an offset; found is false when they are
// not all there.
func (m *memory) after(offset string) (_ []kept, found bool) {
	if len(offset) < len(m.epoch) || offset[:len(m.epoch)] != m.epoch {
		return nil, false
	}
	n, err := strconv.ParseInt(offset[len(m.epoch):], 36, 64)
	if err != nil || n < 0 || n > m.last || n < m.last-int64(len(m.events)) {
		return nil, false
	}
	return m.events[int64(len(m.events))-(m.last-n):], true
}

// reaches reports whether a broadcast was for a socket in rooms.
func (b Broadcast) reaches(s *Socket, rooms []string) bool {
	if b.sender != nil && b.sender.id == s.id {
		return false
	}
	hit := len(b.rooms) == 0
	for _, r := range rooms {
		if slices.Contains(b.except, r) {
			return false
		}
		hit = hit || slices.Contains(b.rooms, r)
	}
	return hit
}
