import assert from "node:assert/strict";
import { test } from "node:test";
import { add, cutText, emptyAnswer, failureOf, fold, fromHistory, textOf } from "../src/fold.js";
import { merged } from "../src/queue.js";
import { decode } from "../src/wire.js";
import type { LogEvent } from "../src/wire.js";
import { seeded } from "./clock.js";
import { mergeAll, wireEvent } from "./server.js";

const ev = (seq: number, kind: string, rest: Partial<LogEvent> = {}): LogEvent => ({ seq, kind, ...rest });

test("a whole turn folds to its answer", () => {
  const a = fold([
    ev(1, "prompt", { data: { text: "hi", message: "m1" } }),
    ev(2, "reasoning", { text: "hm" }),
    ev(3, "text", { text: "Hel" }),
    ev(4, "tool", { part: "c1", name: "find", text: '{"q"' }),
    ev(5, "text", { text: "lo" }),
    ev(6, "tool", { part: "c1", text: ":1}" }),
    ev(7, "usage", { data: { input_tokens: 3, output_tokens: 5 } }),
    ev(8, "end", { data: { reason: "stop" } }),
  ]);
  assert.equal(a.at, 8);
  assert.equal(a.state, "completed");
  assert.equal(textOf(a), "Hello");
  assert.deepEqual(a.parts.map((p) => [p.kind, p.id, p.text]), [["reasoning", "", "hm"], ["text", "", "Hello"], ["tool", "c1", '{"q":1}']]);
  assert.equal(a.usage?.output_tokens, 5);
});

test("what was seen, and what follows the end, changes nothing", () => {
  const a = fold([ev(1, "text", { text: "a" }), ev(2, "end")]);
  assert.equal(add(a, ev(2, "text", { text: "b" })), a);
  assert.equal(add(a, ev(3, "text", { text: "c" })), a);
});

test("an answer is never changed", () => {
  const a = fold([ev(1, "text", { text: "a" })]);
  const b = add(a, ev(2, "text", { text: "b" }));
  assert.equal(textOf(a), "a");
  assert.equal(textOf(b), "ab");
  assert.equal(emptyAnswer.parts.length, 0);
});

test("an epoch that keeps all takes nothing back", () => {
  const a = fold([ev(1, "text", { text: "one " }), ev(2, "epoch", { data: { epoch: 2, keep: 1, all: true } }), ev(3, "text", { text: "two" })]);
  assert.equal(textOf(a), "one two");
});

test("an epoch cuts parts by bytes of UTF-8 and drops those it passes over", () => {
  const a = fold([
    ev(1, "reasoning", { text: "thinking" }),
    ev(2, "text", { text: "añ🌊b" }), // 1 + 2 + 4 + 1 bytes
    ev(3, "data", { data: { x: 1 }, name: "chart" }),
    ev(4, "epoch", { data: { epoch: 2, keep: 1, parts: [{ kind: "text", bytes: 7 }] } }),
  ]);
  assert.deepEqual(a.parts, [{ kind: "text", id: "", text: "añ🌊" }]);
  const none = add(a, ev(5, "epoch", { data: { epoch: 3, keep: 0 } }));
  assert.deepEqual(none.parts, []);
});

test("cutText never breaks a character", () => {
  const s = "aß€🌊";
  const want = ["", "a", "a", "aß", "aß", "aß", "aß€", "aß€", "aß€", "aß€", s, s];
  want.forEach((w, n) => assert.equal(cutText(s, n), w, `${n} bytes`));
});

test("a failure says why", () => {
  assert.deepEqual(failureOf(fold([ev(1, "error", { data: { code: "provider_timeout", message: "silent", retryable: true } })])), {
    code: "provider_timeout", message: "silent", retryable: true,
  });
  assert.equal(failureOf(fold([ev(1, "error", { text: "not JSON" })]))?.code, "internal");
  assert.equal(failureOf(fold([ev(1, "end")])), undefined);
});

test("history and the events after it fold to the same as all events", () => {
  const all = randomLog(seeded(7), 60);
  const whole = fold(all);
  for (let at = 1; at < all.length; at++) {
    const half = fold(all.slice(0, at));
    const page = fromHistory({
      turn: "t", at, timeline: 1, state: half.state, ...(half.prompt && { prompt: half.prompt }), ...(half.usage && { usage: half.usage }),
      ...(half.outcome !== undefined && { outcome: half.outcome }),
      parts: half.parts.map((p) => ({
        kind: p.kind, part: p.id, ...(p.name && { name: p.name }), ...(p.media && { media: p.media }), ...(p.text !== undefined && { text: p.text }),
        ...(p.data !== undefined && { json: p.data }), ...(p.bytes && { bytes: Buffer.concat(p.bytes).toString("base64") }),
      })),
    });
    assert.deepEqual(flat(fold(all.slice(at), page)), flat(whole), `from ${at}`);
  }
});

// Any way of merging neighbours, and of repeating what was seen, gives the
// same answer; so does sending it all through the wire.
test("merged events fold to the same answer", () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = seeded(seed);
    const log = randomLog(random, 1 + Math.floor(random() * 80));
    const want = flat(fold(log));
    assert.deepEqual(flat(fold(mergeAll(log))), want, `seed ${seed}, all merged`);
    const some: LogEvent[] = [];
    for (const e of log) {
      const last = some.at(-1);
      const both = last && random() < 0.6 ? merged(last, e) : undefined;
      if (both) some[some.length - 1] = both;
      else some.push(e);
    }
    for (let i = some.length - 1; i >= 0; i--) if (random() < 0.1) some.splice(i, 0, some[i]!); // again
    const travelled = some.map((e) => {
      const f = decode(JSON.stringify(wireEvent(3, e)));
      assert.equal(f.type, "event");
      return f.type === "event" ? f.event : e;
    });
    assert.deepEqual(flat(fold(travelled)), want, `seed ${seed}, some merged`);
  }
});

function randomLog(random: () => number, n: number): LogEvent[] {
  const pick = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)]!;
  const out: LogEvent[] = [ev(1, "prompt", { data: { text: "q", message: "m" } })];
  for (let seq = 2; seq < n; seq++) {
    const r = random();
    if (r < 0.55) out.push(ev(seq, "text", { text: pick(["a", "ß ", "🌊", "word ", "\n\n", ""]) }));
    else if (r < 0.65) out.push(ev(seq, "reasoning", { text: pick(["x", "né"]) }));
    else if (r < 0.72) out.push(ev(seq, "tool", { part: pick(["c1", "c2"]), text: pick(["{", "}"]), ...(random() < 0.3 && { name: "find" }) }));
    else if (r < 0.78) out.push(ev(seq, "audio", { media: "audio/pcm", bytes: Uint8Array.of(seq, seq + 1) }));
    else if (r < 0.84) out.push(ev(seq, "data", { name: "chart", data: { seq } }));
    else if (r < 0.88) out.push(ev(seq, "text", { part: "p2", text: "side ", attrs: { at: "1" } }));
    else if (r < 0.92) out.push(ev(seq, "usage", { data: { input_tokens: seq, output_tokens: seq } }));
    else if (r < 0.95) out.push(ev(seq, "epoch", { data: { epoch: seq, keep: seq - 1, all: true } }));
    else {
      const parts = fold(out).parts.filter(() => random() < 0.8)
        .map((p) => ({ kind: p.kind, part: p.id, bytes: Math.floor(random() * 12) }));
      out.push(ev(seq, "epoch", { data: { epoch: seq, keep: 1, parts } }));
    }
  }
  if (n > 1 && random() < 0.7) out.push(ev(n, "end", { data: { reason: "stop" } }));
  return out;
}

// Where the pieces of audio were cut is not part of the answer.
function flat(a: ReturnType<typeof fold>) {
  return { ...a, parts: a.parts.map((p) => ({ ...p, ...(p.bytes && { bytes: Buffer.concat(p.bytes).toString("hex") }) })) };
}
