package socketio_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/karez/karez/socketio"
)

func Example() {
	srv := socketio.NewServer(socketio.Options{})
	defer srv.Close(context.Background())
	srv.Of("/").OnConnect(func(s *socketio.Socket) error {
		s.On("hello", func(e *socketio.Event) {
			var name string
			if err := e.Decode(&name); err == nil {
				e.Ack("hello " + name)
			}
		})
		return s.Emit("welcome", map[string]any{"id": s.ID()})
	})
	http.Handle("/socket.io/", srv)
}

func ExampleNamespace_Use() {
	srv := socketio.NewServer(socketio.Options{})
	defer srv.Close(context.Background())
	srv.Of("/admin").Use(func(s *socketio.Socket) error {
		var auth struct{ Token string }
		if json.Unmarshal(s.Handshake().Auth, &auth) != nil || auth.Token != "letmein" {
			return &socketio.ConnectError{Message: "not allowed", Data: map[string]any{"code": 403}}
		}
		return nil
	})
}

func ExampleSocket_EmitWithAck() {
	srv := socketio.NewServer(socketio.Options{})
	defer srv.Close(context.Background())
	srv.Of("/").On("upload", func(s *socketio.Socket, e *socketio.Event) {
		file := e.Arg(0).Bytes()
		ctx, cancel := context.WithTimeout(s.Context(), 10*time.Second)
		defer cancel()
		answer, err := s.EmitWithAck(ctx, "keep?", len(file))
		if err != nil {
			return // it left, or did not answer in time
		}
		var yes bool
		e.Ack(answer[0].Decode(&yes) == nil && yes)
	})
}

func ExampleBroadcast() {
	srv := socketio.NewServer(socketio.Options{})
	defer srv.Close(context.Background())
	news := srv.Of("/news")
	err := news.To("sport", "weather").Except("asleep").Emit("item", json.RawMessage(`{"title":"Rain"}`), []byte{0xff})
	fmt.Println(err, len(news.To("sport").Sockets()))
	// Output: <nil> 0
}
