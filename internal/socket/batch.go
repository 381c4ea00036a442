package socket

import "sync"

const (
	// smallWrite is how many bytes are copied into one buffer rather than
	// named one by one to the kernel: below it copying is cheaper
	// (BenchmarkTryWrite).
	smallWrite = 4 << 10
	// maxPooled is the largest buffer that goes back to the pool.
	maxPooled = 32 << 10
)

// A batch is what one TryWrite needs while it runs. Nothing of it is kept.
type batch struct {
	buf []byte   // headers, and whole frames when they are small
	iov [][]byte // pieces of buf, heads and bodies, in order
}

var batches = sync.Pool{New: func() any { return new(batch) }}

func newBatch() *batch { return batches.Get().(*batch) }

func (b *batch) free() {
	clear(b.iov[:cap(b.iov)])
	b.buf, b.iov = b.buf[:0], b.iov[:0]
	if cap(b.buf) <= maxPooled && cap(b.iov) <= maxVec {
		batches.Put(b)
	}
}

// pack copies frames into one buffer if they are small, and else names their
// parts one by one, so that bodies which many connections share are not copied.
func (b *batch) pack(frames []Frame) {
	size := 0
	for i := range frames {
		size += maxHeader + len(frames[i].Head) + len(frames[i].Body)
	}
	if size <= smallWrite || 3*len(frames) > maxVec {
		for i := range frames {
			b.buf = appendFrame(b.buf, &frames[i])
		}
		b.iov = append(b.iov, b.buf)
		return
	}
	if need := maxHeader * len(frames); cap(b.buf) < need {
		b.buf = make([]byte, 0, need) // it must not move below: iov points into it
	}
	for i := range frames {
		f, at := &frames[i], len(b.buf)
		b.buf = appendHeader(b.buf, f.op(), len(f.Head)+len(f.Body))
		b.iov = append(b.iov, b.buf[at:len(b.buf):len(b.buf)])
		if len(f.Head) > 0 {
			b.iov = append(b.iov, f.Head)
		}
		if len(f.Body) > 0 {
			b.iov = append(b.iov, f.Body)
		}
	}
}
