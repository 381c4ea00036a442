package socket

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/gobwas/ws"
	"go.uber.org/goleak"
)

// TestMain is also the program of BenchmarkIdle's clients, which must not count
// in the server's memory.
func TestMain(m *testing.M) {
	if url := os.Getenv("SOCKET_TEST_DIAL"); url != "" {
		dialAndHold(url, os.Getenv("SOCKET_TEST_COUNT"))
		return
	}
	goleak.VerifyTestMain(m)
}

// dialAndHold opens connections, says so, and holds them until its input ends.
func dialAndHold(url, count string) {
	n, _ := strconv.Atoi(count)
	d := ws.Dialer{TLSConfig: &tls.Config{InsecureSkipVerify: true}} // a certificate made for the test
	held := make([]net.Conn, n)
	for i := range held {
		nc, _, _, err := d.Dial(context.Background(), url)
		if err != nil {
			fmt.Println(err)
			return
		}
		held[i] = nc
	}
	fmt.Println("ready")
	io.Copy(io.Discard, os.Stdin)
	runtime.KeepAlive(held)
}

// What an idle connection costs the server: heap and stacks in use, over that
// of no connections. Promised: at most 7 KB plain, 26 KB over TLS.
//
//	go test -run '^$' -bench Idle ./internal/socket
func BenchmarkIdle(b *testing.B) {
	for _, secure := range []bool{false, true} {
		b.Run(map[bool]string{false: "plain", true: "tls"}[secure], func(b *testing.B) {
			const n = 2000
			for range b.N {
				g := newGroup(b, Options{})
				served := make(chan *Conn, n)
				s := serve(b, g, secure, func(c *Conn) { c.Serve(idler{}); served <- c })
				before := inUse()
				stop := holdClients(b, strings.Replace(s.URL, "http", "ws", 1), n)
				for range n {
					<-served
				}
				b.ReportMetric(float64(inUse()-before)/n/1024, "KB/conn")
				stop()
			}
		})
	}
}

type idler struct{}

func (idler) Message([]byte, bool) {}
func (idler) Writable()            {}
func (idler) Closed(error)         {}

func inUse() int64 {
	var m runtime.MemStats
	for range 3 { // a collection halves a stack at most
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

func holdClients(b *testing.B, url string, n int) (stop func()) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "SOCKET_TEST_DIAL="+url, fmt.Sprintf("SOCKET_TEST_COUNT=%d", n))
	in, _ := cmd.StdinPipe()
	out, _ := cmd.StdoutPipe()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	if line, _ := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		b.Fatalf("clients: %s", line)
	}
	return func() { in.Close(); cmd.Wait() }
}

// One message of some size to one connection that reads: the system call, and
// nothing allocated. Where copied and named cross is smallWrite.
func BenchmarkTryWrite(b *testing.B) {
	for _, secure := range []bool{false, true} {
		for _, size := range []int{40, 1 << 10, 4 << 10, 8 << 10, 12 << 10, 32 << 10} {
			b.Run(fmt.Sprintf("tls=%v/%d", secure, size), func(b *testing.B) {
				g := newGroup(b, Options{})
				conns := make(chan *Conn, 1)
				rec := newRecorder()
				s := serve(b, g, secure, func(c *Conn) { c.Serve(rec); conns <- c })
				p := s.dial(b)
				c := <-conns
				go func() {
					buf := make([]byte, 1<<20)
					for _, err := p.Conn.Read(buf); err == nil; _, err = p.Conn.Read(buf) {
					}
				}()
				f := Frame{Head: []byte("0123456789"), Body: make([]byte, size-10), Binary: true}
				b.ReportAllocs()
				b.SetBytes(int64(size))
				for b.Loop() {
					for c.TryWrite(f) == ErrFull {
						<-rec.writable
					}
				}
				p.Close()
			})
		}
	}
}
