// The AI SDK's own readers, the first and the newest of each version, strict
// as they are.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as ai5first from "ai5first";
import * as ai5 from "ai5";
import * as ai6first from "ai6first";
import * as ai6 from "ai6";
import * as ai7 from "ai";
import { endless, fresh, Karez, said, until, user, words } from "./harness.mjs";

const versions = { "5.0.0": ai5first, "5.0.277": ai5, "6.0.0": ai6first, "6.0.326": ai6, "7.0.173": ai7 };

const short = words(30, "2ms");
const all = [
  { kind: "reasoning", text: "Thinking… ", repeat: 3 },
  { text: "Let me look 🔎. " },
  { kind: "tool", part: "c1", name: "weather", text: '{"city":' },
  { kind: "tool", part: "c1", text: '"Yazd"}' },
  { kind: "tool_input", part: "c1", name: "weather", data: { city: "Yazd" } },
  { kind: "tool_output", part: "c1", name: "weather", data: { c: 31 } },
  { kind: "tool", part: "c2", name: "clock" },
  { kind: "tool_input", part: "c2", name: "clock", data: {} },
  { kind: "tool_error", part: "c2", name: "clock", text: "no clock" },
  { kind: "source", data: { id: "s1", url: "https://example.org/sky", title: "Sky" } },
  { kind: "source", data: { id: "s2", media_type: "application/pdf", title: "Optics", filename: "o.pdf" } },
  { kind: "file", data: { url: "https://example.org/a.png", media_type: "image/png" } },
  { kind: "file", media: "text/plain", bytes: "Ymx1ZQ==" },
  { kind: "audio", media: "audio/pcm16", bytes: "AAH+/w==" },
  { kind: "data", name: "weather", part: "w1", data: { c: 30 } },
  { kind: "data", name: "weather", part: "w1", data: { c: 31 } },
  { kind: "text", part: "2", text: "It is 31 degrees." },
  { usage: { input_tokens: 3, output_tokens: 9, model: "m-1" } },
  { end: "stop" },
];

/** Reads a stream as useChat does. */
async function read(sdk, stream) {
  let last;
  const errors = [];
  for await (const message of sdk.readUIMessageStream({ stream, onError: (e) => errors.push(e) })) {
    last = message;
  }
  assert.deepEqual(errors, []);
  return last;
}

const send = (transport, chatId, messages, more = {}) => transport.sendMessages({ chatId, messages, trigger: "submit-message", messageId: undefined, abortSignal: undefined, ...more });

for (const [version, sdk] of Object.entries(versions)) {
  const transport = (karez, declare = false) =>
    new sdk.DefaultChatTransport({ api: `${karez.url}/api/chat`, headers: declare ? { "X-AI-SDK-Version": version } : {} });

  for (const declare of [false, true]) {
    test(`ai ${version}${declare ? ", declared" : ""} reads every kind of event`, async (t) => {
      const karez = await Karez.start(t, all);
      const chat = fresh("all");
      const message = await read(sdk, await send(transport(karez, declare), chat, [user("m1", "hi")]));
      const log = await karez.ended(chat, message.id, "completed");
      assert.equal(said(message), log.text);
      const parts = message.parts.map((p) => p.type);
      assert.deepEqual(parts, ["step-start", "reasoning", "text", "tool-weather", "tool-clock", "source-url", "source-document", "file", "file", "data-weather", "text"]);
      const [, thought, , weather, clock] = message.parts;
      assert.deepEqual([thought.text, thought.state], ["Thinking… Thinking… Thinking… ", "done"]);
      assert.deepEqual([weather.state, weather.input, weather.output], ["output-available", { city: "Yazd" }, { c: 31 }]);
      assert.deepEqual([clock.state, clock.errorText], ["output-error", "no clock"]);
      assert.deepEqual(message.parts[9].data, { c: 31 });
      assert.deepEqual(message.metadata, { usage: { inputTokens: 3, outputTokens: 9, totalTokens: 12 }, model: "m-1" });
    });
  }

  test(`ai ${version} resumes, and nothing is resumed when nothing runs`, async (t) => {
    const karez = await Karez.start(t, [words(200, "5ms").step, { end: "stop" }]);
    const chat = fresh("resume");
    assert.equal(await transport(karez).reconnectToStream({ chatId: chat }), null);
    const gone = new AbortController();
    let id;
    for await (const c of await send(transport(karez), chat, [user("m1", "hi")], { abortSignal: gone.signal })) {
      id ??= c.messageId;
      if (c.delta?.includes("Wort 5 ")) break;
    }
    gone.abort(); // leaving stops nothing
    const message = await read(sdk, await transport(karez).reconnectToStream({ chatId: chat }));
    assert.equal(message.id, id);
    const log = await karez.ended(chat, message.id, "completed");
    assert.equal(said(message), log.text);
    assert.equal(said(message), words(200).text);
    assert.equal(await transport(karez).reconnectToStream({ chatId: chat }), null);
  });

  test(`ai ${version}: stop stops the model`, async (t) => {
    const karez = await Karez.start(t, [endless.step]);
    const chat = fresh("stop");
    let id;
    const chunks = [];
    for await (const c of await send(transport(karez), chat, [user("m1", "hi")])) {
      chunks.push(c.type);
      id ??= c.messageId;
      if (chunks.length === 6) {
        const stop = (body) => fetch(`${karez.url}/api/chat/${chat}/stop`, { method: "POST", body }).then((r) => r.json());
        assert.deepEqual(await stop(JSON.stringify({ messageId: "an-older-one" })), { stopped: false });
        assert.deepEqual(await stop(), { stopped: true, messageId: id });
      }
    }
    assert.deepEqual(chunks.slice(-2), ["text-end", "abort"]);
    await karez.ended(chat, id, "cancelled");
  });
}

test("regenerate, edit and a prompt sent twice", async (t) => {
  const karez = await Karez.start(t, [{ text: "You said {prompt}" }]);
  const chat = fresh("again");
  const tr = new ai7.DefaultChatTransport({ api: `${karez.url}/api/chat` });
  const one = await read(ai7, await send(tr, chat, [user("m1", "one")]));
  const same = await read(ai7, await send(tr, chat, [user("m1", "one")]));
  assert.equal(same.id, one.id);
  const again = await read(ai7, await send(tr, chat, [user("m1", "one")], { trigger: "regenerate-message", messageId: one.id }));
  assert.notEqual(again.id, one.id);
  assert.equal(said(again), "You said one");
  const edited = await read(ai7, await send(tr, chat, [user("m1", "two")], { messageId: "m1" }));
  assert.equal(said(edited), "You said two");
  const history = (await karez.api(`/v1/channels/${chat}/history`)).turns;
  assert.deepEqual(history.map((h) => [h.turn, h.branches.length]), [[edited.id, 3]]);
});

test("errors are the SDK's errors", async (t) => {
  const karez = await Karez.start(t, [{ text: "a " }, { error: { code: "provider_rejected", message: "the model said no" } }]);
  const chat = fresh("error");
  const errors = [];
  for await (const _ of ai7.readUIMessageStream({ stream: await send(new ai7.DefaultChatTransport({ api: `${karez.url}/api/chat` }), chat, [user("m1", "hi")]), onError: (e) => errors.push(e.message) }));
  assert.deepEqual(errors, ["the model said no"]);
  for (const [body, status, text] of [
    ["", 400, /not the JSON/],
    ["[]", 400, /not the JSON/],
    ['{"id":"x"}', 400, /no message/],
    ['{"id":"x","messages":[{"role":"user","parts":[]}]}', 400, /neither text nor a file/],
    [`{"id":"${"x".repeat(300)}","messages":[{"role":"user","parts":[{"type":"text","text":"a"}]}]}`, 400, /200 bytes/],
    ['{"id":"x","messages":[{"id":"a1","role":"assistant","parts":[]}]}', 404, /no turn/],
  ]) {
    const res = await fetch(`${karez.url}/api/chat`, { method: "POST", body });
    assert.equal(res.status, status, body);
    assert.match(await res.text(), text);
  }
  const refused = await fetch(`${karez.url}/api/chat`, { method: "POST", body: "{}", headers: { Authorization: "Bearer no" } });
  assert.equal(refused.status, 401);
});

test("a client's tool output goes on in the same message", async (t) => {
  const karez = await Karez.start(t, [
    { text: "Looking. ", when: "hi" },
    { kind: "tool", part: "c1", name: "clock", when: "hi" },
    { kind: "tool_input", part: "c1", name: "clock", data: {}, when: "hi" },
    { end: "tool_calls", when: "hi" },
    ...[{ ...words(100, "5ms").step }, { end: "stop" }],
  ]);
  const chat = fresh("tool");
  const tr = new ai7.DefaultChatTransport({ api: `${karez.url}/api/chat` });
  const message = await read(ai7, await send(tr, chat, [user("m1", "hi")]));
  const call = message.parts.find((p) => p.type === "tool-clock");
  assert.equal(call.state, "input-available");
  Object.assign(call, { state: "output-available", output: "noon" });
  const stream = await send(tr, chat, [user("m1", "hi"), message], { messageId: message.id });
  // A second reader begins in the middle and gets the whole message.
  const [mine, theirs] = await Promise.all([
    read7(structuredClone(message), stream),
    until(() => tr.reconnectToStream({ chatId: chat }), "it runs").then((s) => read(ai7, s)),
  ]);
  assert.equal(mine.id, message.id);
  assert.deepEqual(theirs.parts.map((p) => p.type), ["step-start", "text", "tool-clock", "step-start", "text"]);
  assert.deepEqual(theirs, mine);
  assert.equal(said(mine), "Looking. " + words(100).text);
});

/** Reads on in a message, as useChat does after a tool. */
async function read7(message, stream) {
  let last;
  for await (const m of ai7.readUIMessageStream({ message, stream })) last = m;
  return last;
}
