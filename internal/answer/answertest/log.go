package answertest

import (
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/karez/karez/turn"
)

var kinds = []turn.Kind{
	turn.KindText, turn.KindText, turn.KindText, turn.KindReasoning, turn.KindTool, turn.KindTool, turn.KindToolInput, turn.KindToolDone,
	turn.KindToolError, turn.KindSource, turn.KindFile, turn.KindData, turn.KindAudio, turn.KindStep, turn.KindUsage, turn.KindSuspended, "novel",
}

// Log makes up the log of a turn, with later epochs that keep all, some or
// nothing of it, and an end.
func Log(t *rapid.T) []turn.Event {
	evs := []turn.Event{{Seq: 1, Kind: turn.KindPrompt, Data: []byte(`{"text":"hi"}`)}}
	epoch := turn.Epoch(1)
	for range rapid.IntRange(0, 40).Draw(t, "events") {
		if rapid.IntRange(0, 14).Draw(t, "epoch") == 0 {
			epoch++
			evs = append(evs, later(t, evs, epoch))
			continue
		}
		ev := event(t)
		ev.Seq, ev.Epoch = turn.Seq(len(evs)+1), epoch
		evs = append(evs, ev)
	}
	end := rapid.SampledFrom([]turn.Event{
		{Kind: turn.KindEnd, Data: []byte(`{"reason":"tool_calls"}`)}, {Kind: turn.KindCancelled, Data: []byte(`{"by":"ann"}`)},
		{Kind: turn.KindError, Data: []byte(`{"code":"internal","message":"it failed"}`)},
	}).Draw(t, "end")
	end.Seq, end.Epoch = turn.Seq(len(evs)+1), epoch
	return append(evs, end)
}

func event(t *rapid.T) turn.Event {
	ev := turn.Event{Kind: rapid.SampledFrom(kinds).Draw(t, "kind")}
	words := rapid.SampledFrom([]string{"", "a", "é🟦", "two words ", `{"a":1}`})
	switch ev.Kind {
	case turn.KindText, turn.KindReasoning:
		ev.Part = rapid.SampledFrom([]string{"", "", "2", "refusal"}).Draw(t, "part")
		ev.Data = []byte(words.Draw(t, "text"))
	case turn.KindTool, turn.KindToolInput, turn.KindToolDone, turn.KindToolError:
		ev.Part = rapid.SampledFrom([]string{"c1", "c2", ""}).Draw(t, "call")
		ev.Name = rapid.SampledFrom([]string{"clock", ""}).Draw(t, "tool")
		ev.Data = []byte(words.Draw(t, "args"))
	case turn.KindAudio:
		ev.Media, ev.Data = "audio/pcm16", []byte{0, 1, 0xff}
	case turn.KindSource:
		ev.Data = []byte(`{"url":"https://example.org","title":"T"}`)
	case turn.KindFile:
		ev.Data = []byte(`{"url":"https://example.org/a.png","media_type":"image/png"}`)
	case turn.KindData:
		ev.Name, ev.Data = "weather", []byte(`{"c":31}`)
		if rapid.Bool().Draw(t, "transient") {
			ev.Attrs = map[string]string{"transient": "true"}
		}
	case turn.KindStep:
		ev.Data = fmt.Appendf(nil, `{"step":%q}`, rapid.SampledFrom([]string{"start", "finish"}).Draw(t, "step"))
	case turn.KindUsage:
		ev.Data = []byte(`{"input_tokens":1,"output_tokens":2}`)
	default:
		ev.Data = []byte(`{}`)
	}
	return ev
}

// later is the beginning of an epoch that keeps all that evs come to, some of
// it, or nothing.
func later(t *rapid.T, evs []turn.Event, epoch turn.Epoch) turn.Event {
	a, err := turn.Fold(evs)
	if err != nil {
		t.Fatal(err)
	}
	start := turn.EpochStart{Epoch: epoch, Keep: 1, All: rapid.IntRange(0, 3).Draw(t, "all") == 0}
	if !start.All {
		start.Parts = a.Keep()[:rapid.IntRange(0, len(a.Parts)).Draw(t, "parts")]
		if n := len(start.Parts); n > 0 && start.Parts[n-1].Kind.Mergeable() {
			for rest := a.Parts[n-1].Data; len(rest) > 0 && rapid.Bool().Draw(t, "shorten"); rest = rest[:start.Parts[n-1].Bytes] {
				_, w := utf8.DecodeLastRune(rest)
				start.Parts[n-1].Bytes -= w
			}
		}
	}
	data, err := json.Marshal(start)
	if err != nil {
		t.Fatal(err)
	}
	return turn.Event{Seq: turn.Seq(len(evs) + 1), Epoch: epoch, Kind: turn.KindEpoch, Data: data}
}
