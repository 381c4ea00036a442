package gateway

import (
	"runtime"
	"sync"
)

// A pool runs sessions that have something to give. A session stands in it at
// most once, so its queue is bounded by the sessions of the node.
type pool struct {
	wg sync.WaitGroup

	mu     sync.Mutex // guards the three below
	more   sync.Cond
	queue  []*Session
	closed bool
}

func newPool() *pool {
	p := new(pool)
	p.more.L = &p.mu
	for range max(4, 2*runtime.GOMAXPROCS(0)) {
		p.wg.Go(p.run)
	}
	return p
}

func (p *pool) add(s *Session) {
	p.mu.Lock()
	p.queue = append(p.queue, s)
	p.mu.Unlock()
	p.more.Signal()
}

func (p *pool) run() {
	for {
		p.mu.Lock()
		for len(p.queue) == 0 && !p.closed {
			p.more.Wait()
		}
		if p.closed {
			p.mu.Unlock()
			return
		}
		s := p.queue[0]
		p.queue[0] = nil
		p.queue = p.queue[1:]
		p.mu.Unlock()
		s.run()
	}
}

// close ends the pool and waits for what it runs.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.more.Broadcast()
	p.wg.Wait()
}
