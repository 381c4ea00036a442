package pusher

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/karez/karez/internal/transport/pusher/apps"
)

// A puller is a client of the fallback.
type puller struct {
	tb   testing.TB
	r    *rig
	base string

	mu sync.Mutex // guards the one below
	n  int
}

func (r *rig) pull(session string) *puller {
	return &puller{tb: r.tb, r: r, base: r.url + "/pusher/app/" + r.app.Key + "/12/" + session}
}

// next numbers a request.
func (p *puller) next() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.n++
	return p.n
}

// open begins a receiving request.
func (p *puller) open(way string) (*bufio.Reader, func()) {
	p.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), late)
	req, err := http.NewRequestWithContext(ctx, "POST", fmt.Sprintf("%s/%s?protocol=7&client=js&version=8&t=1&n=%d", p.base, way, p.next()), nil)
	if err != nil {
		p.tb.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.tb.Fatal(err)
	}
	if resp.StatusCode != 200 {
		p.tb.Fatalf("%s: %s", way, resp.Status)
	}
	return bufio.NewReaderSize(resp.Body, 1<<20), func() { cancel(); resp.Body.Close() }
}

// send posts messages as request n and returns the status.
func (p *puller) send(n int, messages ...string) int {
	body, _ := json.Marshal(append([]string{}, messages...))
	status, _ := p.r.plain("POST", fmt.Sprintf("%s/xhr_send?t=1&n=%d", strings.TrimPrefix(p.base, p.r.url), n), string(body))
	return status
}

// readLine reads one chunk.
func readLine(tb testing.TB, r *bufio.Reader) string {
	tb.Helper()
	s, err := r.ReadString('\n')
	if err != nil {
		tb.Fatalf("read chunk: %v, had %q", err, s)
	}
	return strings.TrimSuffix(s, "\n")
}

// chunk reads the message of a chunk.
func chunk(tb testing.TB, s string) (f frame) {
	tb.Helper()
	var m string
	if !strings.HasPrefix(s, "m") || json.Unmarshal([]byte(s[1:]), &m) != nil || json.Unmarshal([]byte(m), &f) != nil {
		tb.Fatalf("chunk %q", s)
	}
	f.raw = m
	return f
}

func TestStreaming(t *testing.T) {
	r := newRig(t, demo())
	p := r.pull("abcdefgh")
	body, stop := p.open("xhr_streaming")
	defer stop()
	if s := readLine(t, body); s != "o" {
		t.Fatalf("%q", s)
	}
	if f := chunk(t, readLine(t, body)); f.Event != evEstablished {
		t.Errorf("%s", f.raw)
	}
	if status := p.send(p.next(), `{"event":"pusher:subscribe","data":{"channel":"news","auth":""}}`); status != 200 {
		t.Errorf("send: %d", status)
	}
	if f := chunk(t, readLine(t, body)); f.Event != evSubscribed {
		t.Errorf("%s", f.raw)
	}
	r.trigger(`{"name":"e","channel":"news","data":"ü\n"}`)
	if f := chunk(t, readLine(t, body)); f.text() != "ü\n" {
		t.Errorf("%s", f.raw)
	}
	if status := p.send(p.next()); status != 200 { // the answer to a heartbeat
		t.Errorf("send: %d", status)
	}
	// Sends that overtake each other are put into order.
	first, second := p.next(), p.next()
	done := make(chan int)
	go func() {
		done <- p.send(second, `{"event":"pusher:unsubscribe","data":{"channel":"late"}}`)
	}()
	if status := p.send(first, `{"event":"pusher:subscribe","data":{"channel":"late","auth":""}}`); status != 200 || <-done != 200 {
		t.Errorf("send: %d", status)
	}
	if f := chunk(t, readLine(t, body)); f.Event != evSubscribed {
		t.Errorf("%s", f.raw)
	}
	if _, answer := r.call("GET", "/channels", nil, ""); answer != `{"channels":{"news":{}}}` {
		t.Errorf("%s", answer)
	}
}

func TestPolling(t *testing.T) {
	r := newRig(t, demo())
	p := r.pull("polling1")
	var lines []string
	poll := func() string { // polls again when an answer has been read
		for len(lines) == 0 {
			body, stop := p.open("xhr")
			for {
				s, err := body.ReadString('\n')
				if err != nil {
					break
				}
				lines = append(lines, strings.TrimSuffix(s, "\n"))
			}
			stop()
		}
		s := lines[0]
		lines = lines[1:]
		return s
	}
	if s := poll(); s != "o" {
		t.Fatalf("%q", s)
	}
	if f := chunk(t, poll()); f.Event != evEstablished {
		t.Errorf("%s", f.raw)
	}
	p.send(p.next(), `{"event":"pusher:subscribe","data":{"channel":"news","auth":""}}`)
	chunk(t, poll())
	for i := range 100 { // while nobody receives, and while somebody does
		r.trigger(fmt.Sprintf(`{"name":"e","channel":"news","data":"%d"}`, i))
		if i%10 == 9 {
			for j := i - 9; j <= i; j++ {
				if f := chunk(t, poll()); f.text() != fmt.Sprint(j) {
					t.Fatalf("%s, want %d", f.raw, j)
				}
			}
		}
	}
	r.g.Close() // the node drains
	if s := poll(); s != `c[4200,"node is draining"]` {
		t.Errorf("%q", s)
	}
}

// Past 256 KiB the client drops what follows and opens another request.
func TestStreamingIsReopened(t *testing.T) {
	r := newRig(t, demo())
	p := r.pull("longlong")
	body, stop := p.open("xhr_streaming")
	readLine(t, body)
	readLine(t, body)
	p.send(p.next(), `{"event":"pusher:subscribe","data":{"channel":"news","auth":""}}`)
	read := units([]byte("o\n")) + 200 + 200
	readLine(t, body)
	data := strings.Repeat("😀x", 1000)
	sent, got := 0, 0
	for ; sent < 100; sent++ {
		r.trigger(fmt.Sprintf(`{"name":"e%d","channel":"news","data":%q}`, sent, data))
		if read > maxResponse {
			continue
		}
		s := readLine(t, body)
		if f := chunk(t, s); f.Event != fmt.Sprintf("e%d", got) || f.text() != data {
			t.Fatalf("%.100s, want e%d", f.raw, got)
		}
		got++
		read += units([]byte(s)) + 1
		if read > maxResponse+1000 {
			break
		}
	}
	if got >= 100 || got < 50 {
		t.Fatalf("%d events in the first answer", got)
	}
	// Nothing follows: what comes now waits for the next request.
	r.trigger(`{"name":"after","channel":"news","data":""}`)
	again, stopAgain := p.open("xhr_streaming")
	defer stopAgain()
	rest := 0
	for { // of the first answer: all that was sent on it
		s, err := body.ReadString('\n')
		if err != nil {
			break
		}
		rest++
		if f := chunk(t, strings.TrimSuffix(s, "\n")); f.Event != fmt.Sprintf("e%d", got) {
			t.Errorf("%.100s, want e%d", f.raw, got)
		}
		got++
	}
	stop()
	if rest > 1 {
		t.Errorf("%d chunks after the mark", rest)
	}
	for {
		f := chunk(t, readLine(t, again))
		if f.Event == "after" {
			break
		}
		if f.Event != fmt.Sprintf("e%d", got) {
			t.Fatalf("%.100s, want e%d", f.raw, got)
		}
		got++
	}
	if got != sent+1 {
		t.Errorf("%d of %d events", got, sent+1)
	}
}

func TestFallbackRefusals(t *testing.T) {
	r := newRig(t, demo())
	if status := r.pull("nobodyyy").send(1, "{}"); status != 404 {
		t.Errorf("unknown session: %d", status)
	}
	p := r.pull("session1")
	_, stop := p.open("xhr_streaming")
	defer stop()
	path := strings.TrimPrefix(p.base, r.url)
	for body, want := range map[string]int{"": 400, "{}": 400, "null": 400, "[1]": 400, "\xff": 400, "[]": 200, strings.Repeat(" ", 2*maxMessage+1): 413} {
		if status, _ := r.plain("POST", path+"/xhr_send", body); status != want {
			t.Errorf("%.10q: %d, want %d", body, status, want)
		}
	}
	for path, want := range map[string]int{"/pusher/app/demo-key/x/session1/xhr": 400, "/pusher/app/demo-key/1/a!b/xhr": 400, "/pusher/app/demo-key/1/session1/jsonp": 404} {
		if status, _ := r.plain("POST", path, ""); status != want {
			t.Errorf("%s: %d, want %d", path, status, want)
		}
	}
	for _, way := range []string{"xhr", "xhr_streaming"} {
		_, answer := r.plain("POST", "/pusher/app/nobody/1/session1/"+way+"?protocol=7", "")
		if want := "o\nm" + quote(`{"event":"pusher:error","data":{"code":4001,"message":"Application does not exist"}}`) + "\nc[4001,\"Application does not exist\"]"; answer != want {
			t.Errorf("%s: %q, want %q", way, answer, want)
		}
	}
}

// A session whose client has gone does not stay.
func TestFallbackForgetsGhosts(t *testing.T) {
	r := newRig(t, demo())
	_, stop := r.pull("ghost123").open("xhr_streaming")
	stop()
	l := func() *httpLine {
		r.tr.mu.Lock()
		defer r.tr.mu.Unlock()
		for _, l := range r.tr.polls {
			return l
		}
		return nil
	}
	eventually(t, "end of the request", func() bool {
		l := l()
		l.mu.Lock()
		defer l.mu.Unlock()
		return !l.left.IsZero()
	})
	l().c.sweep(time.Now().Add(leftTime / 2))
	if l() == nil {
		t.Fatal("gone at once")
	}
	l().c.sweep(time.Now().Add(leftTime + time.Second))
	if l() != nil || len(r.tr.all()) != 0 || r.g.Sessions() != 0 {
		t.Errorf("still there: %d connections, %d sessions", len(r.tr.all()), r.g.Sessions())
	}
}

// A WebSocket that gives no sign of life is asked for one, then closed.
func TestSilentClients(t *testing.T) {
	r := newRig(t, demo())
	c := r.dial()
	conn := r.tr.all()[0]
	now := time.Now()
	conn.sweep(now.Add(apps.DefaultActivity * time.Second / 2))
	c.none(evPing)
	conn.sweep(now.Add((apps.DefaultActivity + 5) * time.Second))
	c.next(evPing)
	conn.sweep(now.Add(apps.DefaultActivity*time.Second + pongTime + 5*time.Second))
	if code := c.goneWith(); code != codePong {
		t.Errorf("closed with %d", code)
	}
}
