package stream

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// framed returns what a framing makes of a body, however that is cut.
func framed(t *testing.T, f Framing, body string) string {
	t.Helper()
	read := func(r io.Reader) string {
		var b strings.Builder
		err := f(r, func(name string, data []byte) (bool, error) {
			fmt.Fprintf(&b, "%s=%q ", name, data)
			return false, nil
		})
		if err != nil {
			b.WriteString("! " + err.Error())
		}
		return strings.TrimSpace(b.String())
	}
	got := read(strings.NewReader(body))
	if one := read(iotest.OneByteReader(strings.NewReader(body))); one != got {
		t.Fatalf("%q byte by byte: %s, at once: %s", body, one, got)
	}
	return got
}

func TestSSE(t *testing.T) {
	for body, want := range map[string]string{
		"data: a\n\ndata:b\n\n":               `="a" ="b"`,
		"data: a\r\n\r\ndata: b\r\n\r\n":      `="a" ="b"`,
		"data: a\r\rdata: b\r\r":              `="a" ="b"`,
		"\xEF\xBB\xBFdata: a\n\n":             `="a"`,
		"event: x\ndata: a\ndata:  b\n\n":     `x="a\n b"`,
		": c\n\n:\n\nid: 1\nretry: 5\n\n":     ``,
		"event: ping\n\ndata\n\ndata: a\n\n":  `ping="" ="a"`,
		"unknown: x\ndata: a\nno colon\n\n":   `="a"`,
		"data: a\n\n\n\n\ndata: b\n\n":        `="a" ="b"`,
		"data: no line break at the end":      `="no line break at the end"`,
		"data: no empty line\n":               `="no empty line"`,
		"data: x\n\nevent: cut":               `="x" cut=""`,
		": one comment\n: another\ndata: a\n": `="a"`,
		"":                                    ``,
	} {
		if got := framed(t, SSE, body); got != want {
			t.Errorf("%q: %s, want %s", body, got, want)
		}
	}
}

func TestJSONAndLines(t *testing.T) {
	for body, want := range map[string]string{
		`{"a":1}`:                      `="{\"a\":1}"`,
		"{\"a\":1}\n{\"a\":\n2}\r\n\n": `="{\"a\":1}" ="{\"a\":\n2}"`,
		`{"a":1}{"a":`:                 `="{\"a\":1}" ! unexpected EOF`,
		``:                             ``,
	} {
		if got := framed(t, JSON, body); got != want {
			t.Errorf("JSON %q: %s, want %s", body, got, want)
		}
	}
	if got, want := framed(t, Lines, "0:\"a\"\r\n\n1:b"), `="0:\"a\"" ="1:b"`; got != want {
		t.Errorf("lines: %s, want %s", got, want)
	}
}

// No framing holds more than one event of the size that is allowed.
func TestFramingsAreBounded(t *testing.T) {
	for name, x := range map[string]struct {
		f    Framing
		head string
	}{"sse": {SSE, "data: "}, "json": {JSON, `{"a":"`}, "lines": {Lines, "0:"}} {
		body := strings.NewReader(x.head + strings.Repeat("x", 2*MaxEvent))
		err := x.f(body, func(string, []byte) (bool, error) { return false, nil })
		if !errors.Is(err, bufio.ErrTooLong) {
			t.Errorf("%s: %v, want it to be too long", name, err)
		}
	}
}
