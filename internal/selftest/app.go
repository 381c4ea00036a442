package selftest

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/karez/karez/socketio"
)

// askTime bounds how long ask-me waits for its client.
const askTime = 10 * time.Second

// serve makes the application on srv. The namespaces with recovery are open,
// too.
func serve(srv *socketio.Server, recovery []string) {
	open := []string{"/", "/custom"}
	for _, name := range recovery {
		if name != "/locked" && !slices.Contains(open, name) {
			open = append(open, name)
		}
	}
	for _, name := range open {
		ns := srv.Of(name)
		ns.OnConnect(func(s *socketio.Socket) error { return s.Emit("auth", s.Handshake().Auth) })
		answer(ns)
	}
	locked := srv.Of("/locked")
	locked.Use(func(s *socketio.Socket) error {
		var auth struct {
			Token any `json:"token"`
		}
		if json.Unmarshal(s.Handshake().Auth, &auth) != nil || auth.Token != "letmein" {
			return &socketio.ConnectError{Message: "not allowed", Data: map[string]any{"code": "unauthorized"}}
		}
		return nil
	})
	answer(locked)
	for _, name := range recovery {
		srv.Of(name).Recover(socketio.Recovery{})
	}
}

// answer handles the events of one namespace.
func answer(ns *socketio.Namespace) {
	ns.On("message", func(s *socketio.Socket, e *socketio.Event) { s.Emit("message-back", values(e.Args)...) })
	ns.On("message-with-ack", func(_ *socketio.Socket, e *socketio.Event) { e.Ack(values(e.Args)...) })
	ns.On("join", func(s *socketio.Socket, e *socketio.Event) { rooms(e, s.Join) })
	ns.On("leave", func(s *socketio.Socket, e *socketio.Event) { rooms(e, s.Leave) })
	ns.On("to-room", func(s *socketio.Socket, e *socketio.Event) { // room, event, …
		var room, event string
		if e.Decode(&room, &event) == nil {
			s.To(room).Emit(event, values(e.Args[2:])...)
			e.Ack("ok")
		}
	})
	ns.On("to-all", func(_ *socketio.Socket, e *socketio.Event) { // event, …
		var event string
		if e.Decode(&event) == nil {
			ns.Emit(event, values(e.Args[1:])...)
			e.Ack("ok")
		}
	})
	ns.On("ask-me", func(s *socketio.Socket, e *socketio.Event) {
		ctx, cancel := context.WithTimeout(s.Context(), askTime)
		defer cancel()
		if args, err := s.EmitWithAck(ctx, "question", values(e.Args)...); err == nil {
			e.Ack(values(args)...)
		}
	})
	ns.On("kick-me", func(s *socketio.Socket, e *socketio.Event) {
		var close bool
		if len(e.Args) > 0 && e.Decode(&close) != nil {
			return
		}
		s.Disconnect(close)
	})
}

func rooms(e *socketio.Event, do func(...string)) {
	var room string
	if e.Decode(&room) == nil {
		do(room)
		e.Ack("ok")
	}
}

func values(args []socketio.Arg) []any {
	out := make([]any, len(args))
	for i, a := range args {
		out[i] = a
	}
	return out
}
