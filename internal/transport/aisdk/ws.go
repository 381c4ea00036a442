package aisdk

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/karez/karez/internal/answer"
	"github.com/karez/karez/internal/auth"
	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/internal/socket"
	"github.com/karez/karez/turn"
)

// protocol is the subprotocol for clients that offer any, as one does that
// hands over its token that way (auth.ProtocolPrefix).
const protocol = "karez.aisdk.v1"

// guestTime is how long a connection may stay that has not said who it is.
const guestTime = 10 * time.Second

// newest is what the clients of the WebSocket are at least.
var newest = version{7, latest, latest}

// A wsConn is one WebSocket of version 7 of the SDK. Each request runs on a
// goroutine while it streams; an idle connection has none.
type wsConn struct {
	t     *Transport // set once, as all of this group
	sock  *socket.Conn
	v     version
	trace string
	ctx   context.Context // ends with the connection
	end   context.CancelFunc
	space chan struct{} // capacity 1: the socket can take more, or never will

	write sync.Mutex // held while frames are written, one request's at a time

	mu      sync.Mutex // guards all below
	who     *gateway.Identity
	running map[string]*wsRequest
	late    *time.Timer // until somebody has said who they are
}

// A wsRequest is a stream under way.
type wsRequest struct {
	stop    context.CancelFunc
	who     gateway.Identity
	channel string
	turn    string // "": not known yet
	aborted bool
}

// socket takes a WebSocketChatTransport's connection. A token comes with the
// handshake, or in the headers of each frame, which a browser can set.
func (t *Transport) socket(w http.ResponseWriter, r *http.Request) {
	var who *gateway.Identity
	id, err := t.door.Who(r)
	if err == nil {
		who = &id
	} else if auth.FromRequest(r) != "" {
		t.refuse(w, err)
		return
	}
	sock, err := t.ws.Upgrade(w, r, protocol)
	if err != nil {
		t.log.Debug("upgrade", "err", err)
		return // the client was answered
	}
	c := &wsConn{t: t, sock: sock, v: declared(r, newest), trace: answer.Trace(r), who: who, space: make(chan struct{}, 1), running: make(map[string]*wsRequest)}
	c.ctx, c.end = context.WithCancel(context.Background())
	if who == nil {
		c.late = time.AfterFunc(guestTime, func() { sock.Close(4401, "no token") })
	}
	sock.Serve(c)
}

// Message carries out one frame. Part of socket.Handler, as the next two.
func (c *wsConn) Message(p []byte, binary bool) {
	f, err := parseFrame(p)
	if err != nil || binary {
		c.sock.Close(1008, "Invalid frame")
		return
	}
	if f.Type == frameAbort {
		c.abort(f.RequestID)
		return
	}
	who, err := c.identify(f)
	if err != nil {
		c.fail(f.RequestID, err)
		return
	}
	ctx, stop := context.WithCancel(c.ctx)
	q := &wsRequest{stop: stop, who: who, channel: c.t.opts.Prefix + f.ID}
	c.mu.Lock()
	busy := c.running[f.RequestID] != nil || len(c.running) >= maxRequests
	if !busy {
		c.running[f.RequestID] = q
		c.t.wg.Add(1) // not after Close: the group waits for Message
	}
	c.mu.Unlock()
	if busy {
		stop()
		c.fail(f.RequestID, gateway.ErrTooMany)
		return
	}
	go func() {
		defer c.t.wg.Done()
		defer stop()
		c.carry(ctx, f, q)
		c.mu.Lock()
		delete(c.running, f.RequestID)
		c.mu.Unlock()
	}()
}

// Writable says that the socket can take more.
func (c *wsConn) Writable() {
	select {
	case c.space <- struct{}{}:
	default:
	}
}

// Closed says that the connection has ended. Turns go on (design: 4).
func (c *wsConn) Closed(error) {
	c.end()
	c.mu.Lock()
	if c.late != nil {
		c.late.Stop()
	}
	c.mu.Unlock()
}

// identify says whom a frame speaks for.
func (c *wsConn) identify(f *frame) (gateway.Identity, error) {
	token := f.token()
	c.mu.Lock()
	who := c.who
	c.mu.Unlock()
	if token == "" && who != nil {
		return *who, nil
	}
	ctx, cancel := context.WithTimeout(c.ctx, commandTime)
	defer cancel()
	id, err := c.t.door.Auth(ctx, token)
	if err == nil {
		c.mu.Lock()
		if c.late != nil {
			c.late.Stop()
		}
		c.mu.Unlock()
	}
	return id, err
}

// abort stops the turn of a request: the SDK sends it when its user does.
func (c *wsConn) abort(id string) {
	c.mu.Lock()
	q := c.running[id]
	var who gateway.Identity
	var channel, name string
	if q != nil {
		q.aborted = true
		who, channel, name = q.who, q.channel, q.turn
	}
	c.mu.Unlock()
	if name != "" {
		c.cancel(who, channel, name)
		q.stop()
	}
}

// cancel stops a turn, if who may.
func (c *wsConn) cancel(who gateway.Identity, channel, name string) {
	err := answer.May(who, gateway.Cancel, channel)
	if err == nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), commandTime)
		defer cancel()
		err = c.t.g.Turns().Cancel(ctx, turn.NewID(who.App, channel, name), who.User)
	}
	if err != nil {
		c.t.log.Warn("cancel turn", "channel", channel, "turn", name, "err", err) // the SDK listens no more
	}
}

// carry carries out a send or a resume.
func (c *wsConn) carry(ctx context.Context, f *frame, q *wsRequest) {
	rd, err := answer.Open(c.t.g, q.who)
	if err != nil {
		c.fail(f.RequestID, err)
		return
	}
	defer rd.Close()
	v := view{channel: q.channel, v: c.v, each: true}
	if f.Type == frameSend {
		v.turn, err = c.send(ctx, rd, f, q)
	} else {
		v.turn, err = c.resume(ctx, f, q, &v)
	}
	switch {
	case err != nil:
		c.fail(f.RequestID, err)
		return
	case v.turn == "":
		_ = c.put(answerFrame("no-active", f.RequestID, "")) // an error: the client is gone
		return
	}
	c.mu.Lock()
	q.turn = v.turn
	aborted := q.aborted
	c.mu.Unlock()
	if aborted { // before its turn was known
		c.cancel(q.who, q.channel, v.turn)
		return
	}
	if err := c.put(answerFrame("start", f.RequestID, "")); err != nil {
		return
	}
	id, _ := json.Marshal(f.RequestID) // a string encodes
	err = c.t.run(ctx, rd, v, &wsSink{c: c, id: id})
	switch {
	case err == nil:
		_ = c.put(answerFrame("end", f.RequestID, ""))
	case errors.Is(err, gateway.ErrDraining) || errors.Is(err, gateway.ErrClosed):
		c.sock.Close(1012, "draining") // a clean end would pass for the answer's
	}
}

func (c *wsConn) send(ctx context.Context, rd *answer.Reader, f *frame, q *wsRequest) (string, error) {
	req, err := f.request()
	if err != nil {
		return "", err
	}
	a := ask{t: c.t, s: rd.Session(), q: req, channel: q.channel, trace: c.trace}
	return a.do(context.WithoutCancel(ctx)) // what was sent is asked, whoever leaves
}

func (c *wsConn) resume(ctx context.Context, f *frame, q *wsRequest, v *view) (string, error) {
	if err := answer.May(q.who, gateway.Read, q.channel); err != nil {
		return "", err
	}
	if f.LastSequence != nil {
		v.counts, v.skip = true, *f.LastSequence+1
	} else {
		v.each, v.replay = false, true
	}
	ctx, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	return c.t.running(ctx, q.who, q.channel)
}

// fail answers a request that cannot be carried out.
func (c *wsConn) fail(id string, err error) {
	_ = c.put(answerFrame("error", id, answer.Explain(err).Error())) // an error: the client is gone
}

// put writes frames, waiting while the connection is full.
func (c *wsConn) put(bodies ...[]byte) error {
	frames := make([]socket.Frame, len(bodies))
	for i, b := range bodies {
		frames[i].Body = b
	}
	c.write.Lock()
	defer c.write.Unlock()
	for {
		err := c.sock.TryWrite(frames...)
		if !errors.Is(err, socket.ErrFull) {
			return err
		}
		select {
		case <-c.space:
		case <-c.ctx.Done():
			return c.ctx.Err()
		}
	}
}

// A wsSink writes the chunks of one request.
type wsSink struct {
	c   *wsConn
	id  []byte // JSON
	out [][]byte
}

func (s *wsSink) chunk(seq int, c *chunk) { s.out = append(s.out, chunkFrame(s.id, seq, c)) }
func (s *wsSink) ping()                   {} // the socket pings

func (s *wsSink) flush() error {
	if len(s.out) == 0 {
		return nil
	}
	err := s.c.put(s.out...)
	s.out = s.out[:0]
	return err
}
