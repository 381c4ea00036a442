package main

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/karez/karez/socketio"
)

// Two people in a room hear each other.
func TestRooms(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	srv := rooms(socketio.Options{})
	defer srv.Close(ctx)
	h := httptest.NewServer(srv)
	defer h.Close()
	dial := func() func(send, want string) {
		ws, _, err := websocket.Dial(ctx, strings.Replace(h.URL, "http", "ws", 1)+"/socket.io/?EIO=4&transport=websocket", nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { ws.CloseNow() })
		return func(send, want string) {
			t.Helper()
			if send != "" {
				if err := ws.Write(ctx, websocket.MessageText, []byte(send)); err != nil {
					t.Fatal(err)
				}
			}
			for {
				_, p, err := ws.Read(ctx)
				if err != nil {
					t.Fatalf("%v before %s", err, want)
				}
				if strings.HasPrefix(string(p), want) {
					return
				}
			}
		}
	}
	ada, bob, nobody := dial(), dial(), dial()
	nobody(`40`, `44{"message":"who are you?","data":{"field":"name"}}`)
	ada(`40{"name":"ada"}`, `40{"sid"`)
	bob(`40{"name":"bob"}`, `40{"sid"`)
	ada(`421["join","kitchen"]`, `431[["ada"]]`)
	bob(`421["join","kitchen"]`, `431[[`)
	ada(`42["say","kitchen","tea?"]`, `42["said","kitchen","ada","tea?"`)
	bob("", `42["said","kitchen","ada","tea?"`)
}
