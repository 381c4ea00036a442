package socket

import (
	"net"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxVec is the kernel's limit of buffers in one writev (IOV_MAX).
const maxVec = 1024

// valveFor returns the valve of a connection whose bytes go straight to nc.
func valveFor(nc net.Conn) valve {
	if sc, ok := nc.(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil {
			return fdValve{raw}
		}
	}
	return blocking{nc}
}

// An fdValve writes to a descriptor that is in non-blocking mode, as all
// sockets of package net are, and waits in the runtime's poller.
type fdValve struct{ raw syscall.RawConn }

// A writing is one call of write; pooled, because RawConn.Write wants a
// function, which would be allocated for each.
type writing struct {
	bufs [][]byte
	n    int
	err  error
	fn   func(fd uintptr) bool
}

var writings = sync.Pool{New: func() any {
	w := new(writing)
	w.fn = w.once
	return w
}}

// once makes one system call and returns true: do not wait.
func (w *writing) once(fd uintptr) bool {
	for {
		if len(w.bufs) == 1 {
			w.n, w.err = unix.Write(int(fd), w.bufs[0])
		} else {
			w.n, w.err = unix.Writev(int(fd), w.bufs)
		}
		if w.err != unix.EINTR {
			return true
		}
	}
}

func (v fdValve) write(bufs [][]byte) (int, error) {
	w := writings.Get().(*writing)
	w.bufs = bufs
	err := v.raw.Write(w.fn)
	n := w.n
	if err == nil {
		err = w.err
	}
	w.bufs, w.n, w.err = nil, 0, nil
	writings.Put(w)
	if err == unix.EAGAIN {
		return 0, nil
	}
	return max(n, 0), err
}

func (v fdValve) drain(next func(n int) []byte) error {
	var failed error
	n := 0
	err := v.raw.Write(func(fd uintptr) bool {
		for {
			p := next(n)
			if n = 0; len(p) == 0 {
				return true
			}
			m, err := unix.Write(int(fd), p)
			switch {
			case err == unix.EINTR:
			case err == unix.EAGAIN:
				return false // called again when there is room
			case err != nil:
				failed = err
				return true
			default:
				n = m
			}
		}
	})
	if err == nil {
		err = failed
	}
	return err
}

func (v fdValve) acked() (n uint64, waiting bool) {
	err := v.raw.Control(func(fd uintptr) {
		info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
		if err == nil { // else it is no TCP socket
			n, waiting = info.Bytes_acked, info.Unacked > 0 || info.Notsent_bytes > 0
		}
	})
	return n, waiting && err == nil
}
