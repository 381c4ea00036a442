package test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait of these tests: a loaded machine is slow, and a
// hung system is not.
const patience = 60 * time.Second

// binary is the program under test, built once; root is the folder of the
// repository.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "karez-test-")
	if err != nil {
		return "", err
	}
	out := filepath.Join(dir, "karez")
	cmd := exec.Command("go", "build", "-o", out, "./cmd/karez")
	cmd.Dir = ".."
	if p, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build karez: %w\n%s", err, p)
	}
	return out, nil
})

const testSecret = "a secret of these tests, nowhere else"

// A process is a program that tests start, kill, freeze and start again.
type process struct {
	tb   testing.TB
	name string
	args []string

	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	said *tail
}

// A tail keeps the end of what a process says, for the test's own log.
type tail struct {
	mu sync.Mutex
	b  []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, p...)
	if cut := len(t.b) - 64<<10; cut > 0 {
		t.b = t.b[cut:]
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.b)
}

// run starts a program; the test ends it.
func run(tb testing.TB, name, path string, args ...string) *process {
	tb.Helper()
	p := &process{tb: tb, name: name, args: append([]string{path}, args...), said: new(tail)}
	p.start()
	tb.Cleanup(func() {
		p.kill()
		if tb.Failed() {
			tb.Logf("%s said at last:\n%s", name, p.said)
		}
	})
	return p
}

// karez starts a subcommand.
func karez(tb testing.TB, name string, args ...string) *process {
	tb.Helper()
	path, err := binary()
	if err != nil {
		tb.Fatal(err)
	}
	return run(tb, name, path, args...)
}

func (p *process) start() {
	p.tb.Helper()
	p.cmd = exec.Command(p.args[0], p.args[1:]...)
	p.cmd.Stdout, p.cmd.Stderr = p.said, p.said
	p.cmd.Env = append(os.Environ(), "KAREZ_JWT_SECRET="+testSecret)
	if err := p.cmd.Start(); err != nil {
		p.tb.Fatalf("start %s: %v", p.name, err)
	}
	done, cmd := make(chan struct{}), p.cmd
	p.done = done
	go func() {
		cmd.Wait()
		close(done)
	}()
}

// kill ends it as a power cut would.
func (p *process) kill() {
	p.cmd.Process.Signal(syscall.SIGCONT)
	p.cmd.Process.Kill()
	<-p.done
}

func (p *process) signal(s syscall.Signal) {
	p.tb.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.tb.Fatalf("signal %s: %v", p.name, err)
	}
}

// until waits for ok.
func until(tb testing.TB, what string, ok func() bool) {
	tb.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for late := time.Now().Add(patience); ; <-tick.C {
		if ok() {
			return
		}
		if time.Now().After(late) {
			tb.Fatalf("no %s within %v", what, patience)
		}
	}
}

// freePort returns a port that is free now.
func freePort(tb testing.TB) string {
	tb.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer ln.Close()
	_, port, err := net.SplitHostPort(ln.Addr().String())
	if err != nil {
		tb.Fatal(err)
	}
	return port
}

// A system is a fleet of real processes over a real Redis.
type system struct {
	redis    *process
	redisURL string
	gateways []*process
	addrs    []string // of the gateways
	workers  []*process
	token    string
}

// newSystem starts Redis, gateways and workers that play script.
func newSystem(tb testing.TB, gateways, workers int, script string) *system {
	tb.Helper()
	s := new(system)
	s.redis, s.redisURL = startRedis(tb, "--appendonly", "yes", "--appendfsync", "always")
	for i := range gateways {
		addr := "127.0.0.1:" + freePort(tb)
		s.addrs = append(s.addrs, addr)
		s.gateways = append(s.gateways, karez(tb, fmt.Sprint("gateway", i+1), "serve", "--broker", s.redisURL, "--listen", addr))
	}
	file := filepath.Join(tb.TempDir(), "script.jsonl")
	if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
		tb.Fatal(err)
	}
	for i := range workers {
		s.workers = append(s.workers, karez(tb, fmt.Sprint("worker", i+1), "work", "--broker", s.redisURL, "--lease", "1s", "--provider", "scripted", "--script", file))
	}
	path, err := binary()
	if err != nil {
		tb.Fatal(err)
	}
	out, err := exec.Command(path, "token", "ada", "--admin", "--ttl", "1h", "--jwt-secret", testSecret).Output()
	if err != nil {
		tb.Fatalf("mint token: %v", err)
	}
	s.token = strings.TrimSpace(string(out))
	for i := range s.addrs {
		s.ready(tb, i)
	}
	return s
}

// startRedis starts a server in a folder of its own.
func startRedis(tb testing.TB, args ...string) (p *process, url string) {
	tb.Helper()
	port := freePort(tb)
	p = run(tb, "redis", "redis-server", append([]string{"--port", port, "--bind", "127.0.0.1", "--dir", tb.TempDir(), "--save", ""}, args...)...)
	url = "redis://127.0.0.1:" + port
	redisReady(tb, url)
	return p, url
}

func redisReady(tb testing.TB, url string) {
	tb.Helper()
	until(tb, "answer of Redis", func() bool {
		nc, err := net.Dial("tcp", strings.TrimPrefix(url, "redis://"))
		if err != nil {
			return false
		}
		defer nc.Close()
		fmt.Fprint(nc, "PING\r\n")
		p := make([]byte, 5)
		_, err = io.ReadFull(nc, p)
		return err == nil && string(p) == "+PONG"
	})
}

func (s *system) ready(tb testing.TB, i int) {
	tb.Helper()
	until(tb, "ready gateway", func() bool {
		r, err := http.Get("http://" + s.addrs[i] + "/readyz")
		if err != nil {
			return false
		}
		r.Body.Close()
		return r.StatusCode == http.StatusOK
	})
}

// call makes a request of the HTTP API until a gateway answers it with
// anything but "try again".
func (s *system) call(tb testing.TB, method, path string, in any) []byte {
	tb.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		tb.Fatal(err)
	}
	var out []byte
	i := 0
	until(tb, method+" "+path, func() bool {
		i++
		req, err := http.NewRequest(method, "http://"+s.addrs[i%len(s.addrs)]+path, bytes.NewReader(body))
		if err != nil {
			tb.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+s.token)
		r, err := http.DefaultClient.Do(req)
		if err != nil {
			return false
		}
		defer r.Body.Close()
		out, err = io.ReadAll(r.Body)
		if err != nil || r.StatusCode >= 500 {
			return false
		}
		if r.StatusCode >= 300 {
			tb.Fatalf("%s %s: %s: %s", method, path, r.Status, out)
		}
		return true
	})
	return out
}

// prompt asks, and returns the turn's name.
func (s *system) prompt(tb testing.TB, channel, message, text string) string {
	tb.Helper()
	out := s.call(tb, "POST", "/v1/channels/"+channel+"/prompts", map[string]string{"message": message, "text": text})
	var r struct{ Turn string }
	if err := errors.Join(json.Unmarshal(out, &r)); err != nil || r.Turn == "" {
		tb.Fatalf("prompt: %v: %s", err, out)
	}
	return r.Turn
}
