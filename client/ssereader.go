package client

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// errLongEvent refuses an event that no server of ours sends.
var errLongEvent = errors.New("an event of the stream is longer than 64 MiB")

// An eventReader reads server-sent events (WHATWG HTML, 9.2.6): of each its
// data, for nothing else is used here. Lines end with LF or CRLF.
type eventReader struct {
	r    *bufio.Reader
	data []byte
	some bool // data was given, be it empty
}

func newEventReader(r io.Reader) *eventReader { return &eventReader{r: bufio.NewReaderSize(r, 16<<10)} }

// next returns the data of the next event, or nil for a comment, which is a
// sign of life. An event that the end of the stream cuts off is dropped.
func (e *eventReader) next() ([]byte, error) {
	for {
		line, err := e.line()
		if err != nil {
			return nil, err
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch {
		case len(line) == 0:
			if data, some := e.data, e.some; some {
				e.data, e.some = nil, false
				return data, nil
			}
		case len(name) == 0:
			return nil, nil
		case string(name) == "data":
			if e.some {
				e.data = append(e.data, '\n')
			}
			e.data = append(e.data, bytes.TrimPrefix(value, []byte(" "))...)
			if e.data == nil {
				e.data = []byte{}
			}
			e.some = true
		}
	}
}

func (e *eventReader) line() ([]byte, error) {
	var long []byte
	for {
		part, err := e.r.ReadSlice('\n')
		if len(long)+len(e.data)+len(part) > maxFrame {
			return nil, errLongEvent
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			long = append(long, part...)
			continue
		}
		if err != nil {
			return nil, err
		}
		if long != nil {
			part = append(long, part...)
		}
		return bytes.TrimSuffix(part[:len(part)-1], []byte("\r")), nil
	}
}
