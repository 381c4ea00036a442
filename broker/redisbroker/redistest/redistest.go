// Package redistest runs a real redis-server for tests, on a free port of the
// loopback interface and in a folder of its own.
package redistest

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A Server is a redis-server that ends with the test.
type Server struct {
	tb   testing.TB
	port int
	dir  string
	args []string
	cmd  *exec.Cmd
	gone chan struct{} // closed when cmd has ended
}

// Start runs a server; args are added to its command line. It appends to a
// file and syncs it before it answers, so that what was acknowledged is there
// after Kill and Restart.
func Start(tb testing.TB, args ...string) *Server {
	tb.Helper()
	s := &Server{tb: tb, port: freePort(tb), dir: tb.TempDir(), args: args}
	s.run()
	tb.Cleanup(s.Kill)
	return s
}

func freePort(tb testing.TB) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func (s *Server) run() {
	s.tb.Helper()
	args := append([]string{
		"--port", strconv.Itoa(s.port), "--bind", "127.0.0.1", "--dir", s.dir, "--save", "",
		"--appendonly", "yes", "--appendfsync", "always", "--daemonize", "no", "--logfile", filepath.Join(s.dir, "log"),
	}, s.args...)
	s.cmd = exec.Command("redis-server", args...)
	s.gone = make(chan struct{})
	if err := s.cmd.Start(); err != nil {
		s.tb.Fatalf("start redis-server (Debian: apt-get install redis-server): %v", err)
	}
	go func(cmd *exec.Cmd, gone chan struct{}) {
		cmd.Wait()
		close(gone)
	}(s.cmd, s.gone)
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if s.answers() {
			return
		}
		select {
		case <-s.gone:
			text, _ := os.ReadFile(filepath.Join(s.dir, "log"))
			s.tb.Fatalf("redis-server ended at once:\n%s", text)
		default:
		}
	}
	s.tb.Fatal("redis-server does not answer")
}

// answers reports whether the server has read its files, and takes commands.
func (s *Server) answers() bool {
	c, err := net.Dial("tcp", s.Addr())
	if err != nil {
		return false
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(5 * time.Second))
	fmt.Fprint(c, "PING\r\n")
	line, err := bufio.NewReader(c).ReadString('\n')
	return err == nil && (strings.HasPrefix(line, "+PONG") || strings.HasPrefix(line, "-NOAUTH"))
}

// Addr returns host:port, URL what redisbroker.Open takes.
func (s *Server) Addr() string { return "127.0.0.1:" + strconv.Itoa(s.port) }
func (s *Server) URL() string  { return "redis://" + s.Addr() }

// Kill ends the server as a crash would. It is no error to kill it twice.
func (s *Server) Kill() {
	s.cmd.Process.Signal(syscall.SIGKILL)
	<-s.gone
}

// Restart runs it again, on the same port and folder.
func (s *Server) Restart() {
	s.Kill()
	s.run()
}

// Freeze stops the server without ending it, as a swapping machine would; Thaw
// lets it go on.
func (s *Server) Freeze() { s.cmd.Process.Signal(syscall.SIGSTOP) }
func (s *Server) Thaw()   { s.cmd.Process.Signal(syscall.SIGCONT) }

// Do runs one command with redis-cli and returns what it prints.
func (s *Server) Do(args ...string) string {
	s.tb.Helper()
	out, err := exec.Command("redis-cli", append([]string{"-p", strconv.Itoa(s.port)}, args...)...).CombinedOutput()
	if err != nil {
		s.tb.Fatalf("redis-cli %q (Debian: apt-get install redis-tools): %v: %s", args, err, out)
	}
	return string(out)
}
