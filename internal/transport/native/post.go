package native

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/karez/karez/internal/auth"
	"github.com/karez/karez/internal/gateway"
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
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, wire.MaxCommand))
	if err != nil {
		t.refuse(w, badBody(err))
		return
	}
	cmd, err := wire.JSON.DecodeCommand(body)
	if err == nil {
		err = cmd.Check()
	}
	if err == nil {
		err = postable(cmd)
	}
	var s *gateway.Session
	if err == nil {
		s, err = t.g.Open(noConn{}, who)
	}
	if err != nil {
		id := uint64(0)
		if cmd != nil {
			id = cmd.ID
		}
		t.write(w, t.failure(id, err))
		return
	}
	defer s.Close(nil)
	if cmd.Type == wire.CmdPresence { // nothing comes after the answer: it says who is there
		t.write(w, t.ask(r.Context(), s, cmd))
		return
	}
	t.write(w, t.run(r.Context(), s, cmd, Trace(r)))
}

// ask answers who is on a channel.
func (t *Transport) ask(ctx context.Context, s *gateway.Session, cmd *wire.Command) *wire.Frame {
	ctx, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	ms, err := s.Members(ctx, cmd.Channel)
	if err != nil {
		return t.failure(cmd.ID, err, "type", cmd.Type, "channel", cmd.Channel)
	}
	return &wire.Frame{ID: cmd.ID, Type: wire.FrameReply, Presence: &wire.Presence{Full: true, Here: Members(ms)}}
}

// Trace returns the W3C traceparent of a request, or "" if there is none, or
// none that a worker could hand on (Trace Context, 3.2.2).
func Trace(r *http.Request) string {
	tp := r.Header.Get("Traceparent")
	if len(tp) != 55 || tp[2] != '-' || tp[35] != '-' || tp[52] != '-' || tp[:2] == "ff" {
		return ""
	}
	for i := range len(tp) {
		if c := tp[i]; i != 2 && i != 35 && i != 52 && (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return ""
		}
	}
	return tp
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
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	code := http.StatusOK
	if f.Error != nil {
		code = Status(f.Error.Code)
		if f.Error.RetryIn > 0 {
			h.Set("Retry-After", strconv.Itoa((f.Error.RetryIn+999)/1000))
		}
		if code == http.StatusUnauthorized {
			h.Set("WWW-Authenticate", `Bearer realm="karez"`)
		}
	}
	w.WriteHeader(code)
	if _, err := w.Write(append(wire.JSON.AppendFrame(nil, f), '\n')); err != nil {
		t.log.Debug("answer command", "err", err)
	}
}

// noConn is the connection of a session that lasts for one command.
type noConn struct{}

func (noConn) Opened(gateway.Log) error             { return nil }
func (noConn) Deliver(uint32, *gateway.Batch) error { return nil }
func (noConn) Ended(gateway.Log, error) error       { return nil }
func (noConn) Present(*gateway.Roster) error        { return nil }
func (noConn) Signal(gateway.Signal)                {}
func (noConn) Renew(time.Duration)                  {}
func (noConn) Close(error)                          {}
