package native

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/karez/karez/turn"
	"github.com/karez/karez/wire"
)

var update = flag.Bool("update", false, "write anew what the server says in the stories")

// TestStories plays testdata/*.story against a node on a real socket, in each
// codec over WebSocket and as a stream with posted commands. A line is
//
//	# a remark
//	! what else happens: connect, drop, begin, write, epoch, trim, kick, drain
//	> a command of connection 1; 2> one of connection 2
//	< a frame to connection 1; 2< one to connection 2
//
// @m-1 stands for the turn of ada's message m-1 on chat:42 (@bob.m-1, bob's),
// $ada for a token of hers. Frames that follow one line are put into an order
// of their own, since a reply and the first event are not bound to one: the
// answers, then log by log; pieces of text that come in two are joined.
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/*.story")
	if err != nil || len(files) == 0 {
		t.Fatal("no stories", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".story")
		if *update {
			t.Run(name, func(t *testing.T) { newPlay(t, file, wire.JSON).run() })
			continue
		}
		for _, codec := range wire.Codecs() {
			t.Run(name+"/"+codec.Subprotocol(), func(t *testing.T) {
				t.Parallel()
				newPlay(t, file, codec).run()
			})
		}
		t.Run(name+"/stream", func(t *testing.T) {
			t.Parallel()
			p := newPlay(t, file, wire.JSON)
			if p.streams = true; p.lines[0] != "# websocket only" {
				p.run()
			}
		})
	}
}

// A play is one run of a story.
type play struct {
	*rig
	file    string
	lines   []string
	out     []string // the story with what the server said this time
	codec   wire.Codec
	streams bool
	conns   map[string]*conn
	tokens  map[string]string // by connection
	authors map[string]*author
}

func newPlay(t *testing.T, file string, codec wire.Codec) *play {
	p, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return &play{
		rig: newRig(t, rigOptions{}), file: file, codec: codec, lines: strings.Split(strings.TrimSpace(string(p)), "\n"),
		conns: map[string]*conn{}, tokens: map[string]string{}, authors: map[string]*author{},
	}
}

var frameLine = regexp.MustCompile(`^(\d?)< (.*)$`)

func (p *play) run() {
	for i := 0; i < len(p.lines); {
		line := p.lines[i]
		i++
		if frameLine.MatchString(line) {
			p.tb.Fatalf("%s:%d: a frame before anything was done", p.file, i)
		}
		p.out = append(p.out, line)
		if line == "" || line[0] == '#' {
			continue
		}
		p.do(line)
		want := map[string][]string{}
		for ; i < len(p.lines) && frameLine.MatchString(p.lines[i]); i++ {
			m := frameLine.FindStringSubmatch(p.lines[i])
			want[m[1]] = append(want[m[1]], m[2])
		}
		p.hear(fmt.Sprintf("%s:%d", p.file, i), want)
	}
	if *update {
		if err := os.WriteFile(p.file, []byte(strings.Join(p.out, "\n")+"\n"), 0o644); err != nil {
			p.tb.Fatal(err)
		}
	}
	p.silent()
}

// hear waits until each connection has heard what the story says, or, when it
// is written anew, until nothing more comes.
func (p *play) hear(where string, want map[string][]string) {
	p.tb.Helper()
	for _, n := range []string{"", "2"} {
		c := p.conns[n]
		if c == nil {
			continue
		}
		lines := want[n]
		if p.streams {
			lines = slices.DeleteFunc(lines, notOnStreams)
		}
		var said []string
		end := time.After(20 * time.Second)
		for wait := true; wait; {
			c.mu.Lock()
			said = p.normal(c)
			c.mu.Unlock()
			if !*update && slices.Equal(said, lines) {
				break
			}
			quiet := end
			if *update {
				quiet = time.After(300 * time.Millisecond)
			}
			select {
			case <-c.changed:
			case <-quiet:
				wait = false
			}
		}
		if *update {
			for _, s := range said {
				p.out = append(p.out, n+"< "+s)
			}
		} else if !slices.Equal(said, lines) {
			p.tb.Fatalf("%s: connection %q heard\n  %s\nwant\n  %s", where, n, strings.Join(said, "\n  "), strings.Join(lines, "\n  "))
		}
		c.mu.Lock()
		c.got = nil
		c.mu.Unlock()
	}
}

// silent checks that nothing was said after the story's end, as far as an
// answer to a ping can tell.
func (p *play) silent() {
	for _, c := range p.conns {
		if c.ws == nil || c.closed != nil {
			continue
		}
		c.send(&wire.Command{ID: 1 << 40, Type: wire.CmdPing})
		c.answer(1 << 40)
		c.mu.Lock()
		if said := p.normal(c); len(said) != 1 {
			p.tb.Errorf("%s: after the end came %q", p.file, said)
		}
		c.mu.Unlock()
	}
}

func notOnStreams(line string) bool {
	return strings.HasPrefix(line, `{"type":"welcome"`) || strings.HasPrefix(line, "closed ")
}

// do carries out one line of a client or of the world.
func (p *play) do(line string) {
	p.tb.Helper()
	if text, ok := strings.CutPrefix(line, "! "); ok {
		p.act(text)
		return
	}
	n, text, ok := strings.Cut(line, "> ")
	if !ok {
		p.tb.Fatalf("%s: not a line of a story: %s", p.file, line)
	}
	text = p.fill(text)
	if p.streams {
		p.say(n, text)
		return
	}
	cmd, err := wire.JSON.DecodeCommand([]byte(text))
	if err != nil {
		p.tb.Fatalf("%s: %s: %v", p.file, text, err)
	}
	p.conns[n].send(cmd)
}

// say is a command of a client that has no WebSocket.
func (p *play) say(n, text string) {
	p.tb.Helper()
	var cmd wire.Command
	if err := json.Unmarshal([]byte(text), &cmd); err != nil {
		p.tb.Fatal(err)
	}
	c := p.conns[n]
	if cmd.Type == wire.CmdFollow {
		if c.end != nil {
			p.tb.Fatalf("%s: a stream follows once", p.file)
		}
		p.conns[n] = p.stream(p.tokens[n], `{"follow":[`+text+`]}`)
		return
	}
	f, _ := p.post(p.tokens[n], text)
	c.take(f)
}

var (
	turnWord  = regexp.MustCompile(`@(?:(\w+)\.)?(m-\d+)`)
	tokenWord = regexp.MustCompile(`\$(\w+)`)
)

func (p *play) turnName(user, message string) string {
	if user == "" {
		user = "ada"
	}
	return turn.NameFor(turn.DefaultApp, "chat:42", user, message)
}

func (p *play) fill(s string) string {
	s = turnWord.ReplaceAllStringFunc(s, func(w string) string {
		m := turnWord.FindStringSubmatch(w)
		return p.turnName(m[1], m[2])
	})
	return tokenWord.ReplaceAllStringFunc(s, func(w string) string { return p.tokenOf(w[1:]) })
}

func (p *play) tokenOf(user string) string {
	if user == "expired" {
		return p.token("ada", -time.Hour, nil)
	}
	return p.token(user, time.Hour, nil)
}

// act carries out what is neither said by a client nor by the server.
func (p *play) act(text string) {
	p.tb.Helper()
	word, rest, _ := strings.Cut(text, " ")
	ctx := context.Background()
	switch word {
	case "connect":
		n, user, _ := strings.Cut(rest, " ")
		if n == "1" {
			n = ""
		}
		token := ""
		if user != "" {
			token = p.tokenOf(user)
		}
		p.tokens[n] = token
		if p.streams {
			p.conns[n] = newConn(p.tb, wire.JSON)
			return
		}
		p.conns[n] = p.dial(p.codec, token)
	case "drop":
		if c := p.conns[strings.TrimPrefix(rest, "1")]; c.end != nil {
			c.drop()
		}
		delete(p.conns, strings.TrimPrefix(rest, "1"))
	case "begin":
		p.authors[rest] = p.begin(p.fill(rest))
	case "epoch":
		p.authors[rest].epoch()
	case "write":
		who, events, _ := strings.Cut(rest, " ")
		p.authors[who].write(p.events(events)...)
	case "trim":
		keep, err := strconv.Atoi(rest)
		if err == nil {
			err = p.b.Trim(ctx, turn.Timeline(turn.DefaultApp, "chat:42"), keep)
		}
		if err != nil {
			p.tb.Fatal(err)
		}
	case "drain":
		p.g.Close()
	default:
		p.tb.Fatalf("%s: unknown action %q", p.file, word)
	}
}

func (p *play) events(text string) (evs []turn.Event) {
	p.tb.Helper()
	dec := json.NewDecoder(strings.NewReader(text))
	for {
		var raw json.RawMessage
		if err := dec.Decode(&raw); err == io.EOF {
			return evs
		} else if err != nil {
			p.tb.Fatalf("%s: %s: %v", p.file, text, err)
		}
		ev, err := wire.DecodeLine(raw)
		if err != nil {
			p.tb.Fatalf("%s: %s: %v", p.file, raw, err)
		}
		evs = append(evs, ev)
	}
}

var (
	atWord      = regexp.MustCompile(`"at":"\d+"`)
	sessionWord = regexp.MustCompile(`"session":"[^"]*"`)
)

// normal puts what a connection heard into the order and words of a story.
// c.mu is held.
func (p *play) normal(c *conn) []string {
	var frames []*wire.Frame
	for _, f := range c.got {
		if f.Type == wire.FramePing || p.streams && f.Type == wire.FrameWelcome {
			continue
		}
		frames = append(frames, f)
	}
	slices.SortStableFunc(frames, func(a, b *wire.Frame) int { return rank(a) - rank(b) })
	var out []string
	for _, f := range join(frames) {
		s := string(wire.JSON.AppendFrame(nil, f))
		s = atWord.ReplaceAllString(s, `"at":"0"`)
		s = sessionWord.ReplaceAllString(s, `"session":"s-1"`)
		for _, user := range []string{"ada", "bob"} {
			for i := range 10 {
				m := fmt.Sprintf("m-%d", i)
				word := "@" + m
				if user != "ada" {
					word = "@" + user + "." + m
				}
				s = strings.ReplaceAll(s, p.turnName(user, m), word)
			}
		}
		out = append(out, s)
	}
	if c.closed != nil && !p.streams {
		out = append(out, fmt.Sprintf("closed %d %s", c.closed.Code, c.closed.Reason))
	}
	return out
}

func rank(f *wire.Frame) int {
	switch f.Type {
	case wire.FrameWelcome:
		return -2
	case wire.FrameReply, wire.FrameError, wire.FramePong:
		return -1
	case wire.FrameBye:
		return 1 << 20
	case wire.FrameSignal, wire.FrameRenew:
		return 1 << 19
	}
	return int(f.N)
}

// join merges neighbouring pieces, as the server does when a reader is slow.
func join(frames []*wire.Frame) []*wire.Frame {
	var out []*wire.Frame
	for _, f := range frames {
		if len(out) > 0 && f.Event != nil {
			if last := out[len(out)-1]; last.Event != nil && last.N == f.N {
				a, b := *last.Event, *f.Event
				if a.Kind == b.Kind && a.Kind.Mergeable() && a.Part == b.Part && a.Name == b.Name && a.Media == b.Media && len(b.Attrs) == 0 {
					a.Seq, a.Data = b.Seq, bytes.Join([][]byte{a.Data, b.Data}, nil)
					out[len(out)-1] = &wire.Frame{Type: wire.FrameEvent, N: f.N, Seq: a.Seq, Event: &a}
					continue
				}
			}
		}
		out = append(out, f)
	}
	return out
}
