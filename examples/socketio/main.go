// Command socketio is a chat room without Karez's chat: the Socket.IO server of
// a Go program. Run it, then connect with any client of Socket.IO 3 or 4:
//
//	const s = io("http://localhost:3000", { auth: { name: "ada" } });
//	s.emit("join", "kitchen", (who) => console.log(who));
//	s.emit("say", "kitchen", "hello");
//	s.on("said", (room, name, text) => console.log(room, name, text));
package main

import (
	"context"
	"encoding/json"
	"log"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/karez/karez/socketio"
)

// rooms makes the application: clients join rooms and talk there.
func rooms(o socketio.Options) *socketio.Server {
	srv := socketio.NewServer(o)
	ns := srv.Of("/")
	ns.Recover(socketio.Recovery{}) // who was away for a moment misses nothing
	ns.Use(func(s *socketio.Socket) error {
		var auth struct{ Name string }
		if err := json.Unmarshal(s.Handshake().Auth, &auth); err != nil || auth.Name == "" {
			return &socketio.ConnectError{Message: "who are you?", Data: map[string]any{"field": "name"}}
		}
		s.Data.Store("name", auth.Name)
		return nil
	})
	ns.On("join", func(s *socketio.Socket, e *socketio.Event) {
		var room string
		if e.Decode(&room) != nil {
			return
		}
		s.Join(room)
		var names []any
		for _, other := range ns.To(room).Sockets() {
			name, _ := other.Data.Load("name")
			names = append(names, name)
		}
		e.Ack(names)
	})
	ns.On("say", func(s *socketio.Socket, e *socketio.Event) {
		var room, text string
		if e.Decode(&room, &text) != nil {
			return
		}
		name, _ := s.Data.Load("name")
		ns.To(room).Emit("said", room, name, text)
	})
	return srv
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	srv := rooms(socketio.Options{Origins: []string{"*"}})
	http.Handle("/socket.io/", srv)
	server := &http.Server{Addr: "localhost:3000", ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() {
		end, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		srv.Close(end)
		server.Shutdown(end)
	})
	log.Println("listening on http://localhost:3000")
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		log.Fatal(err)
	}
}
