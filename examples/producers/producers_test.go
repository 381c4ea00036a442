// Package producers holds producers in four languages that need no library of
// Karez; see docs/producers.md. The test runs them against a real server.
package producers

import (
	"io"
	"net"
	"os"
	"os/exec"
	"testing"

	"github.com/karez/karez/broker/redisbroker"
	"github.com/karez/karez/broker/redisbroker/redistest"
	"github.com/karez/karez/channel"
	"github.com/karez/karez/turn"
)

func TestProducers(t *testing.T) {
	s := redistest.Start(t)
	b, err := redisbroker.Open(t.Context(), s.URL(), redisbroker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	host, port, err := net.SplitHostPort(s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		run  []string
		want string
	}{
		"shell":  {[]string{"sh", "producer.sh"}, "Hello from a shell 🌊"},
		"python": {[]string{"python3", "producer.py"}, "Hello from Python 🌊"},
		"node":   {[]string{"node", "producer.mjs"}, "Hello from Node 🌊"},
		"php":    {[]string{"php", "producer.php"}, "Hello from PHP 🌊"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(c.run[0], append(c.run[1:], name, "t81")...)
			cmd.Env = append(os.Environ(), "REDIS_HOST="+host, "REDIS_PORT="+port)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v: %v\n%s", c.run, err, out)
			}
			a := fold(t, b, turn.NewID("app", name, "t81"))
			if a.State != turn.Completed || a.Text() != c.want || a.Prompt.Text != "Say hello" {
				t.Errorf("%s: %q", a.State, a.Text())
			}
			tl, err := b.Read(t.Context(), turn.Timeline("app", name), 0, 10)
			if err != nil || len(tl) != 2 || tl[0].Kind != channel.KindTurn || tl[1].Kind != channel.KindTurnEnd {
				t.Errorf("timeline: %v, %v", tl, err)
			}
			// Whoever comes after the end is refused, and the producer says so.
			cmd = exec.Command(c.run[0], append(c.run[1:], name, "t81")...)
			cmd.Env = append(os.Environ(), "REDIS_HOST="+host, "REDIS_PORT="+port)
			if out, err := cmd.CombinedOutput(); err == nil {
				t.Errorf("a second run was not refused: %s", out)
			}
		})
	}
}

// fold reads a turn to its end.
func fold(t *testing.T, b *redisbroker.Broker, id turn.ID) (a turn.Answer) {
	t.Helper()
	for {
		evs, err := b.Read(t.Context(), id, a.At, 100)
		if err == io.EOF {
			return a
		}
		if err != nil || len(evs) == 0 {
			t.Fatalf("after %d: %v, %v", a.At, evs, err)
		}
		for _, ev := range turn.Align(nil, evs) {
			if err := a.Add(ev); err != nil {
				t.Fatal(err)
			}
		}
	}
}
