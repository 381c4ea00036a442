package client_test

import (
	"bufio"
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
)

// A proxy stands between clients and a node, and can be told to do what
// networks do: cut connections, and refuse WebSockets.
type proxy struct {
	ln net.Listener
	wg sync.WaitGroup

	mu     sync.Mutex // guards all below
	target string
	conns  map[net.Conn]bool
	rnd    *rand.Rand
	cuts   int  // connections that are still to be cut
	most   int  // after at most so many bytes
	block  bool // refuse WebSockets
}

func newProxy(tb testing.TB) *proxy {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	p := &proxy{ln: ln, conns: map[net.Conn]bool{}}
	p.wg.Go(p.accept)
	return p
}

func (p *proxy) url() string { return "http://" + p.ln.Addr().String() }

func (p *proxy) to(target string) {
	p.mu.Lock()
	p.target = target
	p.mu.Unlock()
}

// faults cuts the next n connections, each after at most so many bytes of the
// server; block refuses WebSockets.
func (p *proxy) faults(seed uint64, n, most int, block bool) {
	p.mu.Lock()
	p.rnd, p.cuts, p.most, p.block = rand.New(rand.NewPCG(seed, 1)), n, most, block
	p.mu.Unlock()
}

// cut ends all connections now.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.Close()
	}
}

func (p *proxy) close() {
	p.ln.Close()
	p.cut()
	p.wg.Wait()
}

func (p *proxy) accept() {
	for {
		c, err := p.ln.Accept()
		if err != nil {
			return
		}
		p.wg.Go(func() { p.serve(c) })
	}
}

func (p *proxy) serve(c net.Conn) {
	defer c.Close()
	p.mu.Lock()
	target, block, budget := p.target, p.block, int64(-1)
	if p.cuts > 0 {
		p.cuts--
		budget = int64(p.rnd.IntN(p.most))
	}
	p.conns[c] = true
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.conns, c)
		p.mu.Unlock()
	}()
	from := io.Reader(c)
	if block {
		r := bufio.NewReader(c)
		head, err := r.Peek(1)
		for err == nil && !bytes.Contains(head, []byte("\r\n\r\n")) && len(head) < 2048 {
			_, err = r.Peek(len(head) + 1)
			head, _ = r.Peek(r.Buffered())
		}
		if err != nil {
			return
		}
		if bytes.Contains(bytes.ToLower(head), []byte("upgrade: websocket")) {
			io.WriteString(c, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			return
		}
		from = r
	}
	up, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer up.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		io.Copy(up, from)
		up.Close()
	}()
	if budget < 0 {
		io.Copy(c, up)
	} else {
		io.CopyN(c, up, budget)
	}
	c.Close()
	<-done
}
