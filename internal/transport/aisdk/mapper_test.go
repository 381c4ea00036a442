package aisdk

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/karez/karez/internal/answer"
	"github.com/karez/karez/internal/answer/answertest"
	"github.com/karez/karez/turn"
	"github.com/karez/karez/worker"
	"github.com/karez/karez/worker/upstream"
)

var versionsOf = []string{"5", "6.0.0", "7.0.69", "7"}

func chunksOf(v version, evs []turn.Event) []chunk {
	m := newMapper(v, "t1")
	var out []chunk
	for i := range evs {
		out = append(out, m.add(&evs[i])...)
	}
	return out
}

func encoded(cs []chunk) (out []string) {
	for i := range cs {
		out = append(out, string(cs[i].encode()))
	}
	return out
}

// Whatever a log holds, a strict reader of the declared version takes its
// chunks, and shows the log's own text; the chunks do not depend on how the log
// was compacted, so that their number is a place.
func TestChunksOfAnyLog(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		evs := answertest.Log(t)
		v := parseVersion(rapid.SampledFrom(versionsOf).Draw(t, "version"))
		all := chunksOf(v, evs)
		compacted := encoded(chunksOf(v, turn.Split(turn.Compact(evs))))
		if got := strings.Join(compacted, "\n"); got != strings.Join(encoded(all), "\n") {
			t.Fatalf("compacted:\n%s\nwant\n%s", got, strings.Join(encoded(all), "\n"))
		}
		each, merged := &reader{v: v}, &reader{v: v}
		for _, c := range encoded(all) {
			if err := each.read([]byte(c)); err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range encoded(merge(all)) {
			if err := merged.read([]byte(c)); err != nil {
				t.Fatal(err)
			}
		}
		if each.show() != merged.show() {
			t.Fatalf("merged:\n%s\nwant\n%s", merged.show(), each.show())
		}
		checkText(t, each, evs)
	})
}

// checkText compares what is shown with the fold, which holds parts in their
// order by kind and name; taken back text ends in an error or a reset.
func checkText(t *rapid.T, r *reader, evs []turn.Event) {
	a, err := turn.Fold(evs)
	if err != nil {
		t.Fatal(err)
	}
	if r.why == takenBack {
		return // it was told to begin again
	}
	count := func(s string) (n int) {
		for _, c := range s {
			n += int(c)
		}
		return n
	}
	if got, want := r.text(), a.Text(); len(got) != len(want) || count(got) != count(want) {
		t.Fatalf("text %q, want that of %q\n%s", got, want, r.show())
	}
	want := map[turn.State]string{turn.Completed: "finish", turn.Aborted: "abort", turn.Failed: "error"}[a.State]
	if r.finished != want {
		t.Fatalf("it ends with %q, want %q", r.finished, want)
	}
}

// A late reader is shown what survives, and never an error for it.
func TestSurvivorsOfAnyLog(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		evs := answertest.Log(t)
		var s answer.Survivors
		s.Add(evs)
		r := &reader{v: oldest}
		for _, c := range encoded(merge(chunksOf(oldest, s.Events()))) {
			if err := r.read([]byte(c)); err != nil {
				t.Fatal(err)
			}
		}
		if r.why == takenBack {
			t.Fatal("a late reader is told to begin again")
		}
		checkText(t, r, evs)
	})
}

// An AI SDK application behind the worker, and the SDK in front: the message is
// the same. What a log has no words for is known: see lossy.
func TestRoundTrip(t *testing.T) {
	files, err := filepath.Glob("../../../worker/upstream/testdata/ui-*.story")
	if err != nil || len(files) < 5 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".story")
		if slices.Contains(lossy, name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			p, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, body, _ := bytes.Cut(p, []byte("-- body --\n"))
			body, _, _ = bytes.Cut(body, []byte("-- events --"))
			want, got := &reader{v: newest, loose: true}, &reader{v: newest}
			for line := range strings.SplitSeq(string(body), "\n") {
				if data, ok := strings.CutPrefix(line, "data: {"); ok {
					if err := want.read([]byte("{" + data)); err != nil {
						t.Fatal(err)
					}
				}
			}
			for _, c := range encoded(chunksOf(newest, through(t, body))) {
				if err := got.read([]byte(c)); err != nil {
					t.Fatal(err)
				}
			}
			if !strings.Contains(want.show(), "step-start") { // an answer without steps gets one
				got.parts = slices.DeleteFunc(got.parts, func(p *uiPart) bool { return p.Type == "step-start" })
			}
			if got.show() != want.show() {
				t.Errorf("%s\nwant\n%s", got.show(), want.show())
			}
		})
	}
}

// lossy are stories that fail, that the SDK's own reader does not take, or whose
// message a log cannot hold: a denied call and broken input are errors in it
// (TestToolsRoundTrip has the rest), and a part begins with its first piece.
var lossy = []string{"ui-abort", "ui-cut", "ui-error", "ui-reset", "ui-unknown", "ui-interleaved", "ui-done-alone", "ui-tools-steps"}

// through is what a worker writes of a stream.
func through(t *testing.T, body []byte) []turn.Event {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("X-Vercel-Ai-Ui-Message-Stream", "v1")
		w.Write(body)
	}))
	defer s.Close()
	p, err := upstream.New(upstream.Options{URL: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	evs := []turn.Event{{Seq: 1, Kind: turn.KindPrompt, Data: []byte(`{"text":"hi"}`)}}
	reason, err := p.Stream(context.Background(), worker.Request{Messages: []worker.Message{{Role: "user", Text: "hi"}}}, func(ev turn.Event) error {
		ev.Seq = turn.Seq(len(evs) + 1)
		evs = append(evs, ev)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	end, _ := json.Marshal(turn.End{Reason: reason})
	return append(evs, turn.Event{Seq: turn.Seq(len(evs) + 1), Kind: turn.KindEnd, Data: end})
}

// Tools with pieces of input, preliminary output, errors and an approval, over
// two steps.
func TestToolsRoundTrip(t *testing.T) {
	lines := `{"type":"start","messageId":"m1"}
{"type":"start-step"}
{"type":"text-start","id":"0"}
{"type":"text-delta","id":"0","delta":"Let me look."}
{"type":"text-end","id":"0"}
{"type":"tool-input-start","toolCallId":"c1","toolName":"weather"}
{"type":"tool-input-delta","toolCallId":"c1","inputTextDelta":"{\"city\":"}
{"type":"tool-input-delta","toolCallId":"c1","inputTextDelta":"\"Yazd\"}"}
{"type":"tool-input-available","toolCallId":"c1","toolName":"weather","input":{"city":"Yazd"}}
{"type":"tool-output-available","toolCallId":"c1","output":{"state":"loading"},"preliminary":true}
{"type":"tool-output-available","toolCallId":"c1","output":{"c":31}}
{"type":"tool-input-available","toolCallId":"c2","toolName":"clock","input":{}}
{"type":"tool-output-error","toolCallId":"c2","errorText":"no clock"}
{"type":"tool-input-available","toolCallId":"c4","toolName":"rm","input":{}}
{"type":"tool-approval-request","approvalId":"a1","toolCallId":"c4"}
{"type":"custom","kind":"acme.thing"}
{"type":"finish-step"}
{"type":"start-step"}
{"type":"text-start","id":"0"}
{"type":"text-delta","id":"0","delta":"31 degrees."}
{"type":"text-end","id":"0"}
{"type":"finish-step"}
{"type":"finish","finishReason":"stop"}`
	want, got := &reader{v: newest}, &reader{v: newest}
	var body bytes.Buffer
	for line := range strings.SplitSeq(lines, "\n") {
		if err := want.read([]byte(line)); err != nil {
			t.Fatal(err)
		}
		body.WriteString("data: " + line + "\n\n")
	}
	body.WriteString("data: [DONE]\n\n")
	for _, c := range encoded(chunksOf(newest, through(t, body.Bytes()))) {
		if err := got.read([]byte(c)); err != nil {
			t.Fatal(err)
		}
	}
	if got.show() != want.show() {
		t.Errorf("%s\nwant\n%s", got.show(), want.show())
	}
}

func TestParseVersion(t *testing.T) {
	for s, want := range map[string]version{
		"7.0.173": {7, 0, 173}, "7": {7, latest, latest}, "6.1": {6, 1, latest}, "7.0.0-beta.3": {7, 0, 0}, "4": oldest, "": oldest, "x": oldest, "7.x": oldest, "-1": oldest,
	} {
		if got := parseVersion(s); got != want {
			t.Errorf("%q is %v, want %v", s, got, want)
		}
	}
	if v := parseVersion("7.0.69"); v.resetStep() || !v.custom() {
		t.Error("7.0.69 has custom parts and no reset-step")
	}
	if !parseVersion("7.0.70").resetStep() || !parseVersion("7").resetStep() || !parseVersion("8").resetStep() {
		t.Error("reset-step came with 7.0.70")
	}
}
