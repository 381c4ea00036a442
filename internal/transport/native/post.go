package native

import (
	"context"
	"net/http"

	"github.com/karez/karez/internal/auth"
	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/internal/httpio"
	"github.com/karez/karez/internal/refusal"
	"github.com/karez/karez/turn"
	"github.com/karez/karez/wire"
)

// serveCommand carries out one posted command. It needs no stream: any node
// serves it.
func (t *Transport) serveCommand(w http.ResponseWriter, r *http.Request) {
	who, err := t.auth(r.Context(), auth.FromRequest(r))
	if err != nil {
		t.refuse(w, err)
		return
	}
	cmd, err := readCommand(w, r)
	session := r.Header.Get(sessionHeader)
	if err == nil && session != "" {
		err = turn.CheckName(session)
	}
	if err != nil {
		id := uint64(0)
		if cmd != nil {
			id = cmd.ID
		}
		t.write(w, t.failure(id, err))
		return
	}
	t.write(w, t.serve(r.Context(), t.g.Caller(who, session), cmd, httpio.Trace(r)))
}

// sessionHeader names the session of the stream that belongs to a posted
// command: it does not get back what it signals.
const sessionHeader = "Karez-Session"

// readCommand reads a command that can be carried out without a connection. As
// with Codec.DecodeCommand there may be one beside an error.
func readCommand(w http.ResponseWriter, r *http.Request) (*wire.Command, error) {
	body, err := httpio.ReadBody(w, r, wire.MaxCommand)
	if err != nil {
		return nil, err
	}
	cmd, err := wire.JSON.DecodeCommand(body)
	if err == nil {
		err = cmd.Check()
	}
	if err == nil {
		err = postable(cmd)
	}
	return cmd, err
}

// serve carries out a command of a caller that has no connection.
func (t *Transport) serve(ctx context.Context, by gateway.Caller, c *wire.Command, trace string) *wire.Frame {
	ctx, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	f := &wire.Frame{ID: c.ID, Type: wire.FrameReply}
	if err := ask(ctx, by, c, trace, f); err != nil {
		return t.failure(c.ID, err, "type", c.Type, "channel", c.Channel)
	}
	return f
}

// postable refuses commands that only mean something on a connection.
func postable(c *wire.Command) error {
	switch c.Type {
	case wire.CmdFollow, wire.CmdUnfollow, wire.CmdPace, wire.CmdAck, wire.CmdRenew, wire.CmdHello, wire.CmdJoin, wire.CmdLeave:
		return &wire.Error{Code: wire.CodeBadRequest, Message: c.Type + " needs a connection", Hint: "open /v1/stream with what to follow, or a WebSocket"}
	}
	return nil
}

// refuse answers a request that was not carried out.
func (t *Transport) refuse(w http.ResponseWriter, err error) {
	t.write(w, t.failure(0, err))
}

func (t *Transport) write(w http.ResponseWriter, f *wire.Frame) {
	code := http.StatusOK
	if f.Error != nil {
		e := refusal.Explain(f.Error)
		e.Head(w.Header())
		code = e.Status()
	}
	if err := httpio.WriteJSON(w, code, wire.JSON.AppendFrame(nil, f)); err != nil {
		t.log.Debug("answer command", "err", err)
	}
}
