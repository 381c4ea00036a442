package pusher

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/karez/karez/internal/transport/pusher/apps"
	"github.com/karez/karez/turn"
)

func TestPublicChannelHearsBackEnd(t *testing.T) {
	r := newRig(t, demo())
	a, b := r.dial(), r.dial()
	if f := a.subscribe("news", ""); f.text() != "{}" {
		t.Errorf("%s", f.raw)
	}
	b.subscribe("news", "")
	const data = `{"html":"<b>&</b>","n":1.0,"s":"ünï😀"}`
	r.trigger(`{"name":"App\\Events\\Shipped","channels":["news","other"],"data":` + quote(data) + `,"socket_id":"` + b.id + `"}`)
	if f := a.next(`App\Events\Shipped`); f.text() != data || f.Data[0] != '"' || f.Channel != "news" || f.UserID != "" {
		t.Errorf("%s", f.raw)
	}
	b.none(`App\Events\Shipped`)
	a.send(`{"event":"pusher:unsubscribe","data":{"channel":"news"}}`)
	a.send(`{"event":"pusher:ping"}`)
	a.next(evPong)
	r.trigger(`{"name":"again","channel":"news","data":"plain text"}`)
	if f := b.next("again"); f.text() != "plain text" {
		t.Errorf("%s", f.raw)
	}
	a.none("again")
}

func TestSubscriptionsAreProven(t *testing.T) {
	r := newRig(t, demo())
	a := r.dial()
	for _, c := range []struct{ channel, auth, data string }{
		{"private-x", "", ""},
		{"private-x", "demo-key:" + apps.Sign("demo-secret", "1.1:private-x"), ""},
		{"private-x", "demo-key:" + apps.Sign("other", a.id+":private-x"), ""},
		{"private-encrypted-x", "", ""},
		{"presence-x", "demo-key:" + apps.Sign("demo-secret", a.id+":presence-x"), `{"user_id":"1"}`},
		{"presence-x", "demo-key:" + apps.Sign("demo-secret", a.id+`:presence-x:{"user_id":""}`), `{"user_id":""}`},
		{"presence-x", "demo-key:" + apps.Sign("demo-secret", a.id+`:presence-x:null`), `null`},
		{"presence-x", "demo-key:" + apps.Sign("demo-secret", a.id+`:presence-x`), ``},
		{"#server-to-user-9", "", ""},
		{"#user-9", "", ""},
		{"a:b", "", ""},
		{"", "", ""},
		{strings.Repeat("x", 165), "", ""},
	} {
		a.send(`{"event":"pusher:subscribe","data":{"channel":%q,"auth":%q,"channel_data":%s}}`, c.channel, c.auth, quote(c.data))
		f := a.next(evSubError)
		var d struct{ Status int }
		if err := json.Unmarshal([]byte(f.text()), &d); err != nil || d.Status < 400 || f.Channel != apps.Clip(c.channel) {
			t.Errorf("%v: %s", c, f.raw)
		}
		if f = a.next(evError); f.Data[0] != '{' {
			t.Errorf("%v: %s", c, f.raw)
		}
	}
	a.none(evSubscribed)
	a.subscribe("private-x", "")
	a.ask("private-x", "")
	if f := a.next(evError); !strings.Contains(f.raw, "Existing subscription to channel private-x") {
		t.Errorf("%s", f.raw)
	}
}

func TestConnectionsRefused(t *testing.T) {
	r := newRig(t, demo())
	for path, want := range map[string]int{
		"/app/demo-key":            codeNoVersion,
		"/app/demo-key?protocol=x": codeVersion,
		"/app/demo-key?protocol=4": codeUnsupported,
		"/app/demo-key?protocol=8": codeUnsupported,
		"/app/nobody?protocol=7":   codeNoApp,
		"/app/?protocol=7":         codePath,
	} {
		c := r.dialPath(path)
		if f := c.next(evError); !strings.Contains(f.raw, fmt.Sprintf(`"code":%d`, want)) {
			t.Errorf("%s: %s", path, f.raw)
		}
		if got := c.goneWith(); got != want {
			t.Errorf("%s: closed with %d, want %d", path, got, want)
		}
	}
	for want, change := range map[int]func(*App){
		codeDisabled: func(a *App) { a.Disabled = true },
		codeTLSOnly:  func(a *App) { a.TLSOnly = true },
	} {
		c := newRig(t, demo(change)).dialPath("/app/demo-key?protocol=7")
		if got := c.goneWith(); got != want {
			t.Errorf("closed with %d, want %d", got, want)
		}
	}
	full := newRig(t, demo(func(a *App) { a.MaxConnections = 1 }))
	first := full.dial()
	if got := full.dialPath("/app/demo-key?protocol=7").goneWith(); got != codeQuota {
		t.Errorf("closed with %d, want %d", got, codeQuota)
	}
	first.drop()
	eventually(t, "room", func() bool { return len(full.tr.all()) == 0 })
	full.dial()
}

func TestBadMessages(t *testing.T) {
	r := newRig(t, demo())
	c := r.dial()
	for _, m := range []string{`x`, `{}`, `[]`, `{"event":1}`, `{"event":"pusher:subscribe"}`, `{"event":"pusher:subscribe","data":"x"}`, `{"event":"pusher:signin","data":[]}`, `{"event":"pusher:nonsense"}`, `{"event":"App\\Events\\X","channel":"c"}`} {
		c.send("%s", m)
		c.next(evError)
	}
	c.send(`{"event":"pusher:subscribe","data":"{\"channel\":\"twice\"}"}`) // encoded twice, as some clients do
	c.nextOn(evSubscribed, "twice")
}

func TestClientEvents(t *testing.T) {
	r := newRig(t, demo(func(a *App) { a.ClientEventRate = 3 }))
	a, b := r.dial(), r.dial()
	a.subscribe("private-x", "")
	b.subscribe("private-x", "")
	a.send(`{"event":"client-typing","channel":"private-x","data":{"on":true}}`)
	if f := b.next("client-typing"); f.text() != `{"on":true}` || f.UserID != "" {
		t.Errorf("%s", f.raw)
	}
	a.none("client-typing")
	a.send(`{"event":"client-text","channel":"private-x","data":"hello"}`)
	if f := b.next("client-text"); f.text() != "hello" {
		t.Errorf("%s", f.raw)
	}
	for i := range 20 { // more than three in any second
		a.send(`{"event":"client-many","channel":"private-x","data":%d}`, i)
	}
	if f := a.next(evError); !strings.Contains(f.raw, `"code":4301`) {
		t.Errorf("%s", f.raw)
	}

	c := r.dial()
	c.subscribe("news", "")
	for _, m := range []string{
		`{"event":"client-a","channel":"news","data":{}}`,
		`{"event":"client-a","channel":"private-x","data":{}}`,
		`{"event":"client-a","data":{}}`,
	} {
		c.send("%s", m)
		if f := c.next(evError); !strings.Contains(f.raw, `"code":4009`) {
			t.Errorf("%s: %s", m, f.raw)
		}
	}
	all := newRig(t, demo(func(a *App) { a.AcceptClientEventsFrom = apps.FromAll }))
	d, e := all.dial(), all.dial()
	d.subscribe("news", "")
	e.subscribe("news", "")
	d.send(`{"event":"client-a","channel":"news","data":{}}`)
	e.next("client-a")
	none := newRig(t, demo(func(a *App) { a.AcceptClientEventsFrom = apps.FromNone })).dial()
	none.subscribe("private-x", "")
	none.send(`{"event":"client-a","channel":"private-x","data":{}}`)
	if f := none.next(evError); !strings.Contains(f.raw, `"code":4301`) {
		t.Errorf("%s", f.raw)
	}
}

func TestCacheChannels(t *testing.T) {
	r := newRig(t, demo())
	a := r.dial()
	a.subscribe("cache-x", "")
	a.nextOn(evCacheMiss, "cache-x")
	r.trigger(`{"name":"first","channel":"cache-x","data":"1"}`)
	r.trigger(`{"name":"last","channel":"cache-x","data":"{\"n\":2}"}`)
	b := r.dial()
	b.subscribe("cache-x", "")
	if f := b.next("last"); f.text() != `{"n":2}` {
		t.Errorf("%s", f.raw)
	}
	b.none("first")
	b.none(evCacheMiss)
	b.subscribe("private-encrypted-cache-x", "")
	b.nextOn(evCacheMiss, "private-encrypted-cache-x")
}

func TestReverbMode(t *testing.T) {
	r := newRig(t, demo(func(a *App) { a.Reverb = true }))
	c := r.dialPath("/app/demo-key") // Reverb asks for no version
	c.next(evEstablished)
	c.send(`{"event":"pusher:signin","data":{}}`)
	if f := c.next(evError); f.text() != `{"code":4200,"message":"Invalid message format"}` {
		t.Errorf("%s", f.raw)
	}
	c.send(`{"event":"pusher:subscribe","data":{"channel":"private-x"}}`)
	if f := c.next(evError); !strings.Contains(f.raw, `"code":4009`) {
		t.Errorf("%s", f.raw)
	}
	c.none(evSubError)
	if status, answer := r.call("POST", "/batch_events", nil, `{"batch":[{"name":"a","channel":"c","data":"x"}]}`); status != 200 || answer != `{"batch":{}}` {
		t.Errorf("%d %s", status, answer)
	}
	if status, answer := r.plain("GET", "/up", ""); status != 200 || answer != `{"health":"OK"}` {
		t.Errorf("%d %s", status, answer)
	}
}

// A client that subscribes in the middle of an answer gets all of it.
func TestTurnIsShownFromItsBeginning(t *testing.T) {
	r := newRig(t, demo())
	a := r.dial()
	a.subscribe("private-chat", "")
	id := r.prompt("private-chat", "Why?")
	e := r.begin(id)
	r.write(id, e, textEvent("Air "), textEvent("scatters "))
	if f := a.next("turn.accepted"); f.text() != fmt.Sprintf(`{"turn":%q,"seq":1,"data":{"message":"Why?","user":"ada","text":"Why?"}}`, id.Name) {
		t.Errorf("%s", f.raw)
	}
	if f := a.next(turnStarted); f.text() != fmt.Sprintf(`{"turn":%q,"seq":2}`, id.Name) {
		t.Errorf("%s", f.raw)
	}
	b := r.dial()
	b.subscribe("private-chat", "")
	r.write(id, e, textEvent("short waves."), turn.Event{Kind: turn.KindUsage, Data: []byte(`{"input_tokens":1,"output_tokens":2}`)}, endEvent())
	for _, c := range []*client{a, b} {
		if f := c.next("turn.done"); f.text() != fmt.Sprintf(`{"turn":%q,"seq":6,"data":{"reason":"stop"}}`, id.Name) {
			t.Errorf("%s", f.raw)
		}
		if got := c.answer(id.Name); got != "Air scatters short waves." {
			t.Errorf("%q", got)
		}
	}
	// After the answer there is nothing to replay.
	a.drop()
	again := r.dial()
	if err := r.t.Finish(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	again.subscribe("private-chat", "")
	again.none(turnStarted)
}

// answer is the text of a turn as an application folds it.
func (c *client) answer(name string) string {
	c.tb.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	text := ""
	for _, f := range c.got {
		var d struct {
			Turn, Text string
			Data       turn.EpochStart
		}
		if !strings.HasPrefix(f.Event, "turn.") || json.Unmarshal([]byte(f.text()), &d) != nil || d.Turn != name {
			continue
		}
		switch f.Event {
		case turnStarted:
			text = ""
		case "turn.delta":
			text += d.Text
		case "turn.reset":
			keep := 0
			for _, p := range d.Data.Parts {
				if p.Kind == turn.KindText && p.Part == "" {
					keep = p.Bytes
				}
			}
			text = text[:keep]
		}
	}
	return text
}

// Another worker takes text back.
func TestTurnIsReset(t *testing.T) {
	r := newRig(t, demo())
	a := r.dial()
	a.subscribe("private-chat", "")
	id := r.prompt("private-chat", "Colour?")
	r.write(id, r.begin(id), textEvent("blue"), textEvent(" whal"))
	a.next("turn.delta")
	r.write(id, r.begin(id), turn.Event{Kind: turn.KindEpoch, Data: []byte(`{"epoch":2,"keep":2,"parts":[{"kind":"text","bytes":4}],"reason":"worker_lost"}`)}, textEvent("!"), endEvent())
	a.next("turn.done")
	b := r.dial()
	b.subscribe("private-chat", "") // a turn that was not finished is live
	b.next("turn.done")
	for _, c := range []*client{a, b} {
		if got := c.answer(id.Name); got != "blue!" {
			t.Errorf("%q", got)
		}
	}
}

// Encrypted channels carry no turns: nobody here has the key.
func TestTurnsAreHidden(t *testing.T) {
	r := newRig(t, demo())
	a := r.dial()
	a.subscribe("private-encrypted-chat", "")
	r.prompt("private-encrypted-chat", "Why?")
	r.trigger(`{"name":"e","channel":"private-encrypted-chat","data":"{\"nonce\":\"n\",\"ciphertext\":\"c\"}"}`)
	if f := a.next("e"); f.text() != `{"nonce":"n","ciphertext":"c"}` {
		t.Errorf("%s", f.raw)
	}
	a.none("turn.accepted")
}

func TestPromptAndCancelByClientEvents(t *testing.T) {
	r := newRig(t, demo(func(a *App) { a.Prompts = true }))
	a := r.dial()
	a.subscribe("private-chat", "")
	a.signin(`{"id":"ada"}`)
	a.next(evSigninDone)
	a.send(`{"event":"client-prompt","channel":"private-chat","data":{"message":"m-1","text":"Why?"}}`)
	name := turn.NameFor("app", "private-chat", "ada", "m-1")
	if f := a.next("turn.accepted"); !strings.Contains(f.text(), name) || !strings.Contains(f.text(), `"user":"ada"`) {
		t.Errorf("%s", f.raw)
	}
	a.send(`{"event":"client-cancel","channel":"private-chat","data":{"message":"m-1"}}`)
	if f := a.next("turn.cancelled"); f.text() != fmt.Sprintf(`{"turn":%q,"seq":2,"data":{"by":"ada"}}`, name) {
		t.Errorf("%s", f.raw)
	}
	a.send(`{"event":"client-cancel","channel":"private-chat","data":{"turn":"no body"}}`)
	a.next(promptRefused)
	a.subscribe("news", "")
	a.send(`{"event":"client-prompt","channel":"news","data":{"text":"Why?"}}`)
	a.next(evError)
}
