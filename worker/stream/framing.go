package stream

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"

	"github.com/tmaxmax/go-sse"
)

// SSE is the Framing of server-sent events. Comments are passed over, and so
// are events without a name and data.
func SSE(body io.Reader, f func(name string, data []byte) (bool, error)) error {
	for ev, err := range sse.Read(&closed{r: body}, &sse.ReadConfig{MaxEventSize: MaxEvent}) {
		if err != nil {
			return err
		}
		if ev.Data == "" && ev.Type == "" {
			continue
		}
		if done, err := f(ev.Type, []byte(ev.Data)); done || err != nil {
			return err
		}
	}
	return nil
}

// closed adds the empty line that some servers leave out after their last
// event, so that it is dispatched.
type closed struct {
	r    io.Reader
	tail []byte
	done bool
}

func (c *closed) Read(p []byte) (int, error) {
	if c.done {
		if len(c.tail) == 0 {
			return 0, io.EOF
		}
		n := copy(p, c.tail)
		c.tail = c.tail[n:]
		return n, nil
	}
	n, err := c.r.Read(p)
	if err == io.EOF {
		c.done, c.tail, err = true, []byte("\n\n"), nil
	}
	return n, err
}

// JSON is the Framing of JSON values, one after the other, with or without
// line breaks between them: NDJSON, or a single answer.
func JSON(body io.Reader, f func(name string, data []byte) (bool, error)) error {
	in := &bounded{r: body}
	dec := json.NewDecoder(in)
	for {
		in.n = 0
		var raw json.RawMessage
		switch err := dec.Decode(&raw); {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
		if done, err := f("", raw); done || err != nil {
			return err
		}
	}
}

// bounded fails when one value asks for more than MaxEvent bytes.
type bounded struct {
	r io.Reader
	n int
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.n > MaxEvent {
		return 0, bufio.ErrTooLong
	}
	n, err := b.r.Read(p)
	b.n += n
	return n, err
}

// Lines is the Framing of lines; empty ones are passed over.
func Lines(body io.Reader, f func(name string, data []byte) (bool, error)) error {
	sc := bufio.NewScanner(body)
	sc.Buffer(nil, MaxEvent)
	for sc.Scan() {
		if len(sc.Bytes()) == 0 {
			continue
		}
		if done, err := f("", bytes.Clone(sc.Bytes())); done || err != nil {
			return err
		}
	}
	return sc.Err()
}

// Bytes is the Framing of no frames at all: whatever arrives, as it arrives.
func Bytes(body io.Reader, f func(name string, data []byte) (bool, error)) error {
	p := make([]byte, 16<<10)
	for {
		n, err := body.Read(p)
		if n > 0 {
			if done, err := f("", bytes.Clone(p[:n])); done || err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
