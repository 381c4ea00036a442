package native

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/internal/socket"
	"github.com/karez/karez/turn"
	"github.com/karez/karez/wire"
)

// deaf opens a WebSocket and reads nothing of it.
func (r *rig) deaf(token string) *websocket.Conn {
	r.tb.Helper()
	ws, _, err := websocket.Dial(context.Background(), r.url+"/v1/ws", &websocket.DialOptions{
		HTTPHeader: http.Header{"Authorization": {"Bearer " + token}}, Subprotocols: []string{wire.JSON.Subprotocol()},
	})
	if err != nil {
		r.tb.Fatal(err)
	}
	r.tb.Cleanup(func() { ws.CloseNow() })
	return ws
}

func say(t *testing.T, ws *websocket.Conn, s string) {
	t.Helper()
	if err := ws.Write(context.Background(), websocket.MessageText, []byte(s)); err != nil {
		t.Fatal(err)
	}
}

// A client that never reads holds up nobody: the others get all of an answer
// far larger than any buffer on the way. When it is closed nothing of it is
// left, although an answer to it was waiting for room (TestMain would find the
// goroutine).
func TestDeafClient(t *testing.T) {
	r := newRig(t, rigOptions{native: Options{Socket: socket.Options{SendBuffer: 4 << 10}}})
	token := r.token("ada", time.Hour, nil)
	ws := r.deaf(token)
	say(t, ws, `{"id":1,"type":"follow","channel":"chat:42"}`)
	stream := r.stream(token, `{"follow":[{"channel":"chat:42"}]}`)
	c := r.dial(wire.MessagePack, token)
	c.send(&wire.Command{ID: 1, Type: wire.CmdFollow, Channel: "chat:42"})
	c.send(&wire.Command{ID: 2, Type: wire.CmdPrompt, Channel: "chat:42", Prompt: &turn.Prompt{Message: "m-1", Text: "Hi"}})
	c.answer(2)
	a := r.begin(turn.NameFor("app", "chat:42", "ada", "m-1"))
	piece := strings.Repeat("é🙂", 20<<10)
	for range 100 {
		a.write(textEvent(piece))
	}
	a.write(endEvent())
	for _, v := range []*conn{c, stream} {
		v.until("whole answer", func(got []*wire.Frame, _ *websocket.CloseError) bool {
			n := 0
			for _, f := range got {
				if f.Type == wire.FrameClosed {
					for _, f := range got {
						if f.Event != nil && f.Event.Kind == turn.KindText {
							n += len(f.Event.Data)
						}
					}
					if n != 100*len(piece) {
						t.Fatalf("%d bytes of %d", n, 100*len(piece))
					}
					return true
				}
			}
			return false
		})
	}
	for range 100 { // answers wait for room, and then no more is read
		say(t, ws, `{"id":2,"type":"ping"}`)
	}
	r.kick("ada")
	for end := time.Now().Add(late); len(r.tr.all()) > 0; {
		if time.Now().After(end) {
			t.Fatalf("%d connections are left", len(r.tr.all()))
		}
		time.Sleep(time.Millisecond)
	}
}

// A client that reads late gets everything, its answers among it.
func TestLateReader(t *testing.T) {
	r := newRig(t, rigOptions{native: Options{Socket: socket.Options{SendBuffer: 4 << 10}}})
	token := r.token("ada", time.Hour, nil)
	ws := r.deaf(token)
	ws.SetReadLimit(8 << 20)
	say(t, ws, `{"id":1,"type":"follow","channel":"chat:42"}`)
	say(t, ws, `{"id":2,"type":"prompt","channel":"chat:42","prompt":{"message":"m-1","text":"Hi"}}`)
	a := r.begin(turn.NameFor("app", "chat:42", "ada", "m-1"))
	piece := strings.Repeat("x", 100<<10)
	for range 50 {
		a.write(textEvent(piece))
	}
	a.write(endEvent())
	for range 50 {
		say(t, ws, `{"id":3,"type":"ping"}`)
	}
	ctx, cancel := context.WithTimeout(context.Background(), late)
	defer cancel()
	pongs, text, ended := 0, 0, false
	var at turn.Seq
	for pongs < 50 || !ended {
		_, p, err := ws.Read(ctx)
		if err != nil {
			t.Fatalf("%v after %d bytes, %d pongs", err, text, pongs)
		}
		f, err := wire.JSON.DecodeFrame(p)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case f.Type == wire.FramePong:
			pongs++
		case f.Type == wire.FrameClosed:
			ended = true
		case f.Event != nil && f.N == 2:
			if f.Event.Seq <= at {
				t.Fatalf("%d after %d", f.Event.Seq, at)
			}
			if at = f.Event.Seq; f.Event.Kind == turn.KindText {
				text += len(f.Event.Data)
			}
		}
	}
	if text != 50*len(piece) {
		t.Errorf("%d bytes of %d", text, 50*len(piece))
	}
}

// A stream is told signals while it has a delivery to take, and takes both.
func TestStreamUnderSignals(t *testing.T) {
	r := newRig(t, rigOptions{})
	token := r.token("ada", time.Hour, nil)
	s := r.stream(token, `{"follow":[{"channel":"chat:42"}]}`)
	s.answer(1)
	if _, status := r.post(token, `{"type":"prompt","channel":"chat:42","prompt":{"message":"m-1","text":"Hi"}}`); status != 200 {
		t.Fatal(status)
	}
	a := r.begin(turn.NameFor("app", "chat:42", "ada", "m-1"))
	for i := range 200 {
		if err := r.g.Signal(context.Background(), "app", gateway.Signal{Channel: "chat:42", Name: "typing"}); err != nil {
			t.Fatal(err)
		}
		if i%4 == 0 {
			a.write(textEvent("x"))
		}
	}
	a.write(endEvent())
	s.next("end of the turn", func(f *wire.Frame) bool { return f.Type == wire.FrameClosed })
	s.next("its place on the timeline", func(f *wire.Frame) bool { return f.N == 1 && f.Event != nil && f.Event.Kind == "turn_end" })
	s.next("a signal", func(f *wire.Frame) bool { return f.Type == wire.FrameSignal })
}
