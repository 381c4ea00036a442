package client

import (
	"context"
	"io"
	"net/http"

	"github.com/coder/websocket"

	"github.com/karez/karez/wire"
)

// maxFrame bounds one message of the server, in bytes. The largest is a page of
// history whose newest turn alone is large.
const maxFrame = 64 << 20

// openSocket opens a WebSocket and says hello with the token.
func (c *Client) openSocket(token string) *link {
	l := c.newLink(WebSocket, token)
	c.spawn(func() {
		defer l.cancel()
		if err := c.serveSocket(l, token); err != nil {
			l.bring(l.ctx, message{err: err})
		}
	})
	return l
}

func (c *Client) serveSocket(l *link, token string) error {
	codec := c.opts.Codec
	ctx, cancel := context.WithTimeout(l.ctx, openTime)
	defer cancel()
	conn, res, err := websocket.Dial(ctx, c.base+"/v1/ws", &websocket.DialOptions{
		HTTPClient: c.http, Subprotocols: subprotocols(codec), CompressionMode: websocket.CompressionDisabled,
	})
	if err != nil {
		return dialError(err, res)
	}
	defer conn.CloseNow()
	conn.SetReadLimit(maxFrame)
	codec, ok := wire.ByName(conn.Subprotocol())
	if !ok {
		codec = wire.JSON // what a server speaks that does not say
	}
	write := func(cmd *wire.Command) error {
		t := websocket.MessageText
		if codec.Binary() {
			t = websocket.MessageBinary
		}
		return conn.Write(l.ctx, t, codec.AppendCommand(nil, cmd))
	}
	if err := write(&wire.Command{Type: wire.CmdHello, Token: token, Client: c.opts.Name}); err != nil {
		return asError(err)
	}
	writing := make(chan struct{})
	go func() { // ends with the link; waited for below
		defer close(writing)
		for {
			select {
			case cmd := <-l.out:
				if write(cmd) != nil {
					conn.CloseNow() // the reader says why
					return
				}
			case <-l.ctx.Done():
				return
			}
		}
	}()
	err = readSocket(l, conn, codec)
	l.bring(l.ctx, message{err: err})
	l.cancel()
	<-writing
	return nil
}

// readSocket brings frames until the connection ends, and returns why it did.
func readSocket(l *link, conn *websocket.Conn, codec wire.Codec) error {
	for {
		_, p, err := conn.Read(l.ctx)
		if err != nil {
			return closeError(err)
		}
		f, err := codec.DecodeFrame(p)
		if err != nil {
			return err
		}
		if !l.bring(l.ctx, message{frame: f}) {
			return l.ctx.Err()
		}
	}
}

// subprotocols names the codec, and JSON for servers that know no other.
func subprotocols(codec wire.Codec) []string {
	if codec == wire.JSON {
		return []string{codec.Subprotocol()}
	}
	return []string{codec.Subprotocol(), wire.JSON.Subprotocol()}
}

// dialError says why a handshake failed: in the server's own words if the
// answer has them.
func dialError(err error, res *http.Response) error {
	if res == nil {
		return asError(err)
	}
	body, _ := io.ReadAll(io.LimitReader(res.Body, 1<<10)) // all that is kept of it
	return httpError(res.StatusCode, body)
}
