package producers

import (
	"fmt"
	"testing"

	"github.com/karez/karez/broker/redisbroker"
	"github.com/karez/karez/broker/redisbroker/redistest"
	"github.com/karez/karez/internal/turns"
	"github.com/karez/karez/turn"
)

// The recipe of docs/producers.md, word for word: its turns stand in the
// conversation between those that Karez begins, and the model sees them.
func TestConversationOfBoth(t *testing.T) {
	s := redistest.Start(t)
	b, err := redisbroker.Open(t.Context(), s.URL(), redisbroker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	ts := turns.New(b, turns.Options{})
	xadd := func(name string) {
		s.Do("XADD", "karez:{app/chat:42}:timeline", "0-*", "turn", fmt.Sprintf(`{"turn":%q,"user":"ada"}`, name))
		s.Do("XADD", "karez:{app/chat:42}:turn:"+name, "0-*", "text", "Hello from "+name)
		s.Do("XADD", "karez:{app/chat:42}:turn:"+name, "0-*", "end", `{"reason":"stop"}`)
		s.Do("XADD", "karez:{app/chat:42}:timeline", "0-*", "turn_end", fmt.Sprintf(`{"turn":%q,"state":"completed"}`, name))
	}
	ask := func(message string) string {
		name, _, err := ts.Accept(t.Context(), turns.Ask{App: "app", Channel: "chat:42", Prompt: turn.Prompt{Message: message, User: "ada", Text: "?"}, At: 1})
		if err != nil {
			t.Fatal(err)
		}
		return name
	}
	xadd("p1")
	m1 := ask("m1")
	xadd("p2")
	xadd("p3")
	m2 := ask("m2")

	want := []string{"p1", m1, "p2", "p3", m2}
	past, err := ts.History(t.Context(), "app", "chat:42", "", 0, 0)
	if err != nil || len(past.Turns) != len(want) || past.Leaf != m2 {
		t.Fatalf("%+v, %v", past, err)
	}
	path, err := ts.Path(t.Context(), "app", "chat:42", m2, 40)
	if err != nil || len(path) != len(want) {
		t.Fatalf("%+v, %v", path, err)
	}
	parent := ""
	for i, p := range past.Turns {
		if p.Name != want[i] || p.Answer.Text() != path[i].Text() || parent != "" && p.Answer.Prompt.Parent != parent {
			t.Errorf("turn %d is %s after %s: %+v", i, p.Name, parent, p.Answer)
		}
		parent = p.Name
	}
}
