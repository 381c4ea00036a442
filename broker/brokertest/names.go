package brokertest

import (
	"fmt"
	"strings"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/turn"
)

// nameCases are about names that look alike, or like syntax.
var nameCases = []testCase{
	{"logs with names alike are apart", logsApart},
	{"delete of a channel leaves others alone", deleteChannel},
	{"delete of a channel takes all of it", deleteWhole},
}

// channels are names that a careless key would mix up.
func channels() []string {
	return []string{
		"chat", "chat:42", "chat:4", "chat:42:turn", "chat:42:turn:t1", "chat/42", "chat/42/turn/t1", "chat/", "chat 42", "cha",
		"{chat}", "{chat", "chat}", "}{", "{}", "{}chat", "a{b}c", "a{b", "a}c", "a%7Bb", "a%7Db", "a%b", "a\\b", "a\\{b",
		"*", "chat*", "cha?", "[a-z]", "chat:[42]", "chat:*", "^chat$", "🙂", "räume 7", "水", "a\u0301", "á",
		"presence-room.7", "'", "\"", "chat:42:timeline", "state", "0", strings.Repeat("x", turn.MaxChannel), strings.Repeat("é", turn.MaxChannel/2),
	}
}

// ids are logs of a channel whose names come close to other channels' names.
func (t *T) ids(ch string) []turn.ID {
	return []turn.ID{
		turn.Timeline(t.app, ch),
		turn.NewID(t.app, ch, "t1"),
		turn.NewID(t.app, ch, "t"),
		turn.NewID(t.app, ch, "42:turn:t1"),
		{App: t.app, Channel: ch, Kind: turn.StreamLog, Name: "t1"},
		turn.NewID(t.app+".x", ch, "t1"),
	}
}

func (t *T) mark(id turn.ID) {
	t.Helper()
	t.create(id, texts(id.String())...)
}

func logsApart(t *T) {
	for _, ch := range channels() {
		for _, id := range t.ids(ch) {
			t.must(id.Check())
			t.mark(id)
		}
		t.must(t.set(broker.Key{App: t.app, Channel: ch, Name: "k"}, ch))
	}
	for _, ch := range channels() {
		for _, id := range t.ids(ch) {
			t.says(id, id.String())
		}
		if got := t.get(broker.Key{App: t.app, Channel: ch, Name: "k"}); got != ch {
			t.Fatalf("state of %q is %q", ch, got)
		}
	}
}

// set sets a value of State that is absent.
func (t *T) set(k broker.Key, val string) error {
	_, err := t.b.Set(t.ctx, k, []byte(val), 0, 0)
	return err
}

func (t *T) get(k broker.Key) string {
	t.Helper()
	val, _, err := t.b.Get(t.ctx, k)
	t.must(err)
	return string(val)
}

// deleteChannel deletes one channel after the other and looks at the rest.
func deleteChannel(t *T) {
	all := channels()
	key := func(ch string) broker.Key { return broker.Key{App: t.app, Channel: ch, Name: "record"} }
	other := broker.Key{App: t.app + ".x", Channel: "chat", Name: "record"}
	none := broker.Key{App: t.app, Name: "record"} // of no channel
	for _, ch := range all {
		t.mark(turn.Timeline(t.app, ch))
		t.mark(turn.NewID(t.app, ch, "t1"))
		t.mark(turn.Timeline(t.app+".x", ch))
		t.must(t.set(key(ch), ch))
	}
	t.must(t.set(other, "x"))
	t.must(t.set(none, "y"))
	for i, ch := range all {
		t.must(t.b.DeleteChannel(t.ctx, t.app, ch))
		t.gone(turn.Timeline(t.app, ch))
		t.gone(turn.NewID(t.app, ch, "t1"))
		if got := t.get(key(ch)); got != "" {
			t.Fatalf("state of deleted channel %q: %q", ch, got)
		}
		for _, rest := range all[i+1:] {
			if !t.exists(turn.Timeline(t.app, rest)) || !t.exists(turn.NewID(t.app, rest, "t1")) || t.get(key(rest)) != rest {
				t.Fatalf("deleting channel %q took something of %q", ch, rest)
			}
		}
	}
	for _, ch := range all {
		if !t.exists(turn.Timeline(t.app+".x", ch)) {
			t.Fatalf("deleting channel %q took the one of another app", ch)
		}
	}
	if t.get(other) != "x" || t.get(none) != "y" {
		t.Fatal("deleting channels took state of another app, or of no channel")
	}
}

func deleteWhole(t *T) {
	var ids []turn.ID
	for i := range 300 {
		id := t.turn(fmt.Sprintf("t%d", i))
		if i%3 == 0 {
			id.Kind = turn.StreamLog
		}
		ids = append(ids, id)
		t.mark(id)
		t.must(t.set(broker.Key{App: t.app, Channel: "chat", Name: fmt.Sprintf("k%d", i)}, "v"))
	}
	t.append(t.timeline(), 0, 0, 1, texts("a")...)
	t.must(t.b.DeleteChannel(t.ctx, t.app, "chat"))
	t.must(t.b.DeleteChannel(t.ctx, t.app, "chat")) // nothing is there
	for i, id := range append(ids, t.timeline()) {
		t.gone(id)
		if got := t.get(broker.Key{App: t.app, Channel: "chat", Name: fmt.Sprintf("k%d", i)}); got != "" {
			t.Fatalf("state k%d: %q", i, got)
		}
	}
	t.create(ids[1], prompt("again"))
}
