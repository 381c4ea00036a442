package client_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/karez/karez/client"
	"github.com/karez/karez/turn"
	"github.com/karez/karez/wire"
)

// A server that is silent for 45 s is taken for dead; any sign of life puts
// that off.
func TestSilence(t *testing.T) {
	withFake(t, func(t *testing.T, s *fake) {
		c := s.dial()
		defer c.Close()
		go c.Connect(t.Context())
		conn := s.next()
		time.Sleep(30 * time.Second)
		conn.send(`{"type":"ping"}`)
		begin := time.Now()
		time.Sleep(44 * time.Second)
		if st := c.Status(); st.State != client.Open {
			t.Fatalf("after 44 s of silence: %+v", st)
		}
		s.next()
		if d := time.Since(begin); d < 45*time.Second || d > 46*time.Second {
			t.Errorf("came back %v after the last sign of life", d)
		}
	})
}

// A server that says when to come back is not asked before.
func TestBye(t *testing.T) {
	withFake(t, func(t *testing.T, s *fake) {
		c := s.dial()
		defer c.Close()
		go c.Connect(t.Context())
		conn := s.next()
		begin := time.Now()
		conn.send(`{"type":"bye","in":7000,"error":{"code":"draining","message":"node is draining"}}`)
		synctest.Wait()
		if st := c.Status(); st.State != client.Waiting || st.Err.Code != wire.CodeDraining {
			t.Errorf("%+v", st)
		}
		s.next()
		if d := time.Since(begin); d < 7*time.Second || d > 7500*time.Millisecond {
			t.Errorf("came back after %v", d)
		}
	})
}

// The pauses grow as docs/protocol.md says, and a person may cut one short.
func TestPauses(t *testing.T) {
	withFake(t, func(t *testing.T, s *fake) {
		s.refuse = true
		c := s.dial()
		defer c.Close()
		go c.Connect(t.Context())
		time.Sleep(2 * time.Minute)
		s.mu.Lock()
		tried := s.tried
		s.mu.Unlock()
		most := []time.Duration{500, 500, 1000, 2000, 4000, 8000, 10000, 10000, 10000}
		if len(tried) < len(most)+1 {
			t.Fatalf("%d tries in two minutes", len(tried))
		}
		for i, m := range most {
			m *= time.Millisecond
			least := m / 2
			if i == 0 {
				least = 0
			}
			if p := tried[i+1].Sub(tried[i]); p < least || p > m {
				t.Errorf("pause %d: %v, want %v to %v", i, p, least, m)
			}
		}
		n := len(tried)
		c.Wake()
		synctest.Wait()
		if len(s.tried) != n+1 {
			t.Errorf("Wake tried %d times", len(s.tried)-n)
		}
	})
}

// A command without an answer is sent again if twice is the same as once.
func TestCommandsAcrossALoss(t *testing.T) {
	withFake(t, func(t *testing.T, s *fake) {
		c := s.dial()
		defer c.Close()
		ch := c.Channel(channel)
		type result struct {
			name string
			err  error
		}
		prompted, published := make(chan result, 1), make(chan result, 1)
		go func() {
			name, err := ch.Prompt(t.Context(), turn.Prompt{Message: "m1", Text: "?"})
			prompted <- result{name, err}
		}()
		conn := s.next()
		conn.want(wire.CmdPrompt)
		go func() {
			_, err := ch.Publish(t.Context(), "poll", 1)
			published <- result{"", err}
		}()
		conn.want(wire.CmdPublish)
		conn.cut()
		if r := <-published; code(r.err) != client.CodeDisconnected {
			t.Errorf("publish: %v", r.err)
		}
		conn = s.next()
		cmd := conn.want(wire.CmdPrompt)
		if cmd.Prompt.Message != "m1" {
			t.Errorf("sent again as %q", cmd.Prompt.Message)
		}
		begin := time.Now()
		conn.send(`{"id":1,"type":"error","error":{"code":"unavailable","message":"try later","retry_in":3000}}`)
		cmd = conn.want(wire.CmdPrompt)
		if d := time.Since(begin); d < 3*time.Second {
			t.Errorf("asked again after %v", d)
		}
		conn.reply(cmd, `,"turn":"t1"`)
		if r := <-prompted; r.err != nil || r.name != "t1" {
			t.Errorf("%+v", r)
		}
	})
}

// A caller that gives up is not kept waiting, and its command is not sent again.
func TestCallerGivesUp(t *testing.T) {
	withFake(t, func(t *testing.T, s *fake) {
		c := s.dial()
		defer c.Close()
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			_, err := c.Channel(channel).Prompt(ctx, turn.Prompt{Text: "?"})
			done <- err
		}()
		conn := s.next()
		conn.want(wire.CmdPrompt)
		stop()
		if err := <-done; err != context.Canceled {
			t.Error(err)
		}
		conn.cut()
		conn = s.next()
		go c.Channel(channel).Cancel(t.Context(), "t1")
		conn.want(wire.CmdCancel) // and nothing before it
	})
}

// The cursors are given back after a loss; what is late for an earlier follow,
// or repeated, adds nothing; the end comes once.
func TestCursorsAcrossALoss(t *testing.T) {
	withFake(t, func(t *testing.T, s *fake) {
		c := s.dial()
		defer c.Close()
		r := follow(t.Context(), c, client.FollowOptions{From: client.FromStart})
		conn := s.next()
		conn.reply(conn.want(wire.CmdFollow), "")
		conn.send(`{"type":"log","n":1,"channel":"chat:42"}`,
			`[1,1,{"kind":"turn","data":{"turn":"t1","message":"m1","user":"ada"}}]`,
			`{"type":"log","n":2,"channel":"chat:42","turn":"t1"}`,
			`[2,1,{"kind":"prompt","data":{"text":"?"}}]`, `[2,4,"Air"]`, `[9,1,"nothing of ours"]`, `{"type":"later","n":2}`)
		if b := (<-r.evs).(client.Begun); b.Turn != "t1" || b.Message != "m1" || b.Place != 1 {
			t.Errorf("%+v", b)
		}
		<-r.evs
		if d := (<-r.evs).(client.Delta); d.Event.First != 2 || d.Event.Seq != 4 || d.Text() != "Air" {
			t.Errorf("%+v", d)
		}
		conn.cut()

		conn = s.next()
		cmd := conn.want(wire.CmdFollow)
		if cmd.After != 1 || cmd.Turns["t1"] != 4 || len(cmd.Turns) != 1 {
			t.Fatalf("%+v", cmd)
		}
		conn.send(`{"type":"log","n":2,"channel":"chat:42","turn":"t1","seq":4}`, `[2,5,"late"]`) // before the reply: of an earlier follow
		conn.reply(cmd, "")
		conn.send(`[2,6,"later"]`,
			`{"type":"log","n":3,"channel":"chat:42","turn":"t1","seq":4}`, `[3,3,"twice"]`, `[3,5," scatters"]`,
			`{"type":"log","n":1,"channel":"chat:42","seq":1}`,
			`[1,2,{"kind":"turn","data":{"turn":"t1"}}]`, // a second time, after a crash
			`[1,3,{"kind":"turn_end","data":{"turn":"t1","state":"completed"}}]`,
			`[3,6,{"kind":"end","data":{"reason":"stop"}}]`, `{"type":"closed","n":3,"seq":6}`,
			`[1,4,{"kind":"turn_end","data":{"turn":"t1","state":"completed"}}]`,
			`[1,5,{"kind":"custom","name":"poll","data":1,"attrs":{"from":"bob"}}]`)
		if d := (<-r.evs).(client.Delta); d.Text() != " scatters" || d.Answer.Text() != "Air scatters" {
			t.Errorf("%+v", d)
		}
		<-r.evs // the terminal event
		if e := (<-r.evs).(client.Ended); e.State != turn.Completed || e.Answer.Text() != "Air scatters" {
			t.Errorf("%+v", e)
		}
		if p := (<-r.evs).(client.Custom); p.Place != 5 || p.From != "bob" {
			t.Errorf("%+v", p)
		}
	})
}

// A number that continues elsewhere than the cursor stands is not read: the
// cursor is set again.
func TestCursorIsMended(t *testing.T) {
	withFake(t, func(t *testing.T, s *fake) {
		c := s.dial()
		defer c.Close()
		r := follow(t.Context(), c, client.FollowOptions{After: 7, Turns: map[string]turn.Seq{"t1": 4}})
		conn := s.next()
		conn.reply(conn.want(wire.CmdFollow), "")
		conn.send(`{"type":"log","n":2,"channel":"chat:42","turn":"t1","seq":2}`, `[2,6,"straddles"]`)
		cmd := conn.want(wire.CmdFollow)
		if cmd.Turn != "t1" || cmd.After != 4 {
			t.Fatalf("%+v", cmd)
		}
		conn.reply(cmd, "")
		conn.send(`{"type":"log","n":2,"channel":"chat:42","turn":"t1","seq":4}`, `[2,6,"right"]`)
		if d := (<-r.evs).(client.Delta); d.Text() != "right" || d.Event.First != 5 {
			t.Errorf("%+v", d)
		}
	})
}

// A gap is never silent (design: 6): after a reset a page takes the place of
// what was shown, at most every two seconds.
func TestResetStartsOver(t *testing.T) {
	withFake(t, func(t *testing.T, s *fake) {
		c := s.dial()
		defer c.Close()
		r := follow(t.Context(), c, client.FollowOptions{After: 7})
		conn := s.next()
		conn.reply(conn.want(wire.CmdFollow), "")
		conn.send(`{"type":"log","n":1,"channel":"chat:42","seq":7}`,
			`{"type":"reset","n":1,"seq":7,"error":{"code":"trimmed","message":"log trimmed"}}`)
		conn.want(wire.CmdUnfollow)
		for i := range 2 {
			begin := time.Now()
			cmd := conn.want(wire.CmdFollow)
			if cmd.From != wire.FromSnapshot {
				t.Fatalf("%+v", cmd)
			}
			if d := time.Since(begin); i == 1 && d < time.Second {
				t.Errorf("another page after %v", d)
			}
			conn.reply(cmd, `,"history":{"after":40,"turns":[{"turn":"t9","at":3,"timeline":38,"state":"streaming","parts":[{"kind":"text","text":"Half"}]}]}`)
			conn.send(`{"type":"log","n":1,"channel":"chat:42","seq":40}`, `{"type":"log","n":2,"channel":"chat:42","turn":"t9","seq":3}`, `[2,4," done"]`)
			if i == 0 { // before the reader has taken what it voids
				conn.send(`{"type":"reset","n":2,"seq":4,"error":{"code":"trimmed","message":"log trimmed"}}`)
				conn.want(wire.CmdUnfollow)
			}
			if p := (<-r.evs).(client.Page); p.Answers["t9"].At != 3 {
				t.Errorf("%+v", p)
			}
			if d := (<-r.evs).(client.Delta); d.Answer.Text() != "Half done" {
				t.Errorf("%+v", d)
			}
		}
	})
}

// A command that waits for the server says so once, to who reads the log.
func TestPutOffIsLogged(t *testing.T) {
	withFake(t, func(t *testing.T, s *fake) {
		var logged bytes.Buffer
		c, err := client.New("http://fake", client.Options{
			Token: client.Static("t"), HTTP: s.http, Codec: wire.JSON, Transport: client.WebSocket,
			Log: slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelWarn})),
		})
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error)
		go func() {
			_, err := c.Channel("chat:42").Prompt(t.Context(), turn.Prompt{Text: "hi"})
			done <- err
		}()
		conn := s.next()
		for range 3 {
			cmd := conn.want(wire.CmdPrompt)
			conn.send(fmt.Sprintf(`{"id":%d,"type":"error","error":{"code":"unavailable","message":"no broker","retry_in":1000}}`, cmd.ID))
		}
		conn.reply(conn.want(wire.CmdPrompt), `,"turn":"t1"`)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		c.Close()
		if got := logged.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "no broker") {
			t.Errorf("logged %q", got)
		}
	})
}

// A program that writes a turn onto the timeline need not say what it follows.
func TestBegunWithoutAParent(t *testing.T) {
	withFake(t, func(t *testing.T, s *fake) {
		c := s.dial()
		defer c.Close()
		r := follow(t.Context(), c, client.FollowOptions{})
		conn := s.next()
		conn.reply(conn.want(wire.CmdFollow), `,"history":{"after":4,"leaf":"t1","turns":[{"turn":"t1","at":3,"timeline":1,"state":"completed"}]}`)
		conn.send(`{"type":"log","n":1,"channel":"chat:42","seq":4}`,
			`[1,5,{"kind":"turn","data":{"turn":"p1","user":"ada"}}]`,
			`[1,6,{"kind":"turn","data":{"turn":"p1"}}]`,
			`[1,7,{"kind":"turn","data":{"turn":"p2"}}]`,
			`[1,8,{"kind":"turn","data":{"turn":"t2","parent":"t1"}}]`,
			`[1,9,{"kind":"turn","data":{"turn":"t3","supersedes":"t1"}}]`)
		<-r.evs // the page
		for _, want := range []client.Begun{
			{Place: 5, Turn: "p1", User: "ada", Parent: "t1"}, {Place: 7, Turn: "p2", Parent: "p1"},
			{Place: 8, Turn: "t2", Parent: "t1"}, {Place: 9, Turn: "t3", Supersedes: "t1"},
		} {
			if got := (<-r.evs).(client.Begun); got != want {
				t.Errorf("%+v, want %+v", got, want)
			}
		}
	})
}

// One turn alone begins anew, and is given up when even its beginning is gone.
func TestResetOfATurn(t *testing.T) {
	withFake(t, func(t *testing.T, s *fake) {
		c := s.dial()
		defer c.Close()
		deltas, end := make(chan client.Delta), make(chan error, 1)
		go func() {
			for d, err := range c.Channel(channel).FollowTurn(t.Context(), "t1", client.FollowOptions{}) {
				if err != nil {
					end <- err
					return
				}
				deltas <- d
			}
		}()
		conn := s.next()
		conn.reply(conn.want(wire.CmdFollow), "")
		conn.send(`{"type":"log","n":1,"channel":"chat:42","turn":"t1"}`, `[1,3,"lost"]`, `{"type":"reset","n":1,"seq":3,"error":{"code":"trimmed","message":"log ahead"}}`)
		<-deltas
		cmd := conn.want(wire.CmdFollow)
		if cmd.After != 0 || cmd.Turn != "t1" {
			t.Fatalf("%+v", cmd)
		}
		conn.reply(cmd, "")
		conn.send(`{"type":"log","n":1,"channel":"chat:42","turn":"t1"}`, `[1,1,"anew"]`)
		if d := <-deltas; !d.Cut || d.Answer.Text() != "anew" {
			t.Errorf("%+v", d)
		}
		conn.send(`{"type":"reset","n":1,"seq":1,"error":{"code":"trimmed","message":"log trimmed"}}`)
		conn.reply(conn.want(wire.CmdFollow), "")
		conn.send(`{"type":"log","n":1,"channel":"chat:42","turn":"t1"}`, `{"type":"reset","n":1,"error":{"code":"trimmed","message":"log trimmed"}}`)
		if err := <-end; code(err) != wire.CodeTrimmed {
			t.Errorf("%v", err)
		}
	})
}

// One turn that cannot be followed does not end the rest.
func TestBrokenTurn(t *testing.T) {
	withFake(t, func(t *testing.T, s *fake) {
		c := s.dial()
		defer c.Close()
		r := follow(t.Context(), c, client.FollowOptions{From: client.FromNow})
		conn := s.next()
		conn.reply(conn.want(wire.CmdFollow), "")
		conn.send(`{"type":"log","n":1,"channel":"chat:42","seq":5}`,
			`{"type":"log","n":2,"channel":"chat:42","turn":"t1"}`,
			`{"type":"closed","n":2,"seq":0,"error":{"code":"internal","message":"cannot be understood"}}`,
			`{"type":"log","n":2,"channel":"chat:42","turn":"t2"}`,
			`{"type":"closed","n":2,"seq":0,"error":{"code":"too_many","message":"a connection follows at most 256 logs"}}`,
			`[1,6,{"kind":"turn_end","data":{"turn":"t7","state":"failed"}}]`)
		if b := (<-r.evs).(client.Broken); b.Turn != "t1" || b.Err.Code != wire.CodeInternal {
			t.Errorf("%+v", b)
		}
		if b := (<-r.evs).(client.Broken); b.Turn != "t2" {
			t.Errorf("%+v", b)
		}
		if e := (<-r.evs).(client.Ended); e.Turn != "t7" || e.State != turn.Failed || e.Answer != nil {
			t.Errorf("%+v", e)
		}
	})
}
