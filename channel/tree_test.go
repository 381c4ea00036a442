package channel

import (
	"slices"
	"strings"
	"testing"
)

// grown makes a tree of words "turn parent supersedes"; "-" is none.
func grown(lines ...string) *Tree {
	t := new(Tree)
	for i, l := range lines {
		f := strings.Fields(strings.ReplaceAll(l, "-", `""`))
		for j := range f {
			f[j] = strings.Trim(f[j], `"`)
		}
		t.Begin(uint64(i+1), Begun{Turn: f[0], Parent: f[1], Supersedes: f[2]})
	}
	return t
}

func path(t *Tree, leaf string) string {
	var out []string
	for _, n := range t.Path(leaf) {
		out = append(out, n.Turn)
	}
	return strings.Join(out, " ")
}

// a conversation: a, then b; b was asked differently twice, and each went on.
func branchy() *Tree {
	return grown("a - -", "b a -", "c b -", "b2 a b", "d b2 -", "b3 a b2")
}

func TestTree(t *testing.T) {
	tree := branchy()
	if got := tree.Leaf(); got != "b3" {
		t.Errorf("leaf %s", got)
	}
	for leaf, want := range map[string]string{"c": "a b c", "d": "a b2 d", "b3": "a b3", "a": "a", "none": ""} {
		if got := path(tree, leaf); got != want {
			t.Errorf("path of %s: %s", leaf, got)
		}
	}
	for name, want := range map[string]string{"b": "b b2 b3", "b3": "b b2 b3", "a": "a", "d": "d"} {
		if got := strings.Join(tree.Branches(name), " "); got != want {
			t.Errorf("branches of %s: %s", name, got)
		}
	}
	for name, want := range map[string]string{"b": "c", "b2": "d", "b3": "b3", "a": "b3", "c": "c"} {
		if got := tree.Follow(name); got != want {
			t.Errorf("from %s on to %s, want %s", name, got, want)
		}
	}
}

func TestTreeKeepsTheFirstEntry(t *testing.T) {
	tree := grown("a - -", "b a -")
	tree.Begin(9, Begun{Turn: "a", Parent: "b"})
	tree.End(Ended{Turn: "a", State: "completed"})
	tree.End(Ended{Turn: "a", State: "failed"})
	tree.End(Ended{Turn: "none", State: "failed"})
	if n := tree.Turn("a"); n.Place != 1 || n.Parent != "" || n.State != "completed" {
		t.Errorf("%+v", n)
	}
	if tree.Turn("none") != nil {
		t.Error("an end made a turn")
	}
	if empty := new(Tree); empty.Leaf() != "" || empty.Path("x") != nil || empty.Turn("x") != nil {
		t.Error("an empty tree is not empty")
	}
}

// A timeline that somebody else wrote may hold rings: everything still ends.
func TestTreeWithRings(t *testing.T) {
	tree := grown("a b -", "b a -", "c c c", "d - e", "e - d")
	for _, n := range []string{"a", "b", "c", "d", "e"} {
		if got := len(tree.Path(n)); got > 6 {
			t.Errorf("path of %s has %d turns", n, got)
		}
		if got := tree.Branches(n); !slices.Contains(got, n) && n < "d" {
			t.Errorf("branches of %s: %v", n, got)
		}
		tree.Follow(n)
	}
}

// A turn that names no parent follows the one begun before it, on whatever
// branch; one that supersedes another stands where that one does.
func TestTreeWithoutParents(t *testing.T) {
	tree := grown("a - -", "p - -", "b p -", "b2 - b", "q - -", "a2 - a", "r - -")
	for leaf, want := range map[string]string{"p": "a p", "b": "a p b", "q": "a p b2 q", "a2": "a2", "r": "a2 r"} {
		if got := path(tree, leaf); got != want {
			t.Errorf("path of %s: %s, want %s", leaf, got, want)
		}
	}
	if got := tree.Turn("q").Parent; got != "b2" {
		t.Errorf("q follows %q", got)
	}
}
