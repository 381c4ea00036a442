package socket

import (
	"errors"
	"sync"
)

// maxStray bounds what may be added behind a write that the socket has not
// taken, other than by TryWrite and Close: TLS's own records. A peer that makes
// TLS answer again and again and reads none of it is cut off.
const maxStray = 16 << 10

var errStray = errors.New("the peer does not read its own TLS answers")

// An out holds what its connection has been told to write and the socket has
// not taken: nothing, most of the time. While it holds something a temporary
// goroutine waits for room; at most one.
//
// The valve's write is called only while rest is empty and its drain only
// while it is not, so the two never meet.
type out struct {
	c     *Conn // set once, as the valve
	valve valve

	mu    sync.Mutex // guards all below; held over the valve's write, which never waits
	rest  []byte     // not taken by the socket; nil if all was
	off   int        // how much of rest has been taken
	stray int        // bytes added since rest began, see maxStray
	cork  *batch     // collects what TLS makes of one TryWrite
	pong  []byte     // answer to the latest ping that came while rest was not empty
	want  bool       // TryWrite answered ErrFull: call Writable
	shut  bool       // keep nothing more
	err   error      // of the valve: nothing can be written any more
	h     Handler    // nil until Serve
	done  chan struct{}
}

// full reports whether an earlier write is still under way. A caller who wants
// to write hears of its end by Writable.
func (o *out) full(wants bool) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.rest == nil {
		return false
	}
	o.want = o.want || wants
	return true
}

// put writes bufs or keeps a copy of what the socket does not take. It takes
// all or returns an error, after which the connection is of no use.
func (o *out) put(bufs [][]byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.putLocked(bufs)
}

func (o *out) putLocked(bufs [][]byte) error {
	if o.err != nil {
		return o.err
	}
	size := 0
	for _, b := range bufs {
		size += len(b)
	}
	n := 0
	if o.rest == nil && size > 0 {
		if n, o.err = o.valve.write(bufs); o.err != nil {
			return o.err
		}
	}
	if n < size && !o.shut {
		o.keep(bufs, size-n, n)
	}
	return nil
}

// keep copies what follows the first skip bytes of bufs, and sees to it that
// somebody writes it.
func (o *out) keep(bufs [][]byte, size, skip int) {
	if o.rest == nil {
		o.rest = make([]byte, 0, size)
	}
	for _, b := range bufs {
		if skip >= len(b) {
			skip -= len(b)
			continue
		}
		o.rest = append(o.rest, b[skip:]...)
		skip = 0
	}
	if o.done == nil {
		o.done = make(chan struct{})
		go o.flush(o.done)
	}
}

// A duty is what flush does next.
type duty int

const (
	dutyNone duty = iota
	dutyDrain
	dutyPong
	dutyWake
)

// flush works until rest is empty and whoever wanted to know has been told.
// wait waits for its end.
func (o *out) flush(done chan struct{}) {
	defer close(done)
	for {
		switch o.duty() {
		case dutyDrain:
			if err := o.valve.drain(o.next); err != nil {
				o.broke(err)
				o.c.kill(err)
			}
		case dutyPong:
			o.c.latePong()
		case dutyWake:
			o.h.Writable() // h is set: duty saw it
		default:
			return
		}
	}
}

func (o *out) duty() duty {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.shut && o.rest == nil:
	case o.rest != nil:
		return dutyDrain
	case o.pong != nil && o.err == nil:
		return dutyPong
	case o.want && o.h != nil: // also after an error: who waits for room learns that there is none
		o.want = false
		return dutyWake
	}
	o.done = nil
	return dutyNone
}

// next gives the valve what it has to write.
func (o *out) next(n int) []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.off += n
	if o.off == len(o.rest) {
		o.rest, o.off, o.stray = nil, 0, 0
		return nil
	}
	return o.rest[o.off:]
}

func (o *out) broke(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.err, o.rest, o.off = err, nil, 0
}

// postpone keeps the answer to a ping for later if rest is not empty.
func (o *out) postpone(p []byte) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.rest == nil {
		return false
	}
	o.pong = append(make([]byte, 0, len(p)), p...)
	return true
}

func (o *out) postponed() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	p := o.pong
	o.pong = nil
	return p
}

// serve says whom to tell. Somebody may be waiting for it already.
func (o *out) serve(h Handler) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.h = h
	if o.want && o.done == nil {
		o.done = make(chan struct{})
		go o.flush(o.done)
	}
}

// wait returns when no goroutine works here; the deadline of the connection's
// writes bounds it.
func (o *out) wait() {
	o.mu.Lock()
	done := o.done
	o.mu.Unlock()
	if done != nil {
		<-done
	}
}

// stop makes out keep nothing more.
func (o *out) stop() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.shut, o.want, o.pong = true, false, nil
}

// begin collects in b what is taken until end.
func (o *out) begin(b *batch) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.cork = b
}

// end writes what was collected since begin.
func (o *out) end() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	b := o.cork
	o.cork = nil
	b.iov = append(b.iov[:0], b.buf)
	return o.putLocked(b.iov)
}

// take is the Write of the connection below TLS. It always takes all of p, for
// TLS does not survive a write that failed half-way.
func (o *out) take(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.cork != nil && o.err == nil {
		o.cork.buf = append(o.cork.buf, p...)
		return len(p), nil
	}
	if o.rest != nil {
		if o.stray += len(p); o.stray > maxStray {
			return 0, errStray
		}
	}
	if err := o.putLocked([][]byte{p}); err != nil {
		return 0, err
	}
	return len(p), nil
}
