package client

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

func readEvents(r io.Reader) (events []string, comments int) {
	er := newEventReader(r)
	for {
		data, err := er.next()
		switch {
		case err != nil:
			return events, comments
		case data == nil:
			comments++
		default:
			events = append(events, string(data))
		}
	}
}

func TestEventReader(t *testing.T) {
	in := ": hello\n\ndata: {\"type\":\"welcome\"}\n\r\n" + "event: x\r\nid: 7\r\ndata:two\r\ndata: lines\r\n\r\n" +
		"retry: 3\n\n: ping\n" + "data\n\ndata: cut off"
	events, comments := readEvents(strings.NewReader(in))
	want := []string{`{"type":"welcome"}`, "two\nlines", ""}
	if !slices.Equal(events, want) || comments != 2 {
		t.Errorf("%q and %d comments, want %q and 2", events, comments, want)
	}
	long := strings.Repeat("x", 100_000) // more than the buffer
	events, _ = readEvents(strings.NewReader("data: " + long + "\n\n"))
	if len(events) != 1 || events[0] != long {
		t.Errorf("a long event was not read whole")
	}
}

// FuzzEventReader reads any stream: never a panic, and the same whichever way
// the network cuts it.
func FuzzEventReader(f *testing.F) {
	f.Add([]byte("data: [1,2,\"Air\"]\n\n: ping\n\ndata: a\ndata: b\r\n\r\n"))
	f.Add([]byte("data\n\n\n\ndata:\n\n:\n"))
	f.Fuzz(func(t *testing.T, p []byte) {
		whole, comments := readEvents(bytes.NewReader(p))
		bytewise, again := readEvents(iotest.OneByteReader(bytes.NewReader(p)))
		if !slices.Equal(whole, bytewise) || comments != again {
			t.Fatalf("%q and %d comments at once, %q and %d byte by byte", whole, comments, bytewise, again)
		}
	})
}
