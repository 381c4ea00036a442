package socketio

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/turn"
)

var masks = []struct {
	re *regexp.Regexp
	to string
}{
	{regexp.MustCompile(`"(s|p)id":"[^"]+"`), `"${1}id":"…"`},
	{regexp.MustCompile(`,"attrs":\{[^}]*\}`), ``},
	{regexp.MustCompile(`"[A-Z2-7]{4}(!|")`), `"KEY$1`},
	{regexp.MustCompile(`t[a-z2-7]{24}`), `TURN`},
}

// A story is a conversation: > the client sends, < must come back, $ the
// author writes an event, its kind and data, or tells the channel of the end.
func TestGolden(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.golden")
	if len(files) == 0 {
		t.Fatal("no stories")
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".golden"), func(t *testing.T) {
			story, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			r := newRig(t, Options{})
			p := r.dial("ada")
			var a *author
			for i, line := range strings.Split(strings.TrimSpace(string(story)), "\n") {
				switch op, rest, _ := strings.Cut(line, " "); op {
				case ">":
					if a != nil {
						rest = strings.ReplaceAll(rest, "TURN", a.id.Name)
					}
					p.send(rest)
				case "$":
					if a == nil {
						a = r.begin()
					}
					if rest == "settle" {
						a.settle()
					} else {
						a.write(written(rest))
					}
				case "<":
					got := p.read()
					for _, m := range masks {
						got = m.re.ReplaceAllString(got, m.to)
					}
					if got != rest {
						t.Fatalf("line %d: %s\n   want %s", i+1, got, rest)
					}
				}
			}
		})
	}
}

// written reads an event from a story.
func written(s string) turn.Event {
	kind, data, _ := strings.Cut(s, " ")
	ev := turn.Event{Kind: turn.Kind(kind), Data: []byte(data)}
	if ev.Kind == turn.KindAudio {
		ev.Media = "audio/pcm"
	}
	if ev.Kind == turn.KindTool {
		ev.Part, ev.Name = "call-1", "search"
	}
	return ev
}

// A client that does not read holds up nobody, and gets everything when it
// does, in few events.
func TestSlowReader(t *testing.T) {
	r := newRig(t, Options{})
	slow, quick := r.dial("ada"), r.dial("bob")
	for _, p := range []*peer{slow, quick} {
		p.send(`421["follow",{"channel":"c"}]`)
		p.until(`431`)
	}
	quick.send(`422["prompt",{"channel":"c","message":"m","text":"go"}]`)
	quick.until(`432`)
	a := r.begin()
	piece := strings.Repeat("é🙂", 10<<10)
	for range 200 { // 12 MB: more than the sockets hold
		a.write(text(piece))
	}
	a.finish(end())
	for _, p := range []*peer{quick, slow} {
		n, deltas := 0, 0
		for {
			e := p.event()
			if e.name == evDelta {
				n, deltas = n+len(*e.body.Text), deltas+1
			}
			if e.name == evDone {
				break
			}
		}
		if n != 200*len(piece) {
			t.Errorf("%d bytes of %d in %d events", n, 200*len(piece), deltas)
		}
	}
}

// While a client was away its text was taken back and the log compacted. It
// comes back, on another node, with an offset from before all that.
func TestRecoverAcrossEpochs(t *testing.T) {
	r := newRig(t, Options{})
	p := r.dial("ada")
	var hello struct{ SID, PID string }
	if err := json.Unmarshal([]byte(p.until("40")[2:]), &hello); err != nil {
		t.Fatal(err)
	}
	p.send(`421["follow",{"channel":"c","from":"now"}]`)
	p.until("431")
	p.send(`422["prompt",{"channel":"c","message":"m","text":"go"}]`)
	p.until("432")
	a := r.begin()
	for i := range 10 {
		a.write(text(fmt.Sprint(i)))
	}
	var got turn.Answer
	var last event
	for got.At < 5 { // in the middle of what will be one event
		last = p.event()
		fold(t, &got, last)
	}
	p.ws.CloseNow()

	a.epoch()
	keep, _ := json.Marshal(turn.EpochStart{Epoch: a.e, Keep: 3, Parts: []turn.Kept{{Kind: turn.KindText, Bytes: 2}}, Reason: "worker_lost"})
	a.write(turn.Event{Kind: turn.KindEpoch, Data: keep})
	a.write(text("new"), text(" text"))
	a.finish(end())
	r.node(Options{})
	q := r.dial(fmt.Sprintf(`{"token":"ada","pid":%q,"offset":%q}`, hello.PID, last.offset))
	if got := q.until("40"); !strings.Contains(got, hello.PID) || !strings.Contains(got, hello.SID) {
		t.Fatalf("not recovered: %s", got)
	}
	for !got.State.Terminal() {
		fold(t, &got, q.event())
	}
	if got.Text() != "01new text" {
		t.Errorf("%q", got.Text())
	}
}

// fold does with an event what a client does.
func fold(t *testing.T, a *turn.Answer, e event) {
	t.Helper()
	kinds := map[string]turn.Kind{evDelta: turn.KindText, evReset: turn.KindEpoch, evDone: turn.KindEnd, evPrompt: turn.KindPrompt}
	kind, ok := kinds[e.name]
	if !ok {
		return
	}
	ev := turn.Event{Seq: e.body.Seq, First: a.At + 1, Kind: kind, Data: e.body.Data}
	if e.body.Text != nil {
		ev.Data = []byte(*e.body.Text)
	}
	if kind == turn.KindPrompt {
		ev.Data = e.body.Prompt
	}
	if e.body.Seq <= a.At {
		t.Errorf("%s at %d after %d", e.name, e.body.Seq, a.At)
	}
	if err := a.Add(ev); err != nil {
		t.Error(err)
	}
}

// A turn that ended before its beginning came up on the timeline is not given
// twice, whenever the client was away.
func TestEveryOffsetRecovers(t *testing.T) {
	r := newRig(t, Options{})
	p := r.dial("ada")
	var hello struct{ PID string }
	if err := json.Unmarshal([]byte(p.until("40")[2:]), &hello); err != nil {
		t.Fatal(err)
	}
	p.send(`421["follow",{"channel":"c"}]`)
	p.until("431")
	for i := range 3 {
		p.send(fmt.Sprintf(`42%d["prompt",{"channel":"c","message":"m%d","text":"go"}]`, i, i))
		p.until(fmt.Sprintf("43%d", i))
	}
	for range 3 {
		a := r.begin()
		a.write(text("x"))
		a.write(text("y"))
		a.finish(end())
	}
	q := r.dial("bob")
	q.send(`421["follow",{"channel":"c"}]`)
	q.until("431")
	var whole []event // as one reader sees it, each with an offset
	for done := 0; done < 3; {
		e := q.event()
		whole = append(whole, e)
		if e.name == evEnded {
			done++
		}
	}
	key := hello.PID[:4]
	for i, e := range whole {
		back := r.dial(fmt.Sprintf(`{"token":"ada","pid":%q,"offset":%q}`, hello.PID, key+e.offset[4:]))
		if got := back.until("40"); !strings.Contains(got, hello.PID) {
			t.Fatalf("not recovered at %s: %s", e.offset, got)
		}
		seen := make(map[string]turn.Seq) // of each log, what was had
		for _, h := range whole[:i+1] {
			seen[log(h)] = max(seen[log(h)], h.body.Seq)
		}
		for missing := left(whole, i); missing > 0; {
			got := back.event()
			if got.name == evStarted {
				continue
			}
			if got.body.Seq <= seen[log(got)] {
				t.Errorf("after %s: %s of %s at %d again", e.offset, got.name, log(got), got.body.Seq)
			}
			missing -= int(got.body.Seq - seen[log(got)])
			seen[log(got)] = got.body.Seq
		}
		back.ws.CloseNow()
	}
}

// log names the log of an event.
func log(e event) string {
	if e.name == evAccepted || e.name == evEnded {
		return "timeline"
	}
	return e.body.Turn
}

// left counts the places of all logs that follow event i.
func left(whole []event, i int) (n int) {
	top, had := make(map[string]turn.Seq), make(map[string]turn.Seq)
	for j, e := range whole {
		top[log(e)] = max(top[log(e)], e.body.Seq)
		if j <= i {
			had[log(e)] = top[log(e)]
		}
	}
	for l, t := range top {
		n += int(t - had[l])
	}
	return n
}

// The token decides, not the pid.
func TestGrantsOfOneWhoComesBack(t *testing.T) {
	r := newRig(t, Options{})
	if got := r.dial("a.b").read(); !strings.HasPrefix(got, `44{"message":`) || !strings.Contains(got, `"code":"unauthorized"`) {
		t.Errorf("bad token: %s", got)
	}
	if got := r.dial(`{}`).read(); !strings.Contains(got, "a token is needed") {
		t.Errorf("no token: %s", got)
	}
	if got := r.dial(`{"token":5}`).read(); !strings.Contains(got, "bad_request") {
		t.Errorf("a number for a token: %s", got)
	}
	p := r.dial("reader")
	p.until("40")
	p.send(`421["prompt",{"channel":"c","message":"m","text":"go"}]`)
	if got := p.read(); !strings.HasPrefix(got, `431[{"error":{"code":"forbidden"`) {
		t.Errorf("%s", got)
	}
	p.send(`42["publish",{"channel":"c","name":"n"}]`) // nobody waits for the answer
	if got := p.read(); !strings.HasPrefix(got, `42["error",{"error":{"code":"forbidden"`) {
		t.Errorf("%s", got)
	}
}

// A client of a node that goes down is told, and its connection ends so that it
// comes back; one that an operator closed does not come back.
func TestCloses(t *testing.T) {
	r := newRig(t, Options{})
	stop := r.node(Options{})
	p, q := r.dial("ada"), r.dial("bob")
	p.until("40")
	q.until("40")
	if n, err := r.g.Kick(t.Context(), gateway.Target{App: turn.DefaultApp, User: "bob"}, 50*time.Millisecond); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if got := q.until("42"); !strings.HasPrefix(got, `42["bye",{"code":"forbidden"`) {
		t.Errorf("%s", got)
	}
	if got := q.read(); got != "41" {
		t.Errorf("%s", got)
	}
	stop()
	if got := p.until("42"); !strings.HasPrefix(got, `42["bye",{"code":"draining"`) {
		t.Errorf("%s", got)
	}
	if got := p.read(); got != "closed" {
		t.Errorf("%s", got)
	}
}

// A client that polls gets what there is with each answer, and what it missed
// merged.
func TestPolling(t *testing.T) {
	r := newRig(t, Options{})
	var open struct{ SID string }
	if err := json.Unmarshal([]byte(r.poll("GET", "", "")[1:]), &open); err != nil {
		t.Fatal(err)
	}
	r.poll("POST", open.SID, `40{"token":"ada"}`+"\x1e"+`421["follow",{"channel":"c"}]`+"\x1e"+`422["prompt",{"channel":"c","message":"m","text":"go"}]`)
	a := r.begin()
	piece := strings.Repeat("é", 500)
	for range 2000 {
		a.write(text(piece))
	}
	a.finish(end())
	n, polls, deltas := 0, 0, 0
	for done := false; !done; polls++ {
		body := r.poll("GET", open.SID, "")
		if len(body) > 400<<10 {
			t.Errorf("one answer has %d bytes", len(body)) // 64 KiB and one event of a compacted log
		}
		for _, packet := range strings.Split(body, "\x1e") {
			if strings.HasPrefix(packet, `42["turn.delta"`) {
				n += strings.Count(packet, "é")
				deltas++
			}
			done = done || strings.HasPrefix(packet, `42["turn.done"`)
			if packet == "2" {
				r.poll("POST", open.SID, "3")
			}
		}
	}
	if n != 2000*500 || deltas > 1000 {
		t.Errorf("%d characters in %d deltas, %d polls", n, deltas, polls)
	}
}

func FuzzOffset(f *testing.F) {
	for _, s := range []string{"KEY2", "KEY2!c!0", "KEY2!c%21%2c!a!t1!5!t2!0,d!-!t3!z", "KEY2!", "x", "KEY2!c!1!t", "KEY2!private-x!~a!t1!5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		places, err := decodeOffset("KEY2", s)
		if err != nil {
			return
		}
		again, err := decodeOffset("KEY2", encodeOffset("KEY2", places))
		if err != nil || len(again) != len(places) {
			t.Fatalf("%q: %v", s, err)
		}
		for i := range places {
			if a, b := places[i].encoded(), again[i].encoded(); a != b {
				t.Errorf("%q: %s became %s", s, a, b)
			}
		}
	})
}
