package native

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/internal/auth"
	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/turn"
	"github.com/karez/karez/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, idleClient) }

// idleClient leaves out what the tests' own HTTP client keeps for a while.
var idleClient = goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop")

// Bytes that are no command are answered, in each codec, and the connection
// goes on.
func TestMalformedFrames(t *testing.T) {
	r := newRig(t, rigOptions{})
	ping := func(c wire.Codec) []byte { return c.AppendCommand(nil, &wire.Command{ID: 7, Type: wire.CmdPing}) }
	for _, codec := range wire.Codecs() {
		cases := map[string]struct {
			p      []byte
			binary bool
		}{
			"wrong kind of frame": {[]byte(`{"type":"ping"}`), !codec.Binary()},
			"empty":               {nil, codec.Binary()},
			"truncated":           {ping(codec)[:len(ping(codec))-2], codec.Binary()},
		}
		if codec == wire.JSON {
			cases["an array"] = struct {
				p      []byte
				binary bool
			}{[]byte(`[1,2,"x"]`), false}
			cases["nested"] = struct {
				p      []byte
				binary bool
			}{[]byte(strings.Repeat(`{"data":`, 100) + "1" + strings.Repeat("}", 100)), false}
		} else {
			cases["garbage"] = struct {
				p      []byte
				binary bool
			}{[]byte{0xff, 0xfe, 0xfd, 0x01, 0x02}, true}
		}
		c := r.dial(codec, r.token("ada", time.Hour, nil))
		n := 0
		for name, bad := range cases {
			c.sendRaw(bad.p, bad.binary)
			n++
			c.until("answer to "+name, func(got []*wire.Frame, closed *websocket.CloseError) bool {
				if closed != nil {
					t.Fatalf("%s, %s: closed with %v", codec.Subprotocol(), name, closed)
				}
				found := 0
				for _, f := range got {
					if f.Type == wire.FrameError && (f.Error.Code == wire.CodeBadFrame || f.Error.Code == wire.CodeBadRequest) { // no bytes are a command without a type in Protobuf
						found++
					}
				}
				return found == n
			})
		}
		c.send(&wire.Command{ID: 9, Type: wire.CmdPing})
		c.answer(9)
	}
}

// A command with one wrong field is answered under its id.
func TestWrongFieldNamesTheCommand(t *testing.T) {
	r := newRig(t, rigOptions{})
	c := r.dial(wire.JSON, r.token("ada", time.Hour, nil))
	c.sendRaw([]byte(`{"id":3,"type":"follow","channel":7}`), false)
	if f := c.answer(3); f.Error == nil || f.Error.Code != wire.CodeBadFrame || !strings.Contains(f.Error.Message, "channel") {
		t.Errorf("%+v", f.Error)
	}
}

// Text that is not UTF-8 ends a WebSocket (RFC 6455, 8.1), a message over the
// limit with 1009; a prompt too large for an event is an answer.
func TestTooLarge(t *testing.T) {
	r := newRig(t, rigOptions{})
	token := r.token("ada", time.Hour, nil)
	c := r.dial(wire.JSON, token)
	c.sendRaw([]byte("{\"type\":\"\xff\"}"), false)
	if code, _ := c.goneWith(); code != 1007 {
		t.Errorf("invalid UTF-8: closed with %d", code)
	}
	c = r.dial(wire.JSON, token)
	big := `{"id":1,"type":"publish","channel":"chat:42","name":"x","data":"` + strings.Repeat("x", wire.MaxCommand) + `"}`
	c.sendRaw([]byte(big), false)
	if code, _ := c.goneWith(); code != 1009 {
		t.Errorf("oversized command: closed with %d", code)
	}
	if f, status := r.post(token, big); status != 413 || f.Error.Code != wire.CodeTooLarge {
		t.Errorf("posted: %d %+v", status, f.Error)
	}
	for _, codec := range wire.Codecs() {
		c = r.dial(codec, token)
		c.send(&wire.Command{ID: 1, Type: wire.CmdPrompt, Channel: "chat:42", Prompt: &turn.Prompt{Message: "big", Text: strings.Repeat("x", 300<<10)}})
		if f := c.answer(1); f.Error == nil || f.Error.Code != wire.CodeTooLarge {
			t.Errorf("prompt: %+v", f)
		}
		c.send(&wire.Command{ID: 2, Type: wire.CmdPublish, Channel: "chat:42", Name: "x", Data: []byte(`"` + strings.Repeat("x", 300<<10) + `"`)})
		if f := c.answer(2); f.Error == nil || f.Error.Code != wire.CodeTooLarge {
			t.Errorf("publish: %+v", f)
		}
		c.send(&wire.Command{ID: 3, Type: wire.CmdSignal, Channel: "chat:42", Name: "x", Data: []byte(`"` + strings.Repeat("x", wire.MaxSignal) + `"`)})
		if f := c.answer(3); f.Error == nil || f.Error.Code != wire.CodeTooLarge {
			t.Errorf("signal: %+v", f)
		}
		c.send(&wire.Command{ID: 4, Type: wire.CmdHistory, Channel: strings.Repeat("x", turn.MaxChannel+1)})
		if f := c.answer(4); f.Error == nil || f.Error.Code != wire.CodeBadRequest {
			t.Errorf("channel: %+v", f)
		}
	}
}

// Who does not say hello in time is told so.
func TestNoHello(t *testing.T) {
	r := newRig(t, rigOptions{native: Options{Hello: 20 * time.Millisecond}})
	c := r.dial(wire.MessagePack, "")
	if code, bye := c.goneWith(); code != 4401 || bye == nil || bye.Error.Code != wire.CodeUnauthorized {
		t.Errorf("closed with %d, %+v", code, bye)
	}
}

// A handshake with a token that is not taken is answered as HTTP; so are
// streams and commands.
func TestBadTokens(t *testing.T) {
	r := newRig(t, rigOptions{})
	for token, code := range map[string]string{"nonsense": wire.CodeUnauthorized, r.token("ada", -time.Hour, nil): wire.CodeExpired} {
		_, resp, err := websocket.Dial(context.Background(), r.url+"/v1/ws", &websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {"Bearer " + token}}})
		if err == nil || resp.StatusCode != 401 || resp.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("handshake: %v", resp)
		}
		if f, status := r.post(token, `{"type":"ping"}`); status != 401 || f.Error.Code != code {
			t.Errorf("command: %d %+v", status, f.Error)
		}
		resp, err = r.do(context.Background(), "POST", "/v1/stream", token, `{"follow":[{"channel":"chat:42"}]}`)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 401 {
			t.Errorf("stream: %s", resp.Status)
		}
		c := r.dial(wire.JSON, "")
		c.send(&wire.Command{Type: wire.CmdHello, Token: token})
		if _, bye := c.goneWith(); bye == nil || bye.Error.Code != code {
			t.Errorf("hello: %+v", bye)
		}
	}
	if f, status := r.post("", `{"type":"ping"}`); status != 401 || f.Error.Code != wire.CodeUnauthorized {
		t.Errorf("no token: %d %+v", status, f.Error)
	}
}

// A token may stand among the subprotocols, where a browser can put it. It is
// never chosen as one.
func TestTokenAmongSubprotocols(t *testing.T) {
	r := newRig(t, rigOptions{})
	ws, _, err := websocket.Dial(context.Background(), r.url+"/v1/ws", &websocket.DialOptions{
		Subprotocols: []string{auth.ProtocolPrefix + r.token("ada", time.Hour, nil), wire.JSON.Subprotocol()},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer ws.CloseNow()
	if got := ws.Subprotocol(); got != wire.JSON.Subprotocol() {
		t.Errorf("chosen: %q", got)
	}
	if _, p, err := ws.Read(context.Background()); err != nil || !strings.Contains(string(p), `"welcome"`) {
		t.Errorf("%s %v", p, err)
	}
}

// One connection follows so many logs and no more.
func TestTooManyFollows(t *testing.T) {
	r := newRig(t, rigOptions{gateway: gateway.Options{MaxFollows: 3}})
	c := r.dial(wire.Protobuf, r.token("ada", time.Hour, nil))
	for i := range 4 {
		c.send(&wire.Command{ID: uint64(i + 1), Type: wire.CmdFollow, Channel: "chat:42", Turn: fmt.Sprintf("t%d", i)})
		f := c.answer(uint64(i + 1))
		if full := i == 3; (f.Error != nil) != full || full && f.Error.Code != wire.CodeTooMany {
			t.Errorf("follow %d: %+v", i+1, f)
		}
	}
	c.send(&wire.Command{ID: 5, Type: wire.CmdUnfollow, Channel: "chat:42", Turn: "t0"})
	c.send(&wire.Command{ID: 6, Type: wire.CmdFollow, Channel: "chat:42", Turn: "t9"})
	if f := c.answer(6); f.Error != nil {
		t.Errorf("after unfollow: %+v", f.Error)
	}
}

// A node that is full says so.
func TestFullNode(t *testing.T) {
	r := newRig(t, rigOptions{gateway: gateway.Options{MaxSessions: 1}})
	token := r.token("ada", time.Hour, nil)
	c := r.dial(wire.JSON, token)
	c.next("welcome", func(f *wire.Frame) bool { return f.Type == wire.FrameWelcome })
	if _, bye := r.dial(wire.JSON, token).goneWith(); bye == nil || bye.Error.Code != wire.CodeTooMany {
		t.Errorf("%+v", bye)
	}
	if resp, err := r.do(context.Background(), "POST", "/v1/stream", token, `{"follow":[{"channel":"chat:42"}]}`); err != nil || resp.StatusCode != 429 {
		t.Errorf("%v %v", resp, err)
	} else {
		resp.Body.Close()
	}
	if f, status := r.post(token, `{"type":"ping"}`); status != 200 || f.Type != wire.FramePong { // it needs no session
		t.Errorf("%d %+v", status, f.Error)
	}
}

// A stream's own signal, which it posts, does not come back on it; a posted
// command is no session of its own.
func TestPostedSignalSparesItsStream(t *testing.T) {
	r := newRig(t, rigOptions{})
	token := r.token("ada", time.Hour, nil)
	own, other := r.stream(token, `{"follow":[{"channel":"chat:42"}]}`), r.stream(token, `{"follow":[{"channel":"chat:42"}]}`)
	own.answer(1)
	other.answer(1)
	session := own.next("welcome", func(f *wire.Frame) bool { return f.Type == wire.FrameWelcome }).Session
	post := func(name, session string) int {
		req, err := http.NewRequest("POST", r.url+"/v1/command", strings.NewReader(fmt.Sprintf(`{"type":"signal","channel":"chat:42","name":%q}`, name)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		req.Header.Set("Karez-Session", session)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	if a, b, bad := post("mine", session), post("all", ""), post("mine", "a/b"); a != 200 || b != 200 || bad != 400 {
		t.Fatal(a, b, bad)
	}
	named := func(name string) func(*wire.Frame) bool {
		return func(f *wire.Frame) bool { return f.Type == wire.FrameSignal && f.Name == name }
	}
	other.next("mine", named("mine"))
	other.next("all", named("all"))
	own.next("all", named("all"))
	own.mu.Lock()
	defer own.mu.Unlock()
	if slices.ContainsFunc(own.got, named("mine")) {
		t.Error("a stream heard its own signal")
	}
	if n := r.g.Sessions(); n != 2 {
		t.Errorf("%d sessions of two streams", n)
	}
}

// A kicked connection hears why, and a session whose token ran out too.
func TestCloseSaysWhy(t *testing.T) {
	r := newRig(t, rigOptions{})
	c := r.dial(wire.JSON, r.token("ada", time.Hour, nil))
	s := r.stream(r.token("ada", time.Hour, nil), `{"follow":[{"channel":"chat:42"}]}`)
	c.next("welcome", func(f *wire.Frame) bool { return f.Type == wire.FrameWelcome })
	s.answer(1)
	r.kick("ada")
	if code, bye := c.goneWith(); code != 4403 || bye == nil || bye.Error.Code != wire.CodeForbidden {
		t.Errorf("closed with %d, %+v", code, bye)
	}
	s.next("bye", func(f *wire.Frame) bool { return f.Type == wire.FrameBye && f.Error.Code == wire.CodeForbidden })
	<-s.done
}

// A node that goes down tells those, too, who have not said hello.
func TestCloseTellsStrangers(t *testing.T) {
	r := newRig(t, rigOptions{})
	c := r.dial(wire.JSON, "")
	c.sendRaw([]byte(" "), false) // refused below, which shows that it is being read
	if code, _ := c.goneWith(); code != 4400 {
		t.Fatal(code)
	}
	c = r.dial(wire.JSON, "")
	r.g.Close()
	r.tr.Close()
	r.tr = New(r.g, r.tr.auth, Options{}) // for the rig to close
	if code, bye := c.goneWith(); code != 1012 || bye == nil || bye.Error.Code != wire.CodeDraining {
		t.Errorf("closed with %d, %+v", code, bye)
	}
}

// Every connection that has said hello hears something now and then.
func TestPing(t *testing.T) {
	r := newRig(t, rigOptions{native: Options{Ping: 10 * time.Millisecond}})
	stranger := r.dial(wire.JSON, "")
	for _, codec := range wire.Codecs() {
		c := r.dial(codec, r.token("ada", time.Hour, nil))
		c.next("ping", func(f *wire.Frame) bool { return f.Type == wire.FramePing })
		c.mu.Lock()
		if c.got[0].Type != wire.FrameWelcome {
			t.Errorf("the first frame is %s", c.got[0].Type)
		}
		c.mu.Unlock()
	}
	stranger.mu.Lock()
	defer stranger.mu.Unlock()
	if len(stranger.got) > 0 {
		t.Errorf("before its hello a client heard %s", stranger.got[0].Type)
	}
}

// The trace context of a request goes with its prompt, if it is one.
func TestTrace(t *testing.T) {
	const tp = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	r := newRig(t, rigOptions{})
	token := r.token("ada", time.Hour, nil)
	for header, want := range map[string]string{tp: tp, "": "", tp + "x": "", strings.ToUpper(tp): "", "ff" + tp[2:]: "", strings.Repeat("0", 55): ""} {
		req, err := http.NewRequest("POST", r.url+"/v1/command", strings.NewReader(
			fmt.Sprintf(`{"type":"prompt","channel":"chat:42","prompt":{"message":%q,"text":"x"}}`, "m"+header)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		req.Header.Set("Traceparent", header)
		resp, err := http.DefaultClient.Do(req)
		if err != nil || resp.StatusCode != 200 {
			t.Fatal(resp, err)
		}
		resp.Body.Close()
		evs, err := r.b.Read(context.Background(), turn.NewID("app", "chat:42", turn.NameFor("app", "chat:42", "ada", "m"+header)), 0, 1)
		if err != nil || len(evs) != 1 || evs[0].Attrs[turn.AttrTrace] != want {
			t.Errorf("%q: %v %v", header, evs, err)
		}
	}
}

// slow holds up every Set until it is released.
type slow struct {
	broker.Broker
	gate chan struct{}
}

func (s slow) Set(ctx context.Context, k broker.Key, val []byte, rev broker.Rev, ttl time.Duration) (broker.Rev, error) {
	select {
	case <-s.gate:
		return s.Broker.Set(ctx, k, val, rev, ttl)
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// A broker that does not answer holds up one connection's commands, which keep
// their order, and nobody else's; and a close gives the command up.
func TestSlowBroker(t *testing.T) {
	gate := make(chan struct{})
	r := newRig(t, rigOptions{broker: func(b broker.Broker) broker.Broker { return slow{b, gate} }})
	token := r.token("ada", time.Hour, nil)
	a, b := r.dial(wire.JSON, token), r.dial(wire.JSON, token)
	prompt := &wire.Command{ID: 1, Type: wire.CmdPrompt, Channel: "chat:42", Prompt: &turn.Prompt{Message: "m-1", Text: "x"}}
	a.next("welcome", func(f *wire.Frame) bool { return f.Type == wire.FrameWelcome }) // it can be kicked from here on
	a.send(prompt)
	a.send(&wire.Command{ID: 2, Type: wire.CmdPing})
	b.send(&wire.Command{ID: 1, Type: wire.CmdPing})
	b.answer(1)
	a.mu.Lock()
	for _, f := range a.got {
		if f.ID == 2 {
			t.Error("a command overtook another")
		}
	}
	a.mu.Unlock()
	b.send(prompt)
	r.kick("ada")
	b.goneWith()
	a.goneWith()
	close(gate)
}
