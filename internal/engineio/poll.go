package engineio

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	// bodyTime bounds the reading of a POST and the writing of an answer.
	bodyTime = 30 * time.Second
	// closeHold is how long the close of a client that polls waits for its
	// poll, which was sent beside it and is to be ended in peace.
	closeHold = 50 * time.Millisecond
	// upgradeHold is how long a poll waits for an upgrade that is about to
	// be done, before it is sent home with a noop.
	upgradeHold = 50 * time.Millisecond
)

func (c *Conn) servePoll(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet:
		c.serveGet(w, r)
	case http.MethodPost:
		c.servePost(w, r)
	default:
		badRequest.write(w)
	}
}

// answer ends a poll.
func answer(w http.ResponseWriter, body []byte) error {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=UTF-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	rc := http.NewResponseController(w)
	rc.SetWriteDeadline(time.Now().Add(bodyTime)) // a server that cannot is left to its own limits
	_, err := w.Write(body)
	if err == nil {
		err = rc.Flush()
	}
	rc.SetWriteDeadline(time.Time{}) // the connection serves other requests
	if errors.Is(err, http.ErrNotSupported) {
		err = nil
	}
	return err
}

// serveGet brings what there is to the client, or waits until there is
// something.
func (c *Conn) serveGet(w http.ResponseWriter, r *http.Request) {
	wake := make(chan struct{}, 1)
	c.mu.Lock()
	switch {
	case c.closed || c.ws != nil:
		c.mu.Unlock()
		badRequest.write(w)
		return
	case c.poll != nil:
		c.mu.Unlock()
		c.Close(ErrOverlap)
		badRequest.write(w)
		return
	}
	c.poll = wake
	if c.came != nil {
		close(c.came)
		c.came = nil
	}
	probing := c.probed
	c.mu.Unlock()

	var hold <-chan time.Time
	if probing {
		t := time.NewTimer(upgradeHold)
		defer t.Stop()
		hold = t.C
	}
	ps, why := c.await(r, wake, hold)
	if why != nil {
		badRequest.write(w)
		return
	}
	if ps == nil { // the request is gone
		return
	}
	err := answer(w, appendPayload(nil, ps))
	c.polled(ps, err)
}

// awaitPoll returns when a poll waits, or none comes for closeHold.
func (c *Conn) awaitPoll() {
	c.mu.Lock()
	if c.poll != nil || c.ws != nil || c.closed {
		c.mu.Unlock()
		return
	}
	came := make(chan struct{})
	c.came = came
	c.mu.Unlock()
	t := time.NewTimer(closeHold)
	defer t.Stop()
	select {
	case <-came:
	case <-t.C:
	}
}

var errMoved = errors.New("moved to a WebSocket")

// await returns what a poll brings; nil when the client has hung up.
func (c *Conn) await(r *http.Request, wake <-chan struct{}, hold <-chan time.Time) ([]packet, error) {
	held := false
	for {
		c.mu.Lock()
		if c.ws != nil {
			c.poll = nil
			c.mu.Unlock()
			return nil, errMoved
		}
		if ps := c.take(held || c.probed && hold == nil); ps != nil {
			c.mu.Unlock()
			return ps, nil
		}
		c.mu.Unlock()
		select {
		case <-wake:
		case <-hold:
			held = true
		case <-r.Context().Done():
			if !c.s.opts.KeepCutPolls {
				c.Close(ErrPollCut)
			}
			c.mu.Lock()
			c.poll = nil
			c.mu.Unlock()
			return nil, nil
		}
	}
}

// take removes what waits for a poll; release ends it with a noop if that is
// nothing. c.mu is held.
func (c *Conn) take(release bool) []packet {
	ps := c.pending
	switch {
	case c.closed:
		ps = append(ps, packet{typ: c.last})
	case len(ps) == 0 && release:
		ps = append(ps, packet{typ: typeNoop})
	}
	c.pending, c.size = nil, 0
	return ps
}

// polled ends a poll: what could not be written is kept for the next one.
func (c *Conn) polled(ps []packet, err error) {
	c.mu.Lock()
	c.poll = nil
	if err != nil && c.ws == nil && c.s.opts.KeepCutPolls {
		c.pending = append(ps, c.pending...)
		c.size = 0
		for _, p := range c.pending {
			c.size += p.size()
		}
	}
	tell := c.want && c.size < c.s.opts.PollBytes && !c.closed
	if tell {
		c.want = false
	}
	h := c.h
	c.mu.Unlock()
	if err != nil && !c.s.opts.KeepCutPolls {
		c.Close(ErrPollCut)
	} else if tell && h != nil {
		h.Writable()
	}
}

// servePost takes what the client sends.
func (c *Conn) servePost(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	switch {
	case c.closed || c.ws != nil:
		c.mu.Unlock()
		badRequest.write(w)
		return
	case c.posting:
		c.mu.Unlock()
		c.Close(ErrOverlap)
		badRequest.write(w)
		return
	}
	c.posting = true
	c.mu.Unlock()
	bad := c.post(w, r)
	c.mu.Lock()
	c.posting = false
	c.mu.Unlock()
	if bad != nil {
		bad.write(w)
		return
	}
	w.Header().Set("Content-Type", "text/html")
	io.WriteString(w, "ok")
}

func (c *Conn) post(w http.ResponseWriter, r *http.Request) *failure {
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/octet-stream") {
		c.Close(ErrBadPacket) // version 4 knows text only
		return &badRequest
	}
	limit := int64(c.s.opts.MaxPayload)
	if r.ContentLength > limit {
		return &tooLarge
	}
	rc := http.NewResponseController(w)
	rc.SetReadDeadline(time.Now().Add(bodyTime)) // a server that cannot is left to its own limits
	body, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	rc.SetReadDeadline(time.Time{}) // what is sent may take long to handle
	switch {
	case err != nil:
		return &badRequest
	case int64(len(body)) > limit:
		return &tooLarge
	}
	if err := decodePayload(body, c.receive); err != nil {
		c.Close(ErrBadPacket)
		return &badRequest
	}
	return nil
}
