import assert from "node:assert/strict";
import { test } from "node:test";
import { Tree } from "../src/tree.js";

// Words "turn parent supersedes", "-" is none: the cases of channel/tree_test.go.
function grown(...lines: string[]): Tree {
  const tree = new Tree();
  lines.forEach((l, i) => {
    const [turn = "", parent = "", supersedes = ""] = l.split(" ").map((w) => (w === "-" ? "" : w));
    tree.begin({ turn, parent, supersedes, place: i + 1 });
  });
  return tree;
}

const path = (t: Tree, leaf: string) => t.path(leaf).map((n) => n.turn).join(" ");

test("a turn without a parent follows the one begun before it, or stands where it supersedes", () => {
  const tree = grown("a - -", "p - -", "b p -", "b2 - b", "q - -", "a2 - a", "r - -");
  const want = { p: "a p", b: "a p b", q: "a p b2 q", a2: "a2", r: "a2 r" };
  for (const [leaf, w] of Object.entries(want)) assert.equal(path(tree, leaf), w, leaf);
});

test("an older page does not hang its first turn on a newer one", () => {
  const tree = new Tree();
  tree.begin({ turn: "c", parent: "b", supersedes: "", place: 9 });
  tree.begin({ turn: "a", parent: "", supersedes: "", place: 1 });
  tree.begin({ turn: "b", parent: "a", supersedes: "", place: 5 });
  assert.equal(path(tree, "c"), "a b c");
});
