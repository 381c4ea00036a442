package pusher

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/internal/transport/pusher/apps"
	"github.com/karez/karez/turn"
)

var rewrite = flag.Bool("update", false, "write anew what the server says in the stories")

// TestStories plays testdata/*.story against a node on a real socket. A line is
//
//	# a remark; "# reverb" as the first one: an app with that setting
//	! what else happens: connect, drop, trigger, prompt, begin, write, kick
//	> a message of connection 1; 2> one of connection 2
//	< a frame to connection 1; 2< one to connection 2
//
// @1 stands for the socket id of connection 1, @t for the turn; "$" as auth for
// what the auth server says.
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/*.story")
	if err != nil || len(files) == 0 {
		t.Fatal("no stories", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".story"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			p := &play{
				rig: newRig(t, demo(func(a *App) { a.Prompts, a.Reverb = true, strings.HasPrefix(string(text), "# reverb") })), file: file,
				conns: map[string]*client{}, told: map[string]int{},
			}
			p.run(strings.Split(strings.TrimSpace(string(text)), "\n"))
		})
	}
}

// A play is one run of a story.
type play struct {
	*rig
	file  string
	out   []string // the story with what the server said this time
	conns map[string]*client
	told  map[string]int // frames of each connection that the story has
	id    turn.ID
	epoch turn.Epoch
}

var storyLine = regexp.MustCompile(`^(\d?)([<>]) (.*)$`)

func (p *play) run(lines []string) {
	for i, line := range lines {
		m := storyLine.FindStringSubmatch(line)
		switch {
		case m != nil && m[2] == "<":
			if !*rewrite {
				p.hear(i+1, cmp.Or(m[1], "1"), m[3])
			}
			continue
		case m != nil:
			p.conns[cmp.Or(m[1], "1")].send("%s", p.signs(cmp.Or(m[1], "1"), m[3]))
		case strings.HasPrefix(line, "! "):
			p.do(strings.SplitN(line[2:], " ", 3))
		}
		p.out = append(p.out, line)
		if *rewrite && !strings.HasPrefix(line, "#") {
			time.Sleep(200 * time.Millisecond) // whoever updates reads what came
			p.record()
		}
	}
	if *rewrite {
		if err := os.WriteFile(p.file, []byte(strings.Join(p.out, "\n")+"\n"), 0o644); err != nil {
			p.tb.Fatal(err)
		}
	}
}

// hear waits for a connection's next frame, or its end.
func (p *play) hear(n int, name, want string) {
	p.tb.Helper()
	c := p.conns[name]
	var got string
	c.until("line "+want, func() bool {
		at := p.told[name]
		switch {
		case at < len(c.got):
			got = p.mask(c.got[at].raw)
		case c.closed != nil:
			got = closing(c)
		default:
			return false
		}
		p.told[name]++
		return true
	})
	if got != want {
		p.tb.Fatalf("%s:%d:\n got %s\nwant %s", p.file, n, got, want)
	}
}

func closing(c *client) string {
	return string(mustJSON(map[string]any{"close": int(c.closed.Code), "reason": c.closed.Reason}))
}

// record writes down what has come.
func (p *play) record() {
	for _, name := range []string{"1", "2", "3"} {
		c := p.conns[name]
		if c == nil {
			continue
		}
		c.mu.Lock()
		for ; p.told[name] < len(c.got); p.told[name]++ {
			p.out = append(p.out, strings.TrimPrefix(name, "1")+"< "+p.mask(c.got[p.told[name]].raw))
		}
		if c.closed != nil && p.told[name] == len(c.got) {
			p.out = append(p.out, strings.TrimPrefix(name, "1")+"< "+closing(c))
			p.told[name]++
		}
		c.mu.Unlock()
	}
}

var (
	establishedID = regexp.MustCompile(`socket_id\\":\\"([0-9.]+)`)
	atTime        = regexp.MustCompile(`"at":"\d+"`)
)

// mask puts names in place of what differs from run to run.
func (p *play) mask(s string) string {
	for name, c := range p.conns {
		if c.id != "" {
			s = strings.ReplaceAll(s, c.id, "@"+name)
		}
	}
	if p.id.Name != "" {
		s = strings.ReplaceAll(s, p.id.Name, "@t")
	}
	return atTime.ReplaceAllString(s, `"at":"0"`)
}

// signs replaces "$" by what the auth server would say.
func (p *play) signs(name, s string) string {
	c := p.conns[name]
	s = strings.ReplaceAll(s, "@t", p.id.Name)
	var m struct {
		Event string
		Data  struct {
			Auth, Channel string
			ChannelData   string `json:"channel_data"`
			UserData      string `json:"user_data"`
		}
	}
	if json.Unmarshal([]byte(s), &m) != nil || m.Data.Auth != "$" {
		return s
	}
	text := apps.ChannelText(c.id, m.Data.Channel, m.Data.ChannelData)
	if m.Event == evSignin {
		text = apps.UserText(c.id, m.Data.UserData)
	}
	return strings.Replace(s, `"auth":"$"`, `"auth":"demo-key:`+apps.Sign("demo-secret", text)+`"`, 1)
}

func (p *play) do(words []string) {
	p.tb.Helper()
	switch words[0] {
	case "connect":
		path := "/app/demo-key?protocol=7"
		if len(words) > 2 {
			path = words[2]
		}
		c := p.dialPath(path)
		p.conns[words[1]] = c
		c.until("first frame", func() bool {
			if len(c.got) == 0 {
				return false
			}
			if m := establishedID.FindStringSubmatch(c.got[0].raw); m != nil {
				c.id = m[1]
			}
			return true
		})
	case "drop":
		p.conns[words[1]].drop()
		delete(p.conns, words[1])
	case "trigger":
		p.trigger(strings.Join(words[1:], " "))
	case "prompt":
		p.id = p.prompt(words[1], words[2])
	case "begin":
		p.epoch = p.begin(p.id)
	case "write":
		var ev struct {
			Kind turn.Kind
			Text string
			Data json.RawMessage
		}
		if err := json.Unmarshal([]byte(strings.Join(words[1:], " ")), &ev); err != nil {
			p.tb.Fatal(err)
		}
		data := []byte(ev.Data)
		if len(data) == 0 {
			data = []byte(ev.Text)
		}
		p.write(p.id, p.epoch, turn.Event{Kind: cmp.Or(ev.Kind, turn.KindText), Data: data})
	case "kick":
		if _, err := p.g.Kick(context.Background(), gateway.Target{App: "app", User: words[1]}, 10*time.Millisecond); err != nil {
			p.tb.Fatal(err)
		}
	default:
		p.tb.Fatalf("unknown %q", words)
	}
}
