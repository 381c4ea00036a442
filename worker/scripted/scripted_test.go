package scripted

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/karez/karez/turn"
	"github.com/karez/karez/worker"
)

var (
	_ worker.Provider  = (*Provider)(nil)
	_ worker.Continuer = (*Provider)(nil)
)

const script = `# a script
{"text":"You asked: {prompt} 🙂\n"}

{"kind":"reasoning","text":"hm {i} ","repeat":2}
{"text":"é{i} ","repeat":3,"every":"20ms","wait":"1s"}
{"kind":"tool","part":"c1","name":"look","text":"{}"}
{"kind":"tool_output","part":"c1","data":{"found":1}}
{"bytes":"AAH+","media":"audio/pcm"}
{"error":{"code":"provider_unavailable","message":"down","retry":true,"after":"2s"},"ask":1}
{"text":"only for cats","when":"cat"}
{"usage":{"input_tokens":3,"output_tokens":9}}
{"continue":true}
{"end":"length"}
`

func request(text string, sofar ...turn.Part) worker.Request {
	return worker.Request{ID: turn.NewID("app", "chat", text), User: "ada", Messages: []worker.Message{{Role: "user", Text: text}}, Sofar: sofar}
}

// stream returns what a provider says, folded, and how it ended.
func stream(tb testing.TB, p *Provider, req worker.Request) (turn.Answer, string, error) {
	tb.Helper()
	a := turn.Answer{}
	reason, err := p.Stream(context.Background(), req, func(ev turn.Event) error {
		ev.Seq = a.At + 1
		return a.Add(ev)
	})
	return a, reason, err
}

func open(tb testing.TB, script string) *Provider {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "script.jsonl")
	if err := os.WriteFile(path, []byte(script), 0o600); err != nil {
		tb.Fatal(err)
	}
	p, err := Open(path)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func TestPlaysAScript(t *testing.T) {
	p := open(t, script)
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		first, _, err := stream(t, p, request("a dog"))
		if pe := worker.AsProviderError(err); err == nil || pe.Code != turn.CodeProviderDown || !pe.Retry || pe.After != 2*time.Second {
			t.Fatalf("%v", err)
		}
		if d := time.Since(began); d != 1040*time.Millisecond {
			t.Errorf("it took %v", d)
		}
		second, reason, err := stream(t, p, request("a dog"))
		if err != nil || reason != turn.ReasonLength {
			t.Fatalf("%q, %v", reason, err)
		}
		if want := "You asked: a dog 🙂\né0 é1 é2 "; first.Text() != want || second.Text() != want {
			t.Errorf("%q, then %q", first.Text(), second.Text())
		}
		if len(second.Parts) != 5 || string(second.Parts[1].Data) != "hm 0 hm 1 " || second.Usage == nil || second.Usage.Output != 9 {
			t.Errorf("%+v, %+v", second.Parts, second.Usage)
		}
		if other, _, _ := stream(t, p, request("a cat")); strings.Contains(other.Text(), "cats") {
			t.Error("the first ask of another turn did not fail")
		}
		if other, _, err := stream(t, p, request("a cat")); err != nil || !strings.HasSuffix(other.Text(), "only for cats") {
			t.Errorf("%q, %v", other.Text(), err)
		}
	})
}

// Wherever an answer broke off, what is said after that makes it whole.
func TestContinuesAnywhere(t *testing.T) {
	p := open(t, strings.ReplaceAll(script, `,"ask":1`, `,"ask":99`))
	synctest.Test(t, func(t *testing.T) {
		want, _, err := stream(t, p, request("x"))
		if err != nil {
			t.Fatal(err)
		}
		for cut := 0; cut < 10; cut++ {
			half := turn.Answer{}
			broke := errors.New("broke off")
			_, err := p.Stream(context.Background(), request("x"), func(ev turn.Event) error {
				if half.At == turn.Seq(cut) {
					return broke
				}
				ev.Seq = half.At + 1
				return half.Add(ev)
			})
			if err != broke {
				t.Fatal(err)
			}
			_, err = p.Stream(context.Background(), request("x", half.Parts...), func(ev turn.Event) error {
				ev.Seq = half.At + 1
				return half.Add(ev)
			})
			if err != nil {
				t.Fatal(err)
			}
			got, _ := json.Marshal(half.Parts)
			if w, _ := json.Marshal(want.Parts); string(got) != string(w) {
				t.Errorf("cut after %d:\ngot  %s\nwant %s", cut, got, w)
			}
		}
	})
}

func TestStallEndsWithItsContext(t *testing.T) {
	p := open(t, `{"stall":true}`)
	ctx, stop := context.WithCancelCause(context.Background())
	why := errors.New("why")
	stop(why)
	if _, err := p.Stream(ctx, request("x"), nil); err != why {
		t.Errorf("%v", err)
	}
}

func TestRefusesBrokenScripts(t *testing.T) {
	for script, want := range map[string]string{
		"{\"text\":\"a\"}\n{":             "line 2",
		`{"txt":"a"}`:                     "unknown field",
		`{"text":"a","stall":true}`:       "one thing",
		`{"text":"a","every":"soon"}`:     "20ms",
		`{"text":"a","every":-5}`:         "20ms",
		`{"kind":"end","text":"a"}`:       "is not for a script",
		`{"text":"a","repeat":-1}`:        "not negative",
		`{"kind":"text","usage":{}}`:      "no kind",
		`{"kind":"prompt","text":"mine"}`: "is not for a script",
	} {
		if _, err := Read(strings.NewReader(script)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", script, err, want)
		}
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// Whatever Read takes, New takes, and it reads back as it was.
func FuzzRead(f *testing.F) {
	f.Add(script)
	f.Add(`{"panic":"x","wait":"1h"}`)
	f.Fuzz(func(t *testing.T, script string) {
		steps, err := Read(strings.NewReader(script))
		if err != nil {
			return
		}
		if _, err := New(steps); err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		e := json.NewEncoder(&b)
		for _, s := range steps {
			if err := e.Encode(s); err != nil {
				t.Fatal(err)
			}
		}
		again, err := Read(strings.NewReader(b.String()))
		if err != nil || len(again) != len(steps) {
			t.Fatalf("%d steps became %d: %v", len(steps), len(again), err)
		}
	})
}
