package gateway

import (
	"context"
	"sync"
	"time"
)

// maxSignals bounds the signals that wait for a slow client of a Pull; the
// oldest goes first.
const maxSignals = 64

// A Pull is the Conn of a client that has a goroutine of its own, such as the
// handler of a streamed HTTP answer: what the session gives, Next takes. It
// holds one delivery at a time; the rest stays in the log.
type Pull struct {
	s     *Session // set once
	woken chan struct{}

	mu      sync.Mutex // guards all below
	next    *Item
	signals []Signal
	renew   time.Duration
	why     error
	closed  bool
}

// An ItemKind says what an Item is.
type ItemKind int

// The kinds of Item.
const (
	ItemOpened  ItemKind = iota // Log: its number stands for it from here on
	ItemBatch                   // Batch: what follows on number Log.N; ID and At are not set
	ItemEnded                   // Log: its number is free; Why as in Conn.Ended
	ItemPresent                 // Roster: who is on a channel
	ItemSignal                  // Signal
	ItemRenew                   // Renew: a fresh token is wanted within
)

// An Item is one thing that a session gives.
type Item struct {
	Kind   ItemKind
	Log    Log
	Batch  *Batch
	Why    error
	Roster *Roster
	Signal Signal
	Renew  time.Duration
}

// OpenPull is Open for a client that pulls. The caller closes the session.
func (g *Gateway) OpenPull(who Identity) (*Pull, error) {
	p := &Pull{woken: make(chan struct{}, 1)}
	s, err := g.Open(p, who)
	if err != nil {
		return nil, err
	}
	p.s = s
	return p, nil
}

// Session returns the session behind p.
func (p *Pull) Session() *Session { return p.s }

// Next waits for what the session gives next. It returns ctx's error, or why
// the session was closed. One goroutine calls it.
func (p *Pull) Next(ctx context.Context) (Item, error) {
	for {
		it, ok, err := p.take()
		if ok || err != nil {
			return it, err
		}
		select {
		case <-p.woken:
		case <-ctx.Done():
			return Item{}, ctx.Err()
		}
	}
}

func (p *Pull) take() (it Item, ok bool, err error) {
	p.mu.Lock()
	switch {
	case p.next != nil:
		it, ok, p.next = *p.next, true, nil
		p.mu.Unlock()
		p.s.Writable()
		return it, true, nil
	case len(p.signals) > 0:
		it, ok = Item{Kind: ItemSignal, Signal: p.signals[0]}, true
		p.signals = p.signals[1:]
	case p.renew > 0:
		it, ok = Item{Kind: ItemRenew, Renew: p.renew}, true
		p.renew = 0
	case p.closed:
		err = p.why
	}
	p.mu.Unlock()
	return it, ok, err
}

// Opened and the methods below are part of Conn.
func (p *Pull) Opened(l Log) error { return p.put(Item{Kind: ItemOpened, Log: l}) }

// Deliver is part of Conn.
func (p *Pull) Deliver(n uint32, b *Batch) error {
	return p.put(Item{Kind: ItemBatch, Log: Log{N: n}, Batch: b})
}

// Ended is part of Conn.
func (p *Pull) Ended(l Log, why error) error {
	return p.put(Item{Kind: ItemEnded, Log: l, Why: why})
}

// Present is part of Conn.
func (p *Pull) Present(r *Roster) error { return p.put(Item{Kind: ItemPresent, Roster: r}) }

func (p *Pull) put(it Item) error {
	p.mu.Lock()
	if p.next != nil {
		p.mu.Unlock()
		return ErrFull
	}
	p.next = &it
	p.mu.Unlock()
	p.wake()
	return nil
}

// Signal is part of Conn.
func (p *Pull) Signal(s Signal) {
	p.mu.Lock()
	if len(p.signals) == maxSignals {
		p.signals = p.signals[1:]
	}
	p.signals = append(p.signals, s)
	p.mu.Unlock()
	p.wake()
}

// Renew is part of Conn.
func (p *Pull) Renew(d time.Duration) {
	p.mu.Lock()
	p.renew = d
	p.mu.Unlock()
	p.wake()
}

// Close is part of Conn.
func (p *Pull) Close(why error) {
	if why == nil {
		why = ErrClosed
	}
	p.mu.Lock()
	p.closed, p.why = true, why
	p.mu.Unlock()
	p.wake()
}

func (p *Pull) wake() {
	select {
	case p.woken <- struct{}{}:
	default:
	}
}
