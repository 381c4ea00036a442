package channel

import "slices"

// A Tree is the fold of a timeline: the conversation with all its branches.
// Its zero value is the tree of an empty timeline.
type Tree struct {
	order []string
	nodes map[string]*Node
}

// A Node is one turn of a conversation; its Parent is the one it has in the
// tree, whether or not its entry names it.
type Node struct {
	Begun
	Place uint64 // on the timeline
	State string // "" while it is not known to have ended
}

// Begin adds a turn. A second entry of the same turn changes nothing. One that
// names no parent, such as a plain XADD, stands where the turn does that it
// supersedes, or else follows the turn begun before it: nobody drops out of a
// conversation by saying little.
func (t *Tree) Begin(place uint64, b Begun) {
	if t.nodes == nil {
		t.nodes = make(map[string]*Node)
	}
	if t.nodes[b.Turn] != nil {
		return
	}
	if b.Parent == "" && b.Supersedes == "" {
		b.Parent = t.Leaf()
	} else if old := t.nodes[b.Supersedes]; b.Parent == "" && old != nil {
		b.Parent = old.Parent
	}
	t.nodes[b.Turn] = &Node{Begun: b, Place: place}
	t.order = append(t.order, b.Turn)
}

// End notes how a turn ended. The first entry counts; one of an unknown turn
// (its beginning was trimmed) changes nothing.
func (t *Tree) End(e Ended) {
	if n := t.nodes[e.Turn]; n != nil && n.State == "" {
		n.State = e.State
	}
}

// Turn returns a turn's node, or nil.
func (t *Tree) Turn(name string) *Node { return t.nodes[name] }

// Leaf returns the turn begun last, or "".
func (t *Tree) Leaf() string {
	if len(t.order) == 0 {
		return ""
	}
	return t.order[len(t.order)-1]
}

// Path returns the conversation that ends with turn leaf, oldest first. It
// stops where a parent is unknown or would come round again.
func (t *Tree) Path(leaf string) []*Node {
	var out []*Node
	for n := t.nodes[leaf]; n != nil && len(out) <= len(t.order); n = t.nodes[n.Parent] {
		out = append(out, n)
	}
	slices.Reverse(out)
	return out
}

// Branches returns the turns that stand at the same place of the conversation
// as name, in the order in which they were begun, itself included: those that
// supersede one another, however far back.
func (t *Tree) Branches(name string) []string {
	root := t.root(name)
	var out []string
	for _, o := range t.order {
		if t.root(o) == root {
			out = append(out, o)
		}
	}
	return out
}

func (t *Tree) root(name string) string {
	for range t.order {
		n := t.nodes[name]
		if n == nil || n.Supersedes == "" || t.nodes[n.Supersedes] == nil {
			return name
		}
		name = n.Supersedes
	}
	return name
}

// Follow returns the newest turn of the conversation that goes through name:
// the leaf a reader sees after choosing that branch.
func (t *Tree) Follow(name string) string {
	for i := 0; i <= len(t.order); i++ {
		next := ""
		for _, o := range t.order {
			if t.nodes[o].Parent == name {
				next = o
			}
		}
		if next == "" {
			return name
		}
		name = next
	}
	return name
}
