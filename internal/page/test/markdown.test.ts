import assert from "node:assert/strict";
import { test } from "node:test";
import { whyFailed, whyRefused } from "../src/errors.js";
import { inline, safeAddress } from "../src/inline.js";
import type { Inline } from "../src/inline.js";
import { parse, stretches } from "../src/markdown.js";
import { plain, spoken } from "../src/sentences.js";
import { seconds } from "../src/timing.js";

/** A tree of spans in a short form: <strong>a</strong>, <link https://…>a</link>. */
function spell(spans: readonly Inline[]): string {
  return spans.map((n) => {
    if (typeof n === "string") return n;
    if (n.kind === "break") return "<br>";
    if (n.kind === "code") return `<code>${n.text}</code>`;
    return `<${n.kind}${n.kind === "link" ? ` ${n.href}` : ""}>${spell(n.inner)}</${n.kind}>`;
  }).join("");
}

test("spans", () => {
  const cases: [string, string][] = [
    ["plain", "plain"],
    ["a **b** c", "a <strong>b</strong> c"],
    ["*b* and _c_", "<em>b</em> and <em>c</em>"],
    ["**b *c* d**", "<strong>b <em>c</em> d</strong>"],
    ["*b **c***", "<em>b <strong>c</strong></em>"],
    ["***b***", "<strong><em>b</em></strong>"],
    ["~~gone~~", "<del>gone</del>"],
    ["2 * 3 * 4", "2 * 3 * 4"],
    ["snake_case_name", "snake_case_name"],
    ["__init__", "<strong>init</strong>"],
    ["a `b*c*` d", "a <code>b*c*</code> d"],
    ["``a`b``", "<code>a`b</code>"],
    ["`not closed", "`not closed"],
    ["**not closed", "**not closed"],
    ["\\*not\\* \\x", "*not* \\x"],
    ["one\ntwo", "one two"],
    ["one  \ntwo\\\nthree", "one<br>two<br>three"],
    ["one \n**two\nthree**", "one <strong>two three</strong>"],
    ["`a\nb`", "<code>a b</code>"],
    ["[a](https://x.org/b_(c))", "<link https://x.org/b_(c)>a</link>"],
    ['[a](https://x.org "title")', "<link https://x.org/>a</link>"],
    ["[**a**](http://x.org/)", "<link http://x.org/><strong>a</strong></link>"],
    ["![pic](https://x.org/p.png)", "<link https://x.org/p.png>pic</link>"],
    ["[a](javascript:alert(1))", "[a](javascript:alert(1))"],
    ["[a](data:text/html,x)", "[a](data:text/html,x)"],
    ["[a](/relative)", "[a](/relative)"],
    ["[a", "[a"],
    ["[a](https://x.org", "[a](<link https://x.org/>https://x.org</link>"],
    ["see https://x.org/a.", "see <link https://x.org/a>https://x.org/a</link>."],
    ["(https://x.org/a_(b))", "(<link https://x.org/a_(b)>https://x.org/a_(b)</link>)"],
    ["<https://x.org>", "<link https://x.org/>https://x.org</link>"],
    ["**https://x.org/**", "<strong><link https://x.org/>https://x.org/</link></strong>"],
    ["<script>alert(1)</script>", "<script>alert(1)</script>"],
    ["fließt **grün** 🟦", "fließt <strong>grün</strong> 🟦"],
  ];
  for (const [text, want] of cases) assert.equal(spell(inline(text)), want, text);
});

test("only the web's own addresses are links", () => {
  assert.equal(safeAddress("https://x.org/a b"), "https://x.org/a%20b");
  for (const bad of ["javascript:alert(1)", " javascript:alert(1)", "JAVASCRIPT:alert(1)", "data:text/html,x", "file:///etc", "vbscript:x", "//x.org", "x", ""]) {
    assert.equal(safeAddress(bad), undefined, bad);
  }
});

test("blocks", () => {
  assert.deepEqual(parse("# A #\n\nb\nc"), [{ kind: "heading", level: 1, text: "A" }, { kind: "paragraph", text: "b\nc" }]);
  assert.deepEqual(parse("#hash\n####### seven"), [{ kind: "paragraph", text: "#hash\n####### seven" }]);
  assert.deepEqual(parse("```js\nlet a;\n\n# b\n```\nc"), [{ kind: "code", lang: "js", text: "let a;\n\n# b" }, { kind: "paragraph", text: "c" }]);
  assert.deepEqual(parse("~~~\n```\n~~~"), [{ kind: "code", lang: "", text: "```" }]);
  assert.deepEqual(parse("```\nstill coming"), [{ kind: "code", lang: "", text: "still coming" }]);
  assert.deepEqual(parse("> a\n> > b"), [{ kind: "quote", blocks: [{ kind: "paragraph", text: "a" }, { kind: "quote", blocks: [{ kind: "paragraph", text: "b" }] }] }]);
  assert.deepEqual(parse("a\n***\nb").map((b) => b.kind), ["paragraph", "rule", "paragraph"]);
  assert.deepEqual(parse("|a|b|\n|:-|-:|\n|1|2|\n|3|"), [{ kind: "table", align: ["left", "right"], head: ["a", "b"], rows: [["1", "2"], ["3", ""]] }]);
  assert.deepEqual(parse("a | b\nno table"), [{ kind: "paragraph", text: "a | b\nno table" }]);
});

test("lines that are meant to end keep their end", () => {
  assert.deepEqual(parse("a  \nb\\\n c \nd  "), [{ kind: "paragraph", text: "a  \nb\\\nc\nd" }]);
});

test("code by its indent", () => {
  assert.deepEqual(parse("Run:\n\n    $ a\n\n      b\n\nc"), [{ kind: "paragraph", text: "Run:" }, { kind: "code", lang: "", text: "$ a\n\n  b" }, { kind: "paragraph", text: "c" }]);
  assert.deepEqual(parse("a\n    b"), [{ kind: "paragraph", text: "a\nb" }]);
  assert.deepEqual(parse("- a\n    - b").map((b) => b.kind), ["list"]);
});

test("lists", () => {
  const p = (text: string) => ({ kind: "paragraph", text });
  assert.deepEqual(parse("- a\n- b\n  c"), [{ kind: "list", start: undefined, items: [[p("a")], [p("b\nc")]] }]);
  assert.deepEqual(parse("3. a\n4. b"), [{ kind: "list", start: 3, items: [[p("a")], [p("b")]] }]);
  assert.deepEqual(parse("1. a\n   - b\n   - c\n2. d"), [
    { kind: "list", start: 1, items: [[p("a"), { kind: "list", start: undefined, items: [[p("b")], [p("c")]] }], [p("d")]] },
  ]);
  assert.deepEqual(parse("- a\n\n  ```\n  code\n  ```\n- b").map((b) => b.kind === "list" && b.items.map((i) => i.map((o) => o.kind))), [[["paragraph", "code"], ["paragraph"]]]);
  assert.deepEqual(parse("- a\n\nb").map((b) => b.kind), ["list", "paragraph"]);
  assert.deepEqual(parse("- a\n1. b").map((b) => b.kind), ["list", "list"]);
  assert.deepEqual(parse("It was\n1984. Then"), [p("It was\n1984. Then")]);
});

const sample = "# T\n\na\nb\n\n    i\n\n     j\n\n1. x\n\n2. y\n   - z\n\n   more\n\n```go\n\nfunc()\n\n```\n\n> q\n\n| a |\n|---|\n| 1 |\n\nend `c` **d**";

test("stretches are the whole text, and parse as the whole text does", () => {
  for (let n = 0; n <= sample.length; n++) {
    const text = sample.slice(0, n);
    assert.deepEqual(stretches(text).flatMap(parse), parse(text), JSON.stringify(text));
  }
});

test("while a text grows only its last stretch changes", () => {
  let before = stretches("");
  for (let n = 1; n <= sample.length; n++) {
    const now = stretches(sample.slice(0, n));
    const settled = before.slice(0, -2); // a blank line may still belong to a list
    assert.deepEqual(now.slice(0, settled.length), settled, JSON.stringify(sample.slice(0, n)));
    before = now;
  }
});

// Whatever a model is made to write: no throw, and no work that grows with the
// square, which would outlast the patience of run.mjs.
test("hostile text is read", () => {
  const n = 100_000;
  const shapes = ["*a ", "_a ", "**a ", "`", "`a``", "[", "![", "[](", "[a](b", "> ", "- ", "  - ", "\\", "~~a ", "| ", "#", "# # ", "https://", "<http://", "***", "*_", "((", "))", "\n\n", "```\n", "1. "];
  for (const s of shapes) {
    const text = s.repeat(n / s.length);
    for (const part of stretches(text)) {
      const walk = (bs: ReturnType<typeof parse>): void => {
        for (const b of bs) {
          if (b.kind === "paragraph" || b.kind === "heading") inline(b.text);
          if (b.kind === "quote") walk([...b.blocks]);
          if (b.kind === "list") for (const i of b.items) walk([...i]);
        }
      };
      walk(parse(part));
    }
  }
});

test("sentences are told when they have ended", () => {
  assert.equal(spoken("One. Two", 0), 4);
  assert.equal(spoken("One. Two", 4), 4);
  assert.equal(spoken("3.14 is", 0), 0);
  assert.equal(spoken("Is it? Yes!", 0), 6);
  assert.equal(spoken("好。不", 0), 2);
  assert.equal(spoken("See:\n```\na. b\n", 0), 5, "not into a code block");
  assert.equal(spoken("Look. Here:\n\n| a | b |\n|---|---|\n| c. d | e |\n", 0), 13, "not into a table");
  assert.equal(spoken("| a |\n|---|\n| b |\n\nSo.\n", 0), 23, "but behind it");
  assert.equal(plain("# **A** `b`\n- [c](https://x.org)\n```js\nx\n```"), "A b. c. Code block.");
  assert.equal(plain("Use max_turn_time, `__init__` and *_not_ that*.\n\n---\n\n2. x\n3. y!"), "Use max_turn_time, __init__ and not that. 2. x. 3. y!");
  assert.equal(plain("| word | what it is |\n|---|---|\n| **seq** | a `place` |\n| | none |"), "word: seq, what it is: a place. what it is: none.");
  assert.equal(plain("begins **here. And"), "begins here. And");
});

test("whoever reads is told in a sentence, whatever the code", () => {
  for (const code of ["provider_auth", "worker_lost", "internal", "constructor", "new_in_2031", "", undefined]) {
    for (const s of [whyFailed(code), whyRefused(code)]) assert.match(s, /^[A-Z].*\.$/);
  }
  assert.notEqual(whyFailed("no_worker"), whyFailed("?"));
  assert.equal(whyFailed("constructor"), whyFailed("?"));
});

test("waits are told as people say them", () => {
  assert.deepEqual([20, 312, 1949, 12_400].map(seconds), ["under 0.1 s", "0.3 s", "1.9 s", "12 s"]);
});
