// Replays the transcripts of the Go package wire: this client reads what every
// other implementation reads.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { add, emptyAnswer, fromHistory, textOf } from "../src/fold.js";
import type { Answer } from "../src/fold.js";
import { decode } from "../src/wire.js";
import type { Frame } from "../src/wire.js";

const folder = new URL("../../../../wire/testdata/", import.meta.url);

/** What the server says in a transcript, as it travels in JSON. */
function said(name: string): string[] {
  return readFileSync(new URL(name, folder), "utf8").split("\n").filter((l) => l.startsWith("< ")).map((l) => l.slice(2));
}

function frames(name: string): Frame[] {
  return said(name).map(decode);
}

const names = readdirSync(folder).filter((n) => n.endsWith(".golden"));

test("every frame of every transcript is known, and says what it says", () => {
  assert.ok(names.length >= 7, `${names.length} transcripts`);
  for (const name of names) {
    for (const line of said(name)) {
      const f = decode(line);
      assert.notEqual(f.type, "unknown", `${name}: ${line}`);
      const raw = JSON.parse(line) as unknown;
      if (!Array.isArray(raw)) {
        assert.deepEqual(f, raw, `${name}: ${line}`);
        continue;
      }
      assert.ok(f.type === "event");
      const [n, seq, content] = raw as [number, number, string | { bytes?: string }];
      const { bytes, ...rest } = f.event;
      const back = typeof content === "string" ? { kind: "text", text: content } : { ...content, ...(bytes && { bytes: Buffer.from(bytes).toString("base64") }) };
      assert.deepEqual({ n: f.n, ...rest, ...(bytes && { bytes: Buffer.from(bytes).toString("base64") }) }, { n, seq, ...back }, `${name}: ${line}`);
    }
  }
});

/** Folds what a transcript tells of each turn, as a viewer would. */
function viewed(name: string): Map<string, Answer> {
  const logs = new Map<number, string>();
  const answers = new Map<string, Answer>();
  for (const f of frames(name)) {
    if (f.type === "reply" && f.history) for (const t of f.history.turns) answers.set(t.turn, fromHistory(t));
    if (f.type === "log") logs.set(f.n, f.turn ?? "");
    if (f.type === "closed" || f.type === "reset") logs.delete(f.n);
    if (f.type !== "event") continue;
    const turn = logs.get(f.n);
    if (turn) answers.set(turn, add(answers.get(turn) ?? emptyAnswer, f.event));
  }
  return answers;
}

test("a prompt's transcript folds to its answer", () => {
  const [answer] = [...viewed("prompt.golden").values()];
  assert.equal(answer?.state, "completed");
  assert.equal(answer?.prompt?.text, "Why is the sky blue?");
  const texts = frames("prompt.golden").flatMap((f) => (f.type === "event" && f.event.kind === "text" ? [f.event.text] : []));
  assert.equal(textOf(answer!), texts.join(""));
  assert.ok(textOf(answer!).startsWith("Air scatters"));
});

test("whatever way a turn was told, its text is whole characters and its end is its end", () => {
  for (const name of names) {
    for (const [turn, a] of viewed(name)) {
      assert.doesNotMatch(textOf(a), /\uFFFD/, `${name}: ${turn}`);
      if (a.outcome !== undefined) assert.ok(["completed", "cancelled", "failed"].includes(a.state), `${name}: ${turn}`);
    }
  }
});
