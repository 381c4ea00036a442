package redisbroker

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/turn"
)

// The page that producers read says what the code does.
func TestKeysAreAsDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/producers.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		logKey(turn.NewID("app", "chat:42", "t81")) + " '0-*'",
		logKey(turn.Timeline("app", "chat:42")) + " '0-*'",
		jobsKey("prompts"),
		topicKey(broker.Topic{App: "app", Channel: "chat:42", Name: "control:t81"}),
		"…" + strings.TrimPrefix(stateKey(broker.Key{App: "app", Channel: "chat:42", Name: "cancel:t81"}), "karez:{app/chat:42}"),
		fmt.Sprintf("idle for **%d seconds**", int(foreignLease.Seconds())),
		fmt.Sprintf("| payload of an entry | %d KiB", turn.MaxData>>10),
	} {
		if !strings.Contains(string(page), want) {
			t.Errorf("docs/producers.md does not say %q", want)
		}
	}
}

func TestKeys(t *testing.T) {
	for want, got := range map[string]string{
		"karez:{app/a%7Bb%7D%25/c}:turn:t:1":   logKey(turn.NewID("app", "a{b}%/c", "t:1")),
		"karez:{app/c}:stream:s":               logKey(turn.ID{App: "app", Channel: "c", Kind: turn.StreamLog, Name: "s"}),
		"karez:{app/c}:meta:timeline":          metaKey(turn.Timeline("app", "c")),
		"karez:{app/}:signal:node:7":           topicKey(broker.Topic{App: "app", Name: "node:7"}),
		"karez:jobs:{a%7D}:leases":             leasesKey("a}"),
		`karez:{app/\[a\]\*\?\\\^-b}:*`:        pattern("app", `[a]*?\^-b`),
		"karez:{app/chat:42}:state:record":     stateKey(broker.Key{App: "app", Channel: "chat:42", Name: "record"}),
		"karez:{app/chat:42}:meta:turn:t81":    metaKey(turn.NewID("app", "chat:42", "t81")),
		"karez:{app/chat:42}:turn:t81:meta":    logKey(turn.NewID("app", "chat:42", "t81:meta")),
		"karez:{app/chat:42}:state:turn:t:x:y": stateKey(broker.Key{App: "app", Channel: "chat:42", Name: "turn:t:x:y"}),
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
