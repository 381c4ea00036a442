package gateway

import (
	"errors"
	"io"
	"sync"
	"time"

	"github.com/karez/karez/turn"
)

// A Conn is what a session needs of its transport. No method blocks. Opened,
// Deliver, Ended and Present are called by one goroutine at a time; what they
// return ErrFull for was not taken at all and is given again after Writable,
// or, of Present, what it has become meanwhile. Signal, Renew and Close come
// from other goroutines, at any time from Open on, also side by side.
type Conn interface {
	// Opened says that number l.N stands for a log from here on; it may have
	// stood for another, which was unfollowed without a word.
	Opened(l Log) error
	// Deliver gives what follows on log n.
	Deliver(n uint32, b *Batch) error
	// Ended frees number l.N. why is nil after the terminal event, else
	// broker.ErrTrimmed, broker.ErrAhead (start over from a snapshot) or
	// another reason why the log cannot be followed.
	Ended(l Log, why error) error
	// Present says who is on a channel that the session joined or watches:
	// first everybody, then what changes.
	Present(r *Roster) error
	// Signal gives what is in no log. It may be dropped when the connection
	// is full.
	Signal(s Signal)
	// Renew asks for a fresh token within d.
	Renew(d time.Duration)
	// Close ends the connection, telling the client why if it can.
	Close(why error)
}

// A Session is one client's connection, whatever the transport. Its methods
// may be called concurrently; those that take a context talk to the broker.
type Session struct {
	g      *Gateway // set once, as all of this group
	id     string
	conn   Conn
	opened time.Time

	mu      sync.Mutex // guards all below
	who     Identity
	cursors map[turn.ID]*Cursor
	byN     []*Cursor // index n-1; nil: free
	seats   map[room]*seat
	ready   []reader // woken, not yet stepped
	queued  bool     // stands in the pool or is run by it
	full    bool     // waits for Writable
	held    bool     // between Hold and Release
	drained uint64   // calls of Writable
	asked   bool     // Renew was called for this token
	rooms   map[room]*follow
	closed  bool
}

// ID names the session on every node.
func (s *Session) ID() string { return s.id }

// Who returns whom the session speaks for.
func (s *Session) Who() Identity {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.who
}

// may is Caller.May.
func (s *Session) may(verb, ch string) error { return s.Caller().May(verb, ch) }

// Renew replaces the session's token by a fresh one of the same subject, or
// names the subject of a session that has none yet. What the fresh one may not
// read any more is followed no longer (design: 8).
func (s *Session) Renew(who Identity) error {
	s.mu.Lock()
	if who.App != s.who.App || s.who.User != "" && who.User != s.who.User {
		s.mu.Unlock()
		return ErrSubject
	}
	s.who, s.asked = who, false
	may := func(ch string) bool { return who.Grants != nil && who.Grants.May(Read, who.App, ch) }
	var lost []reader
	for id, c := range s.cursors {
		if !may(id.Channel) {
			c.why, lost = ErrForbidden, append(lost, c)
		}
	}
	lost = append(lost, s.unseat(who)...)
	var left []room
	for r := range s.rooms {
		if !may(r.channel) {
			delete(s.rooms, r)
			left = append(left, r)
		}
	}
	s.mu.Unlock()
	for _, c := range lost {
		s.wake(c)
	}
	for _, r := range left {
		s.g.leave(r, s)
	}
	return nil
}

// Writable says that the connection can take more after ErrFull. The
// transport calls it.
func (s *Session) Writable() {
	s.mu.Lock()
	s.drained++
	s.full = false
	run := s.enqueue()
	s.mu.Unlock()
	if run {
		s.g.pool.add(s)
	}
}

// Hold keeps what is followed back until Release, so that a transport can
// answer a Follow before the first event of it.
func (s *Session) Hold() {
	s.mu.Lock()
	s.held = true
	s.mu.Unlock()
}

// Release ends Hold.
func (s *Session) Release() {
	s.mu.Lock()
	s.held = false
	run := s.enqueue()
	s.mu.Unlock()
	if run {
		s.g.pool.add(s)
	}
}

// A reader is what the pool moves for a session: a Cursor, or a seat.
type reader interface {
	// step gives the connection what comes next; more reports that there may
	// be something else to give at once.
	step() (more bool, err error)
	flags() *mark
}

// A mark is what a session keeps of a reader.
type mark struct {
	ready  bool // guarded by Session.mu: stands in ready
	closed bool // guarded by Session.mu
}

func (m *mark) flags() *mark { return m }

// wake says that c may have something to give.
func (s *Session) wake(c reader) {
	m := c.flags()
	s.mu.Lock()
	if m.ready || m.closed || s.closed {
		s.mu.Unlock()
		return
	}
	m.ready = true
	s.ready = append(s.ready, c) // each reader at most once
	run := s.enqueue()
	s.mu.Unlock()
	if run {
		s.g.pool.add(s)
	}
}

// enqueue reports whether the caller must give s to the pool. s.mu is held.
func (s *Session) enqueue() bool {
	if s.queued || s.full || s.held || s.closed || len(s.ready) == 0 {
		return false
	}
	s.queued = true
	return true
}

// run steps the readers that were woken until none is left or the connection
// is full. The pool calls it, one goroutine at a time.
func (s *Session) run() {
	for {
		c, drained := s.next()
		if c == nil {
			return
		}
		more, err := c.step()
		switch {
		case errors.Is(err, ErrFull):
			if !s.block(c, drained) {
				continue // it was drained meanwhile
			}
			return
		case err != nil:
			s.Close(err)
		case more:
			s.again(c)
		}
	}
}

// next takes the first woken reader, or ends this run.
func (s *Session) next() (reader, uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.held || len(s.ready) == 0 {
		s.queued = false
		return nil, 0
	}
	c := s.ready[0]
	s.ready = s.ready[1:]
	c.flags().ready = false
	return c, s.drained
}

// block leaves c woken and waits for Writable, unless that has come since.
func (s *Session) block(c reader, drained uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := c.flags(); !m.ready && !m.closed {
		m.ready = true
		s.ready = append(s.ready, c)
	}
	if s.drained != drained {
		return false
	}
	s.full, s.queued = true, false
	return true
}

// again wakes c from within run: behind the others, so that one log does not
// keep the rest waiting.
func (s *Session) again(c reader) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := c.flags(); !m.ready && !m.closed {
		m.ready = true
		s.ready = append(s.ready, c)
	}
}

// step gives the reader what comes next. The pool runs it when the feed has
// grown and the connection can take more, never twice at once for one session.
// It alone moves c.at, and only past what Deliver has taken. more reports that
// there may be something else to give at once.
func (c *Cursor) step() (more bool, err error) {
	if !c.told {
		if err := c.s.conn.Opened(Log{N: c.n, ID: c.id, At: c.at}); err != nil {
			return false, err
		}
		c.told = true
	}
	if why := c.stopped(); why != nil {
		return false, c.finish(why)
	}
	b, err := c.feed.Next(c.at, c.s.g.opts.Frame)
	if err != nil {
		return false, c.finish(err)
	}
	if b == nil { // at the tail: the feed wakes us
		return false, nil
	}
	if err := c.s.conn.Deliver(c.n, b); err != nil { // ErrFull: the connection wakes us
		return false, err
	}
	c.at = b.To
	if c.turns {
		c.s.followBegun(c.id, b.Events)
	}
	return true, nil
}

func (c *Cursor) stopped() error {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	return c.why
}

// finish tells the reader that nothing more comes, and why.
func (c *Cursor) finish(why error) error {
	if why == io.EOF {
		why = nil
	}
	if err := c.s.conn.Ended(Log{N: c.n, ID: c.id, At: c.at}, why); err != nil {
		return err
	}
	c.s.drop(c)
	return nil
}

// Close ends the session and its connection. Turns go on (design: 4).
func (s *Session) Close(why error) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.closed = true
	cursors, rooms, seats := s.cursors, s.rooms, s.seats
	s.cursors, s.byN, s.ready, s.rooms, s.seats = nil, nil, nil, nil, nil
	s.mu.Unlock()

	for _, c := range cursors {
		s.g.detach(c)
	}
	for r := range rooms {
		s.g.leave(r, s)
	}
	for _, p := range seats {
		p.leave(true)
	}
	s.g.mu.Lock()
	delete(s.g.sessions, s.id)
	s.g.mu.Unlock()
	s.conn.Close(why)
}
