package selftest

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// Messages come back whole: 16 MiB at once, and one in 131,072 fragments.
func TestEcho(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	a := New(Options{Log: slog.New(slog.DiscardHandler)})
	mux := http.NewServeMux()
	a.Register(mux)
	h := httptest.NewServer(mux)
	defer h.Close()
	defer a.Close(ctx)
	ws, _, err := websocket.Dial(ctx, strings.Replace(h.URL, "http", "ws", 1)+"/echo", &websocket.DialOptions{CompressionMode: websocket.CompressionDisabled})
	if err != nil {
		t.Fatal(err)
	}
	defer ws.CloseNow()
	ws.SetReadLimit(MaxEcho)
	echo := func(want []byte) {
		t.Helper()
		_, got, err := ws.Read(ctx)
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%d bytes of %d, %v", len(got), len(want), err)
		}
	}
	big := bytes.Repeat([]byte("0123456789abcdef"), MaxEcho/16)
	go ws.Write(ctx, websocket.MessageBinary, big)
	echo(big)

	w, err := ws.Writer(ctx, websocket.MessageText)
	if err != nil {
		t.Fatal(err)
	}
	for range 131_072 {
		if _, err := io.WriteString(w, "x"); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	echo(bytes.Repeat([]byte("x"), 131_072))
}
