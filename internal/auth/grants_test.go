package auth

import (
	"strings"
	"testing"
)

// Every verb against every kind of pattern: a grant gives what it names, where
// it names it, and nothing else.
func TestMay(t *testing.T) {
	type claim = map[string][]Verb
	for _, c := range []struct {
		name    string
		claim   claim
		channel string
		want    string // verbs, in the order of Verbs
	}{
		{"nothing", nil, "chat:42", ""},
		{"an empty list", claim{"chat:42": {}}, "chat:42", ""},
		{"exact", claim{"chat:42": {Read, Prompt}}, "chat:42", "read prompt"},
		{"exact is not a prefix", claim{"chat:42": {Read}}, "chat:421", ""},
		{"exact is not a suffix", claim{"chat:42": {Read}}, "a chat:42", ""},
		{"exact minds case", claim{"chat:42": {Read}}, "Chat:42", ""},
		{"prefix", claim{"room:*": {Read, Presence}}, "room:7", "read presence"},
		{"prefix fits itself", claim{"room:*": {Read}}, "room:", "read"},
		{"prefix elsewhere", claim{"room:*": {Read}}, "my room:7", ""},
		{"prefix too long", claim{"room:*": {Read}}, "room", ""},
		{"every channel", claim{"*": {Cancel}}, "anything at all", "cancel"},
		{"every verb", claim{"chat:42": {All}}, "chat:42", "read prompt cancel publish presence manage"},
		{"everything", claim{"*": {All}}, "x", "read prompt cancel publish presence manage"},
		{"union of exact and prefix", claim{"chat:42": {Prompt}, "chat:*": {Read}, "*": {Presence}}, "chat:42", "read prompt presence"},
		{"union elsewhere", claim{"chat:42": {Prompt}, "chat:*": {Read}, "*": {Presence}}, "chat:43", "read presence"},
		{"an empty list takes nothing away", claim{"chat:42": {}, "chat:*": {Read}}, "chat:42", "read"},
		{"twice the same", claim{"chat:42": {Read, Read, All, Read}}, "chat:42", "read prompt cancel publish presence manage"},
		{"UTF-8", claim{"кана́л:*": {Read}}, "кана́л:€", "read"},
		{"all channels at once, by *", claim{"*": {Manage}}, EveryChannel, "manage"},
		{"all channels at once, by a prefix", claim{"room:*": {Manage}}, EveryChannel, ""},
		{"all channels at once, by a name", claim{"room": {Manage}}, EveryChannel, ""},
		{"no channel", claim{"*": {All}}, "", ""},
	} {
		g := &Grants{App: "app", User: "ada"}
		if err := g.allow(c.claim); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		var got []string
		for _, v := range Verbs() {
			if g.May(v, "app", c.channel) {
				got = append(got, v)
			}
			if g.May(v, "another", c.channel) {
				t.Errorf("%s: %s is allowed in another app", c.name, v)
			}
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s: %q may %q, want %q", c.name, c.channel, s, c.want)
		}
		for _, v := range []Verb{"", All, "READ", "read ", "write"} {
			if g.May(v, "app", c.channel) {
				t.Errorf("%s: the verb %q is allowed", c.name, v)
			}
		}
	}
}

func TestNobodyMayNothing(t *testing.T) {
	var g *Grants
	if g.May(Read, "app", "x") {
		t.Error("no grants allow something")
	}
	if (&Grants{}).May(Read, "", "x") {
		t.Error("empty grants allow something")
	}
}

func BenchmarkMay(b *testing.B) {
	g := &Grants{App: "app"}
	if err := g.allow(map[string][]Verb{"chat:42": {All}, "room:*": {Read}, "user:ada:*": {Read}}); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if !g.May(Read, "app", "user:ada:notes") {
			b.Fatal()
		}
	}
}
