package wire

import (
	"os"
	"strings"
	"testing"

	"github.com/karez/karez/channel"
	"github.com/karez/karez/turn"
)

// docs/protocol.md names everything, and its examples are real messages.
func TestProtocolDoc(t *testing.T) {
	p, err := os.ReadFile("../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	doc := string(p)
	words := append(append(append([]string{}, commandTypes...), frameTypes...), Codes()...)
	for _, k := range eventKinds {
		words = append(words, string(k))
	}
	words = append(words, channel.KindTurn, channel.KindTurnEnd, channel.KindCustom)
	for _, c := range Codecs() {
		words = append(words, c.Subprotocol())
	}
	words = append(words, turn.CodeProviderAuth, turn.CodeProviderRejected, turn.CodeProviderLimited, turn.CodeProviderDown,
		turn.CodeProviderTimeout, turn.CodeProviderBroken, turn.CodeIdle, turn.CodeWorkerLost, turn.CodeNoWorker, turn.CodeTooLong,
		turn.CodeTurnExpired, turn.CodeInternal)
	for _, w := range words {
		if w != FrameEvent && w != "later" && !strings.Contains(doc, "`"+w+"`") {
			t.Errorf("docs/protocol.md does not name %s", w)
		}
	}

	examples := 0
	for i, line := range strings.Split(doc, "\n") {
		var err error
		switch {
		case strings.HasPrefix(line, `> {`):
			var c *Command
			if c, err = JSON.DecodeCommand([]byte(line[2:])); err == nil {
				err = c.Check()
			}
		case strings.HasPrefix(line, `< `):
			_, err = JSON.DecodeFrame([]byte(line[2:]))
		default:
			continue
		}
		examples++
		if err != nil {
			t.Errorf("docs/protocol.md:%d: %v", i+1, err)
		}
	}
	if examples < 20 {
		t.Errorf("docs/protocol.md has %d examples", examples)
	}
}
