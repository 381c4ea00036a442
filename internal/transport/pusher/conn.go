package pusher

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/internal/transport/pusher/apps"
)

// pongTime is how long a client may take to answer pusher:ping.
const pongTime = 20 * time.Second

// maxHeld bounds the signals that wait while a subscription is being made.
const maxHeld = 64

// A conn is one client, by WebSocket or HTTP: the session's gateway.Conn.
type conn struct {
	t       *Transport // set once, as all of this group
	app     *apps.App
	id      string // the socket id
	out     out
	seen    func() time.Time // when the client last gave a sign of life
	grants  *grants
	session *gateway.Session
	ctx     context.Context // ends with the connection
	end     context.CancelFunc

	work   sync.Mutex           // one message at a time; guards the two below
	second int64                // in which
	events int                  // that many client events came
	logs   map[uint32]*followed // owned by the session: Opened, Deliver and Ended

	mu     sync.Mutex // guards all below
	subs   map[string]*sub
	user   *user
	pinged bool
	over   bool
}

// A sub is a subscription.
type sub struct {
	member  string                    // id of the member, on a presence channel
	pending bool                      // subscription_succeeded was not sent yet
	held    [][]byte                  // what came meanwhile
	here    map[string]gateway.Member // who is here, while pending
	full    chan struct{}             // closed when here is complete
}

// newSocketID makes an id as clients and auth servers expect it.
func newSocketID() string {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return strconv.FormatUint(uint64(binary.BigEndian.Uint32(b[:4])), 10) + "." + strconv.FormatUint(uint64(binary.BigEndian.Uint32(b[4:])), 10)
}

// open begins a session for a new client. A refused client is told why.
func (t *Transport) open(app *apps.App, l line, seen func() time.Time) *conn {
	c := &conn{t: t, app: app, id: newSocketID(), seen: seen, grants: &grants{app: app}, subs: make(map[string]*sub)}
	c.out.line = l
	c.ctx, c.end = context.WithCancel(context.Background())
	s, err := t.g.Open(c, gateway.Identity{App: app.Tenant, Grants: c.grants})
	if err != nil {
		c.Close(err)
		return c
	}
	c.session = s
	if !t.add(c) {
		c.refuse(codeQuota, fmt.Sprintf("the app has its %d connections", app.MaxConnections))
		return c
	}
	data := `{"socket_id":"` + c.id + `","activity_timeout":` + strconv.Itoa(app.ActivityTimeout) + `}`
	c.tell(appendEvent(nil, evEstablished, "", data, ""))
	return c
}

// receive carries out one message. Its transport calls it, and reads no further
// meanwhile: a client that asks faster than the broker answers is slowed down
// by its own connection.
func (c *conn) receive(p []byte) {
	c.work.Lock()
	defer c.work.Unlock()
	c.mu.Lock()
	c.pinged = false
	over := c.over
	c.mu.Unlock()
	if over || c.session == nil {
		return
	}
	m, err := decodeMessage(p)
	if err != nil {
		c.complain(codeGeneric, "Invalid message format")
		return
	}
	ctx, cancel := context.WithTimeout(c.ctx, commandTime)
	defer cancel()
	switch m.Event {
	case evPing:
		c.tell(appendEvent(nil, evPong, "", "{}", ""))
	case evPong:
	case evSubscribe:
		c.subscribe(ctx, m.Data)
	case evUnsubscribe:
		c.unsubscribe(m.Data)
	case evSignin:
		if c.app.Reverb {
			c.complain(codeGeneric, "Invalid message format")
			return
		}
		c.signin(ctx, m.Data)
	default:
		c.clientEvent(ctx, m)
	}
}

// tell sends frames in the order of calls.
func (c *conn) tell(frames ...[]byte) {
	if err := c.out.put(frames...); err != nil {
		c.Close(err)
	}
}

// complain tells the client of an error; the connection stays.
func (c *conn) complain(code int, text string) { c.tell(appendError(nil, code, text)) }

// writable is called by the line when it has room again.
func (c *conn) writable() {
	if c.out.flush() && c.session != nil {
		c.session.Writable()
	}
}

// Signal is part of gateway.Conn.
func (c *conn) Signal(s gateway.Signal) {
	if s.Session == apps.Except(c.id) {
		return
	}
	ch, event, user := s.Channel, s.Name, ""
	if ch == "" { // a word to this user
		if u := c.signedIn(); u != nil {
			ch = apps.ServerToUser + u.ID
		}
	}
	if !s.Server {
		event = asClientEvent(s.Name)
		if apps.IsPresence(ch) {
			user = s.From
		}
	}
	c.onChannel(ch, appendEvent(nil, event, ch, dataText(s.Data), user))
}

// onChannel sends a frame to the subscriber of ch, after the answer to the
// subscription.
func (c *conn) onChannel(ch string, frame []byte) {
	c.mu.Lock()
	s := c.subs[ch]
	if s == nil {
		c.mu.Unlock()
		return
	}
	if s.pending {
		if len(s.held) < maxHeld {
			s.held = append(s.held, frame)
		}
		c.mu.Unlock()
		return
	}
	c.mu.Unlock()
	c.tell(frame)
}

// Renew is part of gateway.Conn; a Pusher client has no token.
func (c *conn) Renew(time.Duration) {}

// Close tells the client why, and ends the connection. Part of gateway.Conn.
func (c *conn) Close(why error) {
	if why == nil || errors.Is(why, gateway.ErrClosed) {
		c.out.line.close(1000, "")
		c.end()
		return
	}
	r, _ := find(why)
	c.fail(r.code, explain(why))
}

// fail ends the connection with a code of the protocol.
func (c *conn) fail(code int, text string) {
	c.out.line.close(code, text)
	c.end()
}

// refuse ends a connection that was not let in.
func (c *conn) refuse(code int, text string) {
	_ = c.out.put(appendError(nil, code, text)) // the code of the end says it, too
	c.fail(code, text)
}

// gone is called by the line once, when the connection has ended.
func (c *conn) gone(why error) {
	c.mu.Lock()
	if c.over {
		c.mu.Unlock()
		return
	}
	c.over = true
	subs := c.subs
	c.subs = nil
	c.mu.Unlock()
	c.end()
	c.t.remove(c)
	if c.session != nil {
		c.session.Close(why)
	}
	for ch, s := range subs {
		if !s.pending { // whoever makes it sees that the connection is over
			c.t.occ.Left(c.app, ch)
		}
	}
}

// sweep asks a silent client for a sign of life, and ends a dead one: within a
// minute at the default timeout.
func (c *conn) sweep(now time.Time) {
	if l, ok := c.out.line.(*httpLine); ok && l.sweep(now) {
		return
	}
	silent := now.Sub(c.seen())
	c.mu.Lock()
	pinged := c.pinged
	c.pinged = silent > c.app.Activity()
	c.mu.Unlock()
	switch {
	case silent > c.app.Activity()+pongTime:
		c.fail(codePong, "Pong reply not received: ping was sent to the client, but no reply was received")
	case silent > c.app.Activity() && !pinged:
		c.tell(appendEvent(nil, evPing, "", "{}", ""))
	}
}

// signedIn returns the user behind the connection, or nil.
func (c *conn) signedIn() *user {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.user
}

func mustJSON(v any) json.RawMessage {
	p, err := json.Marshal(v)
	if err != nil {
		panic("pusher: encode " + err.Error()) // our own types always encode
	}
	return p
}
