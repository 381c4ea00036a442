package wire

import (
	"encoding/json"

	"github.com/karez/karez/turn"
)

// A step of a story is what one side sends, or a remark.
type step struct {
	note    string
	command *Command
	frame   *Frame
}

func say(note string) step      { return step{note: note} }
func client(c Command) step     { return step{command: &c} }
func server(f Frame) step       { return step{frame: &f} }
func raw(s string) []byte       { return []byte(s) }
func text(s string) *turn.Event { return &turn.Event{Kind: turn.KindText, Data: []byte(s)} }

// event is an event frame of log n.
func event(n uint32, seq turn.Seq, ev *turn.Event) step {
	e := *ev
	e.Seq = seq
	return server(Frame{Type: FrameEvent, N: n, Event: &e})
}

func payloadEvent(k turn.Kind, data string) *turn.Event {
	return &turn.Event{Kind: k, Data: []byte(data)}
}

// stories are whole conversations, one golden file each. They show every
// command and every frame at least once.
var stories = map[string][]step{
	"prompt": {
		say("A client without a header for its token says hello, follows a channel and asks."),
		client(Command{ID: 1, Type: CmdHello, Token: "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl", Client: "example/1.0"}),
		server(Frame{Type: FrameWelcome, Session: "s7Qm2", User: "ada", Ping: 15000,
			Limits: &Limits{Command: MaxCommand, Signal: MaxSignal, Follows: 64}}),
		client(Command{ID: 2, Type: CmdFollow, Channel: "chat:42"}),
		server(Frame{Type: FrameReply, ID: 2}),
		server(Frame{Type: FrameLog, N: 1, Channel: "chat:42"}),
		client(Command{ID: 3, Type: CmdPrompt, Channel: "chat:42", Prompt: &turn.Prompt{Message: "m-1", Text: "Why is the sky blue?"}}),
		server(Frame{Type: FrameReply, ID: 3, Turn: "t6rzq"}),
		event(1, 1, &turn.Event{Kind: "turn", Data: raw(`{"turn":"t6rzq","message":"m-1","user":"ada"}`)}),
		server(Frame{Type: FrameLog, N: 2, Channel: "chat:42", Turn: "t6rzq"}),
		event(2, 1, &turn.Event{Kind: turn.KindPrompt, Data: raw(`{"message":"m-1","user":"ada","text":"Why is the sky blue?"}`), Attrs: map[string]string{"at": "1790000000000", "v": "1"}}),
		event(2, 2, text("Air")),
		event(2, 3, text(" scatters")),
		say("Two events that were waiting came as one; its seq is that of the last."),
		event(2, 5, text(" short waves most – “blue” 🟦.\n")),
		event(2, 6, payloadEvent(turn.KindUsage, `{"input_tokens":14,"output_tokens":9}`)),
		event(2, 7, payloadEvent(turn.KindEnd, `{"reason":"stop"}`)),
		server(Frame{Type: FrameClosed, N: 2, Seq: 7}),
		event(1, 2, &turn.Event{Kind: "turn_end", Data: raw(`{"turn":"t6rzq","state":"completed"}`)}),
	},
	"resume": {
		say("The connection broke at place 3 of the turn. The client connects again and says what it has."),
		server(Frame{Type: FrameWelcome, Session: "s8Rn3", User: "ada", Ping: 15000, Limits: &Limits{Command: MaxCommand, Signal: MaxSignal, Follows: 64}}),
		client(Command{ID: 1, Type: CmdFollow, Channel: "chat:42", After: 1, Turns: map[string]turn.Seq{"t6rzq": 3}}),
		server(Frame{Type: FrameReply, ID: 1}),
		server(Frame{Type: FrameLog, N: 1, Channel: "chat:42", Seq: 1}),
		server(Frame{Type: FrameLog, N: 2, Channel: "chat:42", Turn: "t6rzq", Seq: 3}),
		event(2, 5, text(" short waves most.")),
		client(Command{Type: CmdAck, N: 2, After: 5}),
		say("The first worker died. The next one keeps all, then one that keeps 3 bytes of the text."),
		event(2, 6, payloadEvent(turn.KindEpoch, `{"epoch":2,"keep":5,"all":true,"reason":"worker_lost"}`)),
		event(2, 7, text(" Red")),
		event(2, 8, payloadEvent(turn.KindEpoch, `{"epoch":3,"keep":2,"parts":[{"kind":"text","bytes":3}],"reason":"provider_retry"}`)),
		event(2, 9, text(" bends blue light.")),
		event(2, 10, payloadEvent(turn.KindEnd, `{"reason":"stop"}`)),
		server(Frame{Type: FrameClosed, N: 2, Seq: 10}),
	},
	"snapshot": {
		say("Retention has taken what the cursor needs: start over from a snapshot."),
		client(Command{ID: 1, Type: CmdFollow, Channel: "chat:42", After: 3}),
		server(Frame{Type: FrameReply, ID: 1}),
		server(Frame{Type: FrameLog, N: 1, Channel: "chat:42", Seq: 3}),
		server(Frame{Type: FrameReset, N: 1, Seq: 3, Error: &Error{Code: CodeTrimmed, Message: "log trimmed", Hint: "follow from a snapshot"}}),
		client(Command{ID: 2, Type: CmdFollow, Channel: "chat:42", From: FromSnapshot, Limit: 20}),
		server(Frame{Type: FrameReply, ID: 2, History: &History{After: 120, More: 91, Leaf: "t2", Turns: []HistoryTurn{
			{Turn: "t1", At: 40, Timeline: 95, State: turn.Completed, Prompt: &turn.Prompt{Message: "m-1", User: "ada", Text: "Read this aloud."},
				Branches: []string{"t0", "t1"},
				Parts: []HistoryPart{{Kind: turn.KindText, Text: "Gladly."}, {Kind: turn.KindAudio, Part: "a1", Media: "audio/pcm", Bytes: []byte{0, 1, 254, 255}},
					{Kind: turn.KindToolInput, Part: "c1", Name: "voice", JSON: raw(`{"speed":1.0,"seed":18446744073709551615}`)}},
				Usage: &turn.Usage{Input: 12, Output: 80, Model: "demo"}, Outcome: raw(`{"reason":"stop"}`)},
			{Turn: "t2", At: 7, Timeline: 118, State: turn.Streaming, Prompt: &turn.Prompt{Message: "m-2", User: "ada", Text: "Again?"},
				Parts: []HistoryPart{{Kind: turn.KindText, Text: "Agai"}}},
		}}}),
		server(Frame{Type: FrameLog, N: 1, Channel: "chat:42", Turn: "t2", Seq: 7}),
		server(Frame{Type: FrameLog, N: 2, Channel: "chat:42", Seq: 120}),
		event(1, 8, text("n.")),
		client(Command{ID: 3, Type: CmdHistory, Channel: "chat:42", Before: 91, Limit: 20}),
		server(Frame{Type: FrameReply, ID: 3, History: &History{After: 120}}),
	},
	"cancel": {
		say("Stop, by the message's own id, before the turn is known."),
		client(Command{ID: 4, Type: CmdCancel, Channel: "chat:42", Message: "m-2"}),
		server(Frame{Type: FrameReply, ID: 4, Turn: "t9abc"}),
		event(2, 4, payloadEvent(turn.KindCancelled, `{"by":"ada"}`)),
		server(Frame{Type: FrameClosed, N: 2, Seq: 4}),
		say("Once more changes nothing. Another's turn is another matter."),
		client(Command{ID: 5, Type: CmdCancel, Channel: "chat:42", Turn: "t9abc"}),
		server(Frame{Type: FrameReply, ID: 5, Turn: "t9abc"}),
		client(Command{ID: 6, Type: CmdCancel, Channel: "chat:1", Turn: "tother"}),
		server(Frame{Type: FrameError, ID: 6, Error: &Error{Code: CodeForbidden, Message: `not allowed by the token: cancel on channel "chat:1"`, Hint: "ask for a token that allows it"}}),
	},
	"branches": {
		say("Another answer, then another question, each a new turn beside the old one."),
		client(Command{ID: 6, Type: CmdRegenerate, Channel: "chat:42", Turn: "t1", Prompt: &turn.Prompt{Message: "m-3"}}),
		server(Frame{Type: FrameReply, ID: 6, Turn: "t3"}),
		client(Command{ID: 7, Type: CmdEdit, Channel: "chat:42", Turn: "t1", Prompt: &turn.Prompt{Message: "m-4", Text: "Why is this sea blue?", Model: "demo", System: "Be short.",
			Params:  raw(`{"temperature":0.2,"max_tokens":400}`),
			Content: []turn.Content{{Type: "image", URL: "https://example.com/sea.png", Media: "image/png", Name: "sea.png"}}}}),
		server(Frame{Type: FrameReply, ID: 7, Turn: "t4"}),
		client(Command{ID: 8, Type: CmdPrompt, Channel: "chat:42", Prompt: &turn.Prompt{Message: "m-5", Text: "And now?", Parent: "t4"}}),
		server(Frame{Type: FrameError, ID: 8, Error: &Error{Code: CodeBusy, Message: "turn t4 is running", Hint: "wait for it, or cancel it", Turn: "t4"}}),
		client(Command{ID: 9, Type: CmdHistory, Channel: "chat:42", Turn: "t1"}),
		server(Frame{Type: FrameReply, ID: 9, History: &History{After: 8, Leaf: "t1"}}),
	},
	"kinds": {
		say("Every kind of event, and how its payload travels."),
		server(Frame{Type: FrameLog, N: 5, Channel: "chat:7", Turn: "tk"}),
		event(5, 1, payloadEvent(turn.KindPrompt, `{"text":"Find it and read it to me."}`)),
		event(5, 2, &turn.Event{Kind: turn.KindStep, Data: raw(`{"step":"start"}`)}),
		event(5, 3, &turn.Event{Kind: turn.KindReasoning, Part: "r1", Data: raw("A search, then.")}),
		event(5, 4, &turn.Event{Kind: turn.KindTool, Part: "c1", Name: "search", Data: raw(`{"q":"kar`)}),
		event(5, 5, &turn.Event{Kind: turn.KindTool, Part: "c1", Data: raw(`ez"}`)}),
		event(5, 6, &turn.Event{Kind: turn.KindToolInput, Part: "c1", Name: "search", Data: raw(`{"q":"karez"}`)}),
		event(5, 7, &turn.Event{Kind: turn.KindSuspended, Data: raw(`{"reason":"approval","deadline":1790000060000,"request":{"call":"c1"}}`)}),
		event(5, 8, &turn.Event{Kind: turn.KindResumed, Data: raw(`{"approved":true}`)}),
		event(5, 9, &turn.Event{Kind: turn.KindToolDone, Part: "c1", Data: raw(`[{"hits":3,"score":2.0,"id":9007199254740993,"note":null}]`)}),
		event(5, 10, &turn.Event{Kind: turn.KindToolError, Part: "c2", Data: raw("timed out")}),
		event(5, 11, &turn.Event{Kind: turn.KindSource, Data: raw(`{"url":"https://example.com/karez","title":"Water <underground>"}`)}),
		event(5, 12, &turn.Event{Kind: turn.KindText, Part: "t2", Data: raw("A second column of text.")}),
		event(5, 13, &turn.Event{Kind: turn.KindAudio, Part: "a1", Media: "audio/pcm", Data: []byte{0, 127, 128, 255}}),
		event(5, 14, &turn.Event{Kind: turn.KindFile, Data: raw(`{"url":"https://example.com/map.png","media_type":"image/png","name":"map.png"}`)}),
		event(5, 15, &turn.Event{Kind: turn.KindFile, Media: "image/gif", Name: "dot.gif", Data: []byte("GIF89a\x01\x00")}),
		event(5, 16, &turn.Event{Kind: turn.KindData, Name: "weather", Data: raw(`{"c":-3,"sky":"клир"}`), Attrs: map[string]string{"at": "1790000000123"}}),
		event(5, 17, &turn.Event{Kind: turn.KindUsage, Data: raw(`{"input_tokens":40,"output_tokens":120,"reasoning_tokens":30}`)}),
		event(5, 18, &turn.Event{Kind: "mood", Data: raw("curious")}),
		event(5, 19, &turn.Event{Kind: turn.KindError, Data: raw(`{"code":"provider_timeout","message":"the model fell silent","retryable":true}`)}),
		server(Frame{Type: FrameClosed, N: 5, Seq: 19}),
	},
	"presence": {
		say("Who is here: everybody first, then what changes. An agent shows how it is."),
		client(Command{ID: 20, Type: CmdJoin, Channel: "chat:42", Data: raw(`{"name":"Ada"}`)}),
		server(Frame{Type: FrameReply, ID: 20}),
		server(Frame{Type: FramePresence, Channel: "chat:42", Presence: &Presence{Full: true, Here: []Member{
			{ID: "agent", Kind: "agent", State: "waiting"}, {ID: "ada", Kind: "person", Info: raw(`{"name":"Ada"}`)}}}}),
		server(Frame{Type: FramePresence, Channel: "chat:42", Presence: &Presence{Joined: []Member{{ID: "bob", Kind: "person"}},
			Changed: []Member{{ID: "agent", Kind: "agent", State: "streaming"}}}}),
		client(Command{ID: 21, Type: CmdJoin, Channel: "chat:42", State: "away", Data: raw(`{"name":"Ada","n":1.0}`)}),
		server(Frame{Type: FrameReply, ID: 21}),
		server(Frame{Type: FramePresence, Channel: "chat:42", Presence: &Presence{Left: []Member{{ID: "agent", Kind: "agent", State: "streaming"}, {ID: "bob", Kind: "person"}},
			Changed: []Member{{ID: "ada", Kind: "person", State: "away", Info: raw(`{"name":"Ada","n":1.0}`)}}}}),
		client(Command{ID: 22, Type: CmdLeave, Channel: "chat:42"}),
		server(Frame{Type: FrameReply, ID: 22}),
		say("Who only looks sees the others. Nobody is here now."),
		client(Command{ID: 23, Type: CmdPresence, Channel: "chat:42"}),
		server(Frame{Type: FrameReply, ID: 23}),
		server(Frame{Type: FramePresence, Channel: "chat:42", Presence: &Presence{Full: true}}),
	},
	"session": {
		say("What is in no log, pace, renewal, pings, and a node that goes down."),
		client(Command{Type: CmdSignal, Channel: "chat:42", Name: "typing", Data: raw(`true`)}),
		server(Frame{Type: FrameSignal, Channel: "chat:42", Name: "typing", From: "bob", Data: raw(`true`)}),
		client(Command{ID: 10, Type: CmdPublish, Channel: "chat:42", Name: "rating", Data: raw(`{"turn":"t1","stars":5}`)}),
		server(Frame{Type: FrameReply, ID: 10, Seq: 9}),
		client(Command{ID: 11, Type: CmdPace, Channel: "chat:42", Pace: &Pace{Mode: PaceFixed, Rate: 60}}),
		server(Frame{Type: FrameReply, ID: 11}),
		client(Command{ID: 12, Type: CmdUnfollow, Channel: "chat:42", Turn: "t1"}),
		server(Frame{Type: FrameReply, ID: 12}),
		server(Frame{Type: FramePing}),
		client(Command{ID: 15, Type: CmdPing}),
		server(Frame{Type: FramePong, ID: 15}),
		server(Frame{Type: FrameClosed, N: 3, Seq: 8, Error: &Error{Code: CodeInternal, Message: "malformed entry"}}),
		server(Frame{Type: FrameRenew, In: 30000}),
		client(Command{ID: 13, Type: CmdRenew, Token: "eyJhbGciOiJIUzI1NiJ9.e30.bmV3"}),
		server(Frame{Type: FrameReply, ID: 13}),
		client(Command{ID: 14, Type: "teleport"}),
		server(Frame{Type: FrameError, ID: 14, Error: &Error{Code: CodeUnknownCommand, Message: `unknown command "teleport"`}}),
		server(Frame{Type: FrameBye, In: 1500, Error: &Error{Code: CodeDraining, Message: "this node is going down", RetryIn: 1500}}),
	},
}

var _ json.RawMessage = raw("{}") // raw serves both
