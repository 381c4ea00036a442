package client

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/karez/karez/wire"
)

// openStream opens the road for networks without WebSocket: frames come as
// server-sent events of one POST, commands go as POSTs of their own.
// refollowStream says what the stream follows.
func (c *Client) openStream(token string) *link {
	l := c.newLink(SSE, token)
	l.cut = func() {}
	c.spawn(func() { c.servePosts(l) })
	return l
}

// streamTo begins an event stream that follows what the commands say, in place
// of the one that l has. A stream of nothing is refused by the server: then a
// ping stands for it. Only run calls it.
func (c *Client) streamTo(l *link, follows []*wire.Command) {
	l.cut()
	l.stream++
	stream := l.stream
	ctx, cancel := context.WithCancel(l.ctx)
	l.cut, l.quiet = cancel, len(follows) == 0
	c.spawn(func() {
		defer cancel()
		err := c.readStream(ctx, l, stream, follows)
		if err != nil {
			l.bring(ctx, message{err: err, stream: stream})
		}
	})
}

func (c *Client) readStream(ctx context.Context, l *link, stream uint64, follows []*wire.Command) error {
	if len(follows) == 0 {
		f, err := c.post(ctx, l, &wire.Command{Type: wire.CmdPing, ID: 1})
		if err == nil && f.Error != nil {
			err = f.Error
		}
		if err == nil {
			l.bring(ctx, message{frame: &wire.Frame{Type: wire.FrameWelcome}, stream: stream})
		}
		return err
	}
	req, err := c.newPost(ctx, l, "/v1/stream", streamBody(follows))
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "text/event-stream")
	res, err := c.http.Do(req)
	if err != nil {
		return asError(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(res.Body, 64<<10))
		return httpError(res.StatusCode, body)
	}
	if !strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		return lost("the answer is no event stream: something on the way has changed it")
	}
	events := newEventReader(res.Body)
	for {
		data, err := events.next()
		if err == io.EOF {
			return lost("the event stream ended")
		}
		if err != nil {
			return asError(err)
		}
		m := message{stream: stream}
		if data != nil {
			if m.frame, err = wire.JSON.DecodeFrame(data); err != nil {
				return err
			}
			if id := m.frame.ID; id > 0 && id <= uint64(len(follows)) {
				m.frame.ID = follows[id-1].ID // the server numbers them 1, 2, 3
			}
		}
		if !l.bring(ctx, m) {
			return nil
		}
	}
}

// streamBody lists commands by their type, in which order they stand.
func streamBody(cmds []*wire.Command) []byte {
	body := []byte{'{'}
	for _, typ := range []string{wire.CmdFollow, wire.CmdJoin, wire.CmdPresence} {
		sep := `"` + typ + `":[`
		if typ != wire.CmdFollow {
			sep = "," + sep
		}
		empty := true
		for ; len(cmds) > 0 && cmds[0].Type == typ; cmds = cmds[1:] {
			body = wire.JSON.AppendCommand(append(body, sep...), cmds[0])
			sep, empty = ",", false
		}
		if empty && typ == wire.CmdFollow {
			body = append(body, sep...)
			empty = false
		}
		if !empty {
			body = append(body, ']')
		}
	}
	return append(body, '}')
}

// servePosts posts commands, one at a time: side by side they might arrive in
// another order.
func (c *Client) servePosts(l *link) {
	for {
		var cmd *wire.Command
		select {
		case cmd = <-l.out:
		case <-l.ctx.Done():
			return
		}
		f, err := c.post(l.ctx, l, cmd)
		m := message{frame: f, err: err}
		if err == nil && cmd.ID == 0 {
			m.frame = nil
		} else if err == nil {
			f.ID = cmd.ID
		}
		if !l.bring(l.ctx, m) || err != nil {
			return
		}
	}
}

func (c *Client) post(ctx context.Context, l *link, cmd *wire.Command) (*wire.Frame, error) {
	ctx, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	req, err := c.newPost(ctx, l, "/v1/command", wire.JSON.AppendCommand(nil, cmd))
	if err != nil {
		return nil, err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, asError(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxFrame))
	if err != nil {
		return nil, asError(err)
	}
	f, err := wire.JSON.DecodeFrame(bytes.TrimSpace(body))
	if err != nil {
		return nil, httpError(res.StatusCode, body)
	}
	if f.Type == wire.FrameError && f.Error == nil {
		return nil, httpError(res.StatusCode, body)
	}
	return f, nil
}

func (c *Client) newPost(ctx context.Context, l *link, path string, body []byte) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, lost("%v", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", c.opts.Name)
	req.Header.Set("Authorization", "Bearer "+*l.token.Load())
	return req, nil
}

// restream reports whether the link is an event stream; then another, which
// follows what is to be followed, takes its place before run goes on.
func (c *Client) restream() bool {
	if l := c.loop.link; l == nil || l.transport != SSE {
		return false
	}
	c.loop.restream = true
	return true
}

// refollowStream makes an event stream follow what is to be followed now.
func (c *Client) refollowStream() {
	l := &c.loop
	l.restream = false
	if l.link == nil || l.link.transport != SSE {
		return
	}
	clear(l.follows)
	clear(l.logs)
	var follows []*wire.Command
	for _, f := range l.fs {
		if cmd := f.resume(); cmd != nil {
			cmd.ID = c.nextID()
			l.follows[cmd.ID] = sentFollow{f: f, command: cmd}
			f.waiting, f.mending, f.mendID = cmd.ID, "", 0
			follows = append(follows, cmd)
		}
	}
	clear(l.asked)
	for _, typ := range []string{wire.CmdJoin, wire.CmdPresence} { // in the order of streamBody
		for _, s := range l.seats {
			if s.command.Type == typ {
				follows = append(follows, s.numbered())
			}
		}
	}
	l.heard = time.Now()
	was := l.link.quiet
	c.streamTo(l.link, follows)
	if l.link.open && was && !l.link.quiet {
		c.guard()
	}
}
