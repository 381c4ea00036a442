package wire

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/karez/karez/turn"
)

// answer returns the 600 tokens of an English answer, 4.7 bytes each.
func answer(t testing.TB) []string {
	t.Helper()
	p, err := os.ReadFile("testdata/answer.json")
	if err != nil {
		t.Fatal(err)
	}
	var tokens []string
	if err := json.Unmarshal(p, &tokens); err != nil {
		t.Fatal(err)
	}
	return tokens
}

// socketFrame returns what n bytes cost in a WebSocket frame from a server
// (RFC 6455, 5.2: unmasked).
func socketFrame(n int) int {
	switch {
	case n < 126:
		return n + 2
	case n < 1<<16:
		return n + 4
	}
	return n + 10
}

// A token is one piece of an answer and its place. The other protocols are given
// ids of the usual length beside it, as a reader needs them.
type token struct {
	seq  int
	text string
}

func quote(s string) string { return string(appendString(nil, s)) }

// The same answer as others send it. All are one token a frame, without HTTP's
// chunk headers.
var peers = []struct {
	name  string
	bytes func(e token) int
}{
	{"OpenAI chat completion chunks, SSE", func(e token) int {
		return len(`data: {"id":"chatcmpl-C9vQ3m7oZ5x1YbN2kLwTt8uHrJd4e","object":"chat.completion.chunk","created":1790000000,` +
			`"model":"gpt-4o-mini-2024-07-18","service_tier":"default","system_fingerprint":"fp_560af6e559",` +
			`"choices":[{"index":0,"delta":{"content":` + quote(e.text) + `},"logprobs":null,"finish_reason":null}],"usage":null}` + "\n\n")
	}},
	{"Pusher event, WebSocket", func(e token) int {
		data := fmt.Sprintf(`{"turn":"tq3ml5v2kx7ha4rwzj6nye2d","seq":%d,"delta":%s}`, e.seq, quote(e.text))
		return socketFrame(len(`{"event":"turn.delta","channel":"private-chat.42","data":` + quote(data) + `}`))
	}},
	{"Socket.IO JSON event, WebSocket", func(e token) int {
		return socketFrame(len(fmt.Sprintf(`42["turn.delta",{"channel":"chat:42","turn":"tq3ml5v2kx7ha4rwzj6nye2d","seq":%d,"delta":%s}]`, e.seq, quote(e.text))))
	}},
	{"AI SDK UI message stream, SSE", func(e token) int {
		return len(`data: {"type":"text-delta","id":"txt-0","delta":` + quote(e.text) + `}` + "\n\n")
	}},
	{"Karez JSON, SSE", func(e token) int {
		return len("data: \n\n") + len(JSON.AppendFrame(nil, e.frame()))
	}},
	{"Karez JSON, WebSocket", func(e token) int { return socketFrame(len(JSON.AppendFrame(nil, e.frame()))) }},
	{"Karez Protobuf, WebSocket", func(e token) int { return socketFrame(len(Protobuf.AppendFrame(nil, e.frame()))) }},
	{"Karez MessagePack, WebSocket", func(e token) int { return socketFrame(len(MessagePack.AppendFrame(nil, e.frame()))) }},
	{"the text alone", func(e token) int { return len(e.text) }},
}

func (e token) frame() *Frame {
	return &Frame{Type: FrameEvent, N: 1, Event: &turn.Event{Seq: turn.Seq(e.seq), Kind: turn.KindText, Data: []byte(e.text)}}
}

// Bytes per token on the wire of one 600-token answer, WebSocket header
// included. -v prints the table of docs/performance.md.
func TestBytesPerToken(t *testing.T) {
	tokens := answer(t)
	text := strings.Join(tokens, "")
	if len(tokens) != 600 || len(text) < 2790 || len(text) > 2850 {
		t.Fatalf("%d tokens, %d bytes; want 600 of 4.7 bytes", len(tokens), len(text))
	}
	limits := map[string]float64{"Karez JSON, WebSocket": 20, "Karez Protobuf, WebSocket": 16, "Karez MessagePack, WebSocket": 14}
	var table strings.Builder
	for _, p := range peers {
		one := perToken(tokens, 1, p.bytes)
		fmt.Fprintf(&table, "| %-34s | %5.1f | %5.1f |\n", p.name, one, perToken(tokens, 4, p.bytes))
		if max, ok := limits[p.name]; ok && one > max {
			t.Errorf("%s: %.1f bytes per token, at most %v are allowed", p.name, one, max)
		}
	}
	t.Logf("bytes per token, one token a frame and four\n%s", table.String())
	doc, err := os.ReadFile("../docs/performance.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(doc), table.String()) {
		t.Error("docs/performance.md has another table: put in the one that -v prints")
	}
}

// perToken sends tokens, so many a frame, from place 2 of the log on: the
// prompt has the first.
func perToken(tokens []string, each int, bytes func(token) int) float64 {
	sum := 0
	for i := 0; i < len(tokens); i += each {
		piece := tokens[i:min(i+each, len(tokens))]
		sum += bytes(token{seq: i + len(piece) + 1, text: strings.Join(piece, "")})
	}
	return float64(sum) / float64(len(tokens))
}
