package wire

import (
	"encoding/json"
	"strconv"

	"pgregory.net/rapid"

	"github.com/karez/karez/turn"
)

// Generators of messages as a codec gives them back: empty is nil, JSON is
// compact and its numbers are in their shortest form.

var codecNames = func() map[string]Codec {
	out := make(map[string]Codec)
	for _, c := range Codecs() {
		out[c.Subprotocol()] = c
	}
	return out
}()

func genText(max int) *rapid.Generator[string] { return rapid.StringN(-1, max, -1) }

func genSeq() *rapid.Generator[turn.Seq] {
	return rapid.Map(rapid.Uint64(), func(n uint64) turn.Seq { return turn.Seq(n) })
}

func genWord() *rapid.Generator[string] {
	return rapid.OneOf(rapid.Just(""), rapid.StringMatching(`[a-z0-9:._-]{1,20}`), genText(8))
}

// genJSON makes a JSON value nested at most depth deep.
func genJSON(depth int) *rapid.Generator[json.RawMessage] {
	return rapid.Custom(func(t *rapid.T) json.RawMessage { return appendAny(t, nil, depth) })
}

func genMaybeJSON() *rapid.Generator[json.RawMessage] {
	return rapid.OneOf(rapid.Just(json.RawMessage(nil)), genJSON(3))
}

func appendAny(t *rapid.T, dst []byte, depth int) []byte {
	kinds := 7
	if depth == 0 {
		kinds = 5
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		return append(dst, rapid.SampledFrom([]string{"null", "true", "false"}).Draw(t, "word")...)
	case 1:
		return strconv.AppendInt(dst, rapid.Int64().Draw(t, "int"), 10)
	case 2:
		return strconv.AppendUint(dst, rapid.Uint64().Draw(t, "uint"), 10)
	case 3:
		dst, _, err := finishFloat(dst, nil, rapid.Float64().Draw(t, "float"), 64, nil)
		if err != nil {
			return append(dst, "0.5"...)
		}
		return dst
	case 4:
		return appendString(dst, genText(8).Draw(t, "string"))
	case 5:
		dst = append(dst, '[')
		for i := range rapid.IntRange(0, 4).Draw(t, "len") {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendAny(t, dst, depth-1)
		}
		return append(dst, ']')
	}
	dst = append(dst, '{')
	for i, k := range rapid.SliceOfNDistinct(genText(6), 0, 4, rapid.ID[string]).Draw(t, "keys") {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendAny(t, append(appendString(dst, k), ':'), depth-1)
	}
	return append(dst, '}')
}

func genPrompt() *rapid.Generator[*turn.Prompt] {
	return rapid.Custom(func(t *rapid.T) *turn.Prompt {
		if rapid.Bool().Draw(t, "none") {
			return nil
		}
		p := &turn.Prompt{
			Message: rapid.StringMatching(`[a-z0-9]{0,12}`).Draw(t, "message"),
			User:    genWord().Draw(t, "user"), Text: genText(40).Draw(t, "text"),
			Parent: genWord().Draw(t, "parent"), Supersedes: genWord().Draw(t, "supersedes"),
			System: genText(10).Draw(t, "system"), Model: genWord().Draw(t, "model"),
			Params: genMaybeJSON().Draw(t, "params"),
		}
		for range rapid.IntRange(0, 3).Draw(t, "contents") {
			p.Content = append(p.Content, turn.Content{
				Type: genWord().Draw(t, "type"), Text: genText(8).Draw(t, "text"),
				URL: genWord().Draw(t, "url"), Media: genWord().Draw(t, "media"), Name: genWord().Draw(t, "name"),
			})
		}
		return p
	})
}

func genCommand() *rapid.Generator[*Command] {
	types := []string{CmdHello, CmdFollow, CmdUnfollow, CmdPrompt, CmdRegenerate, CmdEdit, CmdCancel, CmdHistory,
		CmdPublish, CmdSignal, CmdJoin, CmdPresence, CmdLeave, CmdPace, CmdAck, CmdRenew, CmdPing, "later", ""}
	return rapid.Custom(func(t *rapid.T) *Command {
		c := &Command{
			ID: rapid.Uint64().Draw(t, "id"), Type: rapid.SampledFrom(types).Draw(t, "type"),
			Token: genWord().Draw(t, "token"), Client: genWord().Draw(t, "client"), Channel: genText(20).Draw(t, "channel"),
			Turn: genWord().Draw(t, "turn"), Message: rapid.StringMatching(`[a-z0-9]{0,12}`).Draw(t, "message"),
			After: genSeq().Draw(t, "after"), From: genWord().Draw(t, "from"), N: rapid.Uint32().Draw(t, "n"),
			Prompt: genPrompt().Draw(t, "prompt"), Name: genWord().Draw(t, "name"), Data: genMaybeJSON().Draw(t, "data"),
			Before: genSeq().Draw(t, "before"), Limit: rapid.Int().Draw(t, "limit"),
			State: genWord().Draw(t, "state"),
		}
		if rapid.Bool().Draw(t, "paced") {
			c.Pace = &Pace{Mode: genWord().Draw(t, "mode"), Rate: rapid.Int().Draw(t, "rate")}
		}
		if m := rapid.MapOfN(genWord(), genSeq(), 0, 4).Draw(t, "turns"); len(m) > 0 {
			c.Turns = m
		}
		return c
	})
}

func genEvent() *rapid.Generator[turn.Event] {
	return rapid.Custom(func(t *rapid.T) turn.Event {
		ev := turn.Event{
			Seq:  turn.Seq(rapid.Uint64Min(1).Draw(t, "seq")),
			Kind: rapid.SampledFrom(eventKinds).Draw(t, "kind"),
		}
		if rapid.Bool().Draw(t, "attributes") {
			ev.Part, ev.Name, ev.Media = genWord().Draw(t, "part"), genWord().Draw(t, "name"), genWord().Draw(t, "media")
			if m := rapid.MapOfN(genWord(), genText(8), 0, 12).Draw(t, "attrs"); len(m) > 0 {
				ev.Attrs = m
			}
		}
		var data []byte
		switch {
		case ev.Kind.Textual() || ev.Kind == turn.KindToolError:
			data = []byte(genText(30).Draw(t, "text"))
		case ev.Kind == turn.KindAudio || ev.Kind == turn.KindFile && ev.Media != "":
			data = rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "bytes")
		default:
			data = genJSON(3).Draw(t, "json")
		}
		if len(data) > 0 {
			ev.Data = data
		}
		return ev
	})
}

var eventKinds = []turn.Kind{
	turn.KindPrompt, turn.KindEpoch, turn.KindText, turn.KindReasoning, turn.KindTool, turn.KindToolInput,
	turn.KindToolDone, turn.KindToolError, turn.KindAudio, turn.KindFile, turn.KindSource, turn.KindData, turn.KindStep,
	turn.KindUsage, turn.KindSuspended, turn.KindResumed, turn.KindEnd, turn.KindCancelled, turn.KindError, "later",
}

func genFrame() *rapid.Generator[*Frame] {
	types := []string{FrameWelcome, FrameReply, FrameError, FrameLog, FrameEvent, FrameReset, FrameClosed, FramePresence, FrameSignal,
		FrameRenew, FrameBye, FramePing, FramePong, "later"}
	return rapid.Custom(func(t *rapid.T) *Frame {
		f := &Frame{Type: rapid.SampledFrom(types).Draw(t, "type")}
		if f.Type == FrameEvent {
			ev := genEvent().Draw(t, "event")
			f.N, f.Event = rapid.Uint32Min(1).Draw(t, "n"), &ev
			return f
		}
		f.ID, f.N, f.Seq = rapid.Uint64().Draw(t, "id"), rapid.Uint32().Draw(t, "n"), genSeq().Draw(t, "seq")
		f.Channel, f.Turn = genText(20).Draw(t, "channel"), genWord().Draw(t, "turn")
		f.Session, f.User, f.From = genWord().Draw(t, "session"), genWord().Draw(t, "user"), genWord().Draw(t, "from")
		f.Name, f.Data = genWord().Draw(t, "name"), genMaybeJSON().Draw(t, "data")
		f.Ping, f.In = rapid.Int().Draw(t, "ping"), rapid.Int().Draw(t, "in")
		if rapid.Bool().Draw(t, "limited") {
			f.Limits = &Limits{Command: rapid.Int().Draw(t, "command"), Signal: rapid.Int().Draw(t, "signal"), Follows: rapid.Int().Draw(t, "follows")}
		}
		if rapid.Bool().Draw(t, "failed") {
			f.Error = &Error{Code: genWord().Draw(t, "code"), Message: genText(20).Draw(t, "message"), Hint: genText(20).Draw(t, "hint"),
				RetryIn: rapid.Int().Draw(t, "retry"), Turn: genWord().Draw(t, "turn")}
		}
		if rapid.Bool().Draw(t, "past") {
			f.History = genHistory().Draw(t, "history")
		}
		if rapid.Bool().Draw(t, "present") {
			f.Presence = &Presence{Full: rapid.Bool().Draw(t, "full"), Here: genMembers(t), Joined: genMembers(t), Left: genMembers(t), Changed: genMembers(t)}
		}
		return f
	})
}

func genMembers(t *rapid.T) (out []Member) {
	for range rapid.IntRange(0, 2).Draw(t, "members") {
		out = append(out, Member{ID: genWord().Draw(t, "id"), Kind: genWord().Draw(t, "kind"), State: genWord().Draw(t, "state"), Info: genMaybeJSON().Draw(t, "info")})
	}
	return out
}

func genHistory() *rapid.Generator[*History] {
	return rapid.Custom(func(t *rapid.T) *History {
		h := &History{After: genSeq().Draw(t, "after"), More: genSeq().Draw(t, "more"), Leaf: genWord().Draw(t, "leaf")}
		for range rapid.IntRange(0, 3).Draw(t, "turns") {
			ht := HistoryTurn{Turn: genWord().Draw(t, "turn"), At: genSeq().Draw(t, "at"), Timeline: genSeq().Draw(t, "timeline"),
				State: turn.State(genWord().Draw(t, "state")), Prompt: genPrompt().Draw(t, "prompt"), Outcome: genMaybeJSON().Draw(t, "outcome")}
			if b := rapid.SliceOfN(genWord(), 0, 3).Draw(t, "branches"); len(b) > 0 {
				ht.Branches = b
			}
			for range rapid.IntRange(0, 2).Draw(t, "parts") {
				p := HistoryPart{Kind: turn.Kind(genWord().Draw(t, "kind")), Part: genWord().Draw(t, "part"), Media: genWord().Draw(t, "media"),
					Name: genWord().Draw(t, "name"), Text: genText(20).Draw(t, "text"), JSON: genMaybeJSON().Draw(t, "json")}
				if b := rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "bytes"); len(b) > 0 {
					p.Bytes = b
				}
				ht.Parts = append(ht.Parts, p)
			}
			if rapid.Bool().Draw(t, "used") {
				ht.Usage = &turn.Usage{Input: rapid.Int64().Draw(t, "in"), Output: rapid.Int64().Draw(t, "out"), Cached: rapid.Int64().Draw(t, "cached"),
					Reasoning: rapid.Int64().Draw(t, "reasoning"), Model: genWord().Draw(t, "model"), Estimated: rapid.Bool().Draw(t, "estimated")}
			}
			h.Turns = append(h.Turns, ht)
		}
		return h
	})
}
