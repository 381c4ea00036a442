package streamtest

import (
	"bytes"
	"context"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/karez/karez/worker"
)

var update = flag.Bool("update", false, "write what the providers answer into the stories")

// A Story is one answer of a server and what a provider makes of it, kept in a
// file of four parts:
//
//	# What happens, in a sentence.
//	-- head --
//	content-type: text/event-stream
//	-- body --
//	data: {"choices":[…]}
//
//	-- events --
//	text "Hello"
//	= stop
//
// The head holds the answer's headers and these: status (200 by default); crlf,
// for lines that end so; chomp, for a body without its last line break; cut, for
// a connection that breaks after the body; with NAME, for Make to read. The last
// line of the events is "= reason" or "! code, retry: message".
type Story struct {
	File   string
	Status int
	Header http.Header
	Body   []byte
	Cut    bool
	With   string // for Make
	Want   string

	source []byte // all but the events
}

// Load reads the stories of a folder.
func Load(tb testing.TB, dir string) []Story {
	tb.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.story"))
	if err != nil || len(files) == 0 {
		tb.Fatalf("no stories in %s: %v", dir, err)
	}
	var out []Story
	for _, f := range files {
		p, err := os.ReadFile(f)
		if err != nil {
			tb.Fatal(err)
		}
		out = append(out, parse(tb, f, p))
	}
	return out
}

func parse(tb testing.TB, file string, p []byte) Story {
	const head, body, events = "-- head --\n", "-- body --\n", "-- events --\n"
	_, rest, ok1 := bytes.Cut(p, []byte(head))
	heads, rest, ok2 := bytes.Cut(rest, []byte(body))
	i := bytes.LastIndex(rest, []byte(events))
	if !ok1 || !ok2 || i < 0 {
		tb.Fatalf("%s has not the parts head, body and events", file)
	}
	s := Story{File: file, Status: http.StatusOK, Header: http.Header{}, Body: rest[:i], Want: string(rest[i+len(events):])}
	s.source = p[:len(p)-len(s.Want)]
	for line := range strings.Lines(string(heads)) {
		switch key, value, _ := strings.Cut(strings.TrimSpace(line), ":"); key {
		case "":
		case "status":
			s.Status, _ = strconv.Atoi(strings.TrimSpace(value)) // 0 is refused by the client
		case "crlf":
			s.Body = bytes.ReplaceAll(s.Body, []byte("\n"), []byte("\r\n"))
		case "chomp":
			s.Body = bytes.TrimSuffix(s.Body, []byte("\n"))
		case "cut":
			s.Cut = true
		case "with":
			s.With = strings.TrimSpace(value)
		default:
			s.Header.Add(key, strings.TrimSpace(value))
		}
	}
	return s
}

// Stories tells a provider every story of a folder, each several times: cut
// into pieces of different sizes, so that lines, JSON and characters are cut
// everywhere, and over a real connection. With -update the first telling is
// written down.
func Stories(t *testing.T, dir string, newProvider Make) {
	for _, s := range Load(t, dir) {
		t.Run(strings.TrimSuffix(filepath.Base(s.File), ".story"), func(t *testing.T) {
			if *update {
				got := tell(t, newProvider(t, "http://model.test", canned(s, 0), s))
				if err := os.WriteFile(s.File, append(s.source, got...), 0o644); err != nil {
					t.Fatal(err)
				}
				s.Want = got
			}
			for _, n := range []int{0, 1, 2, 3, 7} {
				if got := tell(t, newProvider(t, "http://model.test", canned(s, n), s)); got != s.Want {
					t.Fatalf("cut into %d bytes, got:\n%s\nwant:\n%s", n, got, s.Want)
				}
			}
			if got := tell(t, newProvider(t, serve(t, s, 5), nil, s)); got != s.Want {
				t.Fatalf("over a connection, got:\n%s\nwant:\n%s", got, s.Want)
			}
		})
	}
}

func tell(t *testing.T, p worker.Provider) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	evs, reason, err := ask(ctx, p)
	if err := Check(evs); err != nil {
		t.Fatal(err)
	}
	return Show(evs, reason, err)
}

// Fuzz feeds a provider with bodies that its stories have and that the fuzzer
// makes of them. Whatever it emits must be fit for a log, and its errors typed.
func Fuzz(f *testing.F, dir string, newProvider Make) {
	for _, s := range Load(f, dir) {
		f.Add(s.Header.Get("Content-Type"), s.With, s.Body, uint8(0))
	}
	f.Fuzz(func(t *testing.T, media, with string, body []byte, n uint8) {
		s := Story{Status: http.StatusOK, Header: http.Header{}, Body: body, With: with}
		if media != "" {
			s.Header.Set("Content-Type", media)
		}
		p := newProvider(t, "http://model.test", canned(s, int(n)), s)
		evs, reason, err := ask(context.Background(), p)
		if err := Check(evs); err != nil {
			t.Fatal(err)
		}
		if (reason == "") == (err == nil) {
			t.Fatalf("reason %q with error %v", reason, err)
		}
		if pe := worker.AsProviderError(err); err != nil && (pe.Code == "internal" || pe.Message == "") {
			t.Fatalf("untyped error %v", err)
		}
	})
}
