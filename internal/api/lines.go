package api

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/karez/karez/turn"
	"github.com/karez/karez/wire"
)

// Bounds of a streamed body.
const (
	maxLine  = 2*turn.MaxData + 4<<10 // bytes of one event as JSON: base64 or escapes, and its names
	idleBody = 2 * time.Minute        // a producer with nothing to say sends an empty line now and then
)

// A lineReader reads the events of a body: NDJSON, or the data lines of SSE.
type lineReader struct {
	sc   *bufio.Scanner
	rc   *http.ResponseController // nil in tests
	sse  bool
	line int // number of the line read last
}

func newLineReader(w http.ResponseWriter, r *http.Request) (*lineReader, error) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil && r.Header.Get("Content-Type") != "" {
		return nil, bad("Content-Type cannot be read: "+err.Error(), "send application/x-ndjson or text/event-stream")
	}
	sse := media == "text/event-stream"
	switch media {
	case "", "application/x-ndjson", "application/json", "application/jsonl", "text/event-stream":
	case "application/x-www-form-urlencoded": // what curl says of --data if it is told nothing
	default:
		return nil, bad("a body of type "+media+" is not taken", "send application/x-ndjson or text/event-stream")
	}
	rc := http.NewResponseController(w)
	l := readLines(&patient{r.Body, rc}, sse)
	l.rc = rc
	return l, nil
}

func readLines(body io.Reader, sse bool) *lineReader {
	l := &lineReader{sc: bufio.NewScanner(body), sse: sse}
	l.sc.Buffer(make([]byte, 0, 4<<10), maxLine)
	return l
}

// next reads the next line that holds an event; io.EOF is the end. In SSE that
// is a data line; [DONE], comments and other fields say nothing here. An error
// names the line.
func (l *lineReader) next() (turn.Event, error) {
	for l.sc.Scan() {
		l.line++
		line := bytes.TrimSpace(l.sc.Bytes())
		if l.sse {
			rest, ok := bytes.CutPrefix(line, []byte("data:"))
			if line = bytes.TrimSpace(rest); !ok || string(line) == "[DONE]" {
				continue
			}
		}
		if len(line) == 0 {
			continue
		}
		ev, err := wire.DecodeLine(bytes.Clone(line))
		return ev, l.name(err)
	}
	if err := l.sc.Err(); errors.Is(err, bufio.ErrTooLong) {
		l.line++
		return turn.Event{}, l.name(&wire.Error{Code: wire.CodeTooLarge, Message: fmt.Sprintf("more than %d bytes, longer than an event may be", maxLine)})
	} else if err != nil {
		return turn.Event{}, bad("the body broke off: "+err.Error(), "top says how far it came; go on from there")
	}
	return turn.Event{}, io.EOF
}

// name puts the number of the line before what is wrong with it.
func (l *lineReader) name(err error) error {
	var e *wire.Error
	if errors.As(err, &e) {
		named := *e
		named.Message = fmt.Sprintf("line %d: %s", l.line, e.Message)
		return &named
	}
	return err
}

// stop ends a next that waits for its producer.
func (l *lineReader) stop() {
	if l.rc != nil {
		_ = l.rc.SetReadDeadline(time.Unix(1, 0)) // not supported: then the body is in memory, and does not wait
	}
}

// A patient reader gives a body idleBody for each read, so that one that
// stands still does not hold its connection for ever.
type patient struct {
	body io.Reader
	rc   *http.ResponseController
}

func (p *patient) Read(buf []byte) (int, error) {
	if err := p.rc.SetReadDeadline(time.Now().Add(idleBody)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, err
	}
	return p.body.Read(buf)
}
