// The openai package: chat completions and responses, streamed, in the
// background, resumed and cancelled.

import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";
import { endless, fresh, Karez, words } from "./harness.mjs";

const client = (karez, more = {}) => new OpenAI({ apiKey: "dev", baseURL: `${karez.url}/v1`, maxRetries: 0, ...more });

const nine = [
  "response.created", "response.in_progress", "response.output_item.added", "response.content_part.added", "response.output_text.delta",
  "response.output_text.done", "response.content_part.done", "response.output_item.done", "response.completed",
];

/** Types without repeats of the same one. */
const types = (events) => events.map((e) => e.type).filter((t, i, all) => t !== all[i - 1]);

/** Where a response's turn stands: its id says so, as does its metadata. */
const where = (r) => [r.metadata.channel, r.id.slice(r.id.indexOf(".") + 1)];

function rising(events) {
  for (let i = 1; i < events.length; i++) assert.ok(events[i].sequence_number > events[i - 1].sequence_number, `${i}: ${events[i].sequence_number}`);
}

test("chat completions, streamed and whole", async (t) => {
  const w = words(40, "2ms");
  const karez = await Karez.start(t, [w.step, { usage: { input_tokens: 3, output_tokens: 40 } }, { end: "length" }]);
  const ai = client(karez);
  const ask = { model: "m-1", messages: [{ role: "system", content: "Be brief." }, { role: "user", content: "hi" }], metadata: { channel: fresh("chat") } };
  const stream = ai.chat.completions.stream({ ...ask, stream_options: { include_usage: true } });
  let text = "";
  stream.on("content", (delta) => (text += delta));
  const final = await stream.finalChatCompletion();
  assert.equal(text, w.text);
  assert.equal(final.choices[0].message.content, w.text);
  assert.equal(final.choices[0].finish_reason, "length");
  assert.equal(final.usage.total_tokens, 43);
  const log = await karez.turn(ask.metadata.channel, final.id.replace("chatcmpl-", ""));
  assert.equal(log.text, w.text);
  assert.deepEqual([log.prompt.text, log.prompt.system, log.prompt.model], ["hi", "Be brief.", "m-1"]);
  const whole = await ai.chat.completions.create(ask);
  assert.equal(whole.choices[0].message.content, w.text);
  assert.deepEqual([whole.object, whole.model, whole.usage.completion_tokens], ["chat.completion", "m-1", 40]);
});

test("a client's tools, in both APIs", async (t) => {
  const karez = await Karez.start(t, [
    { kind: "tool", part: "call_1", name: "clock", text: '{"zone":' }, { kind: "tool", part: "call_1", text: '"UTC"}' },
    { kind: "tool_input", part: "call_1", name: "clock", data: { zone: "UTC" } },
    { kind: "tool", part: "call_2", name: "own", text: "{}" }, { kind: "tool_input", part: "call_2", name: "own", data: {} },
    { kind: "tool_output", part: "call_2", data: 1 }, // the worker ran this one itself
    { end: "tool_calls" },
  ]);
  const ai = client(karez);
  const stream = ai.chat.completions.stream({ model: "m", messages: [{ role: "user", content: "hi" }] });
  for (const c of [await stream.finalChatCompletion(), await ai.chat.completions.create({ model: "m", messages: [{ role: "user", content: "hi" }] })]) {
    assert.equal(c.choices[0].finish_reason, "tool_calls");
    assert.deepEqual(c.choices[0].message.tool_calls.map((x) => [x.id, x.type, x.function.name, x.function.arguments]), [["call_1", "function", "clock", '{"zone":"UTC"}']]);
  }
  const r = await ai.responses.stream({ model: "m", input: "hi" }).finalResponse();
  assert.deepEqual(r.output.map((o) => [o.type, o.call_id, o.arguments ?? o.output]), [
    ["function_call", "call_1", '{"zone":"UTC"}'], ["function_call", "call_2", "{}"], ["function_call_output", "call_2", "1"],
  ]);
  // Its output is the next prompt.
  const next = await ai.responses.create({ model: "m", previous_response_id: r.id, input: [{ type: "function_call_output", call_id: "call_1", output: "noon" }] });
  const log = await karez.turn(...where(next));
  assert.deepEqual(JSON.parse(log.prompt.content[0].text), { toolCallId: "call_1", output: "noon" });
  assert.equal(log.prompt.parent, where(r)[1]);
});

test("responses, streamed: all nine events, and the text of the log", async (t) => {
  const w = words(40, "2ms");
  const karez = await Karez.start(t, [w.step, { usage: { input_tokens: 3, output_tokens: 40 } }]);
  const ai = client(karez);
  const stream = ai.responses.stream({ model: "m", input: [{ role: "developer", content: "Be brief." }, { role: "user", content: [{ type: "input_text", text: "hi" }] }] });
  const events = [];
  for await (const e of stream) events.push(e);
  const final = await stream.finalResponse();
  assert.deepEqual(types(events), nine);
  assert.equal(events[0].sequence_number, 0);
  rising(events);
  assert.equal(events.filter((e) => e.type === nine[4]).map((e) => e.delta).join(""), w.text);
  assert.equal(final.output_text, w.text);
  assert.deepEqual([final.status, final.usage.output_tokens], ["completed", 40]);
  assert.equal((await karez.turn(...where(final))).text, w.text);
  // A replay is the same response, with the same numbers.
  const again = [];
  for await (const e of await ai.responses.retrieve(final.id, { stream: true })) again.push(e);
  assert.deepEqual(types(again), nine);
  assert.deepEqual(again.filter((e) => e.type !== nine[4]), events.filter((e) => e.type !== nine[4]).map(({ snapshot, ...e }) => e));
  assert.deepEqual((await ai.responses.retrieve(final.id)).output, again.at(-1).response.output);
});

test("reasoning, refusal, citations", async (t) => {
  const karez = await Karez.start(t, [
    { kind: "reasoning", text: "Hm. " }, { text: "It is blue." }, { kind: "source", data: { url: "https://example.org", title: "Sky" } },
    { kind: "text", part: "refusal", text: "I won't say more." }, { end: "content_filter" },
  ]);
  const stream = client(karez).responses.stream({ model: "m", input: "hi" });
  const final = await stream.finalResponse();
  assert.deepEqual([final.status, final.incomplete_details.reason], ["incomplete", "content_filter"]);
  assert.deepEqual(final.output.map((o) => o.content[0].text ?? o.content[0].refusal), ["Hm. ", "It is blue.", "I won't say more."]);
  assert.equal(final.output[1].content[0].annotations[0].url, "https://example.org");
});

test("background, and on from any event", async (t) => {
  const w = words(150, "5ms");
  const karez = await Karez.start(t, [w.step]);
  const ai = client(karez);
  const seen = [];
  for await (const e of await ai.responses.create({ model: "m", input: "hi", background: true, stream: true })) {
    seen.push(e);
    if (e.delta?.includes("Wort 7 ")) break; // leaving stops nothing
  }
  assert.deepEqual(types(seen).slice(0, 3), ["response.created", "response.queued", "response.in_progress"]);
  const id = seen[0].response.id;
  const running = await ai.responses.retrieve(id);
  assert.equal(running.status, "in_progress");
  const rest = [];
  for await (const e of await ai.responses.retrieve(id, { stream: true, starting_after: seen.at(-1).sequence_number })) rest.push(e);
  rising([...seen, ...rest]);
  assert.equal([...seen, ...rest].filter((e) => e.type === nine[4]).map((e) => e.delta).join(""), w.text);
  assert.equal((await karez.turn(...where(running))).text, w.text);
  // From every number that was seen the same text remains.
  for (const at of [...seen, ...rest].filter((_, i) => i % 17 === 0)) {
    let text = "";
    for await (const e of await ai.responses.retrieve(id, { stream: true, starting_after: at.sequence_number })) text += e.type === nine[4] ? e.delta : "";
    const had = [...seen, ...rest].filter((e) => e.sequence_number <= at.sequence_number && e.type === nine[4]).map((e) => e.delta).join("");
    assert.equal(had + text, w.text);
  }
  const quiet = await ai.responses.create({ model: "m", input: "hi", background: true });
  assert.equal(quiet.status, "queued");
});

test("cancel stops the model", async (t) => {
  const karez = await Karez.start(t, [endless.step]);
  const ai = client(karez);
  const events = [];
  for await (const e of await ai.responses.create({ model: "m", input: "hi", background: true, stream: true })) {
    events.push(e);
    if (events.length === 8) assert.equal((await ai.responses.cancel(events[0].response.id)).status, "cancelled");
  }
  assert.deepEqual([events.at(-1).type, events.at(-1).response.status], ["response.incomplete", "cancelled"]);
  const r = await ai.responses.retrieve(events[0].response.id);
  assert.equal(r.status, "cancelled");
  assert.equal((await karez.turn(...where(r))).state, "cancelled");
});

test("errors are OpenAI's errors", async (t) => {
  const karez = await Karez.start(t, [{ text: "a " }, { error: { code: "provider_rejected", message: "the model said no" } }]);
  const ai = client(karez);
  await assert.rejects(ai.chat.completions.create({ model: "m", messages: [{ role: "user", content: "hi" }] }), (e) => e instanceof OpenAI.BadRequestError && e.code === "provider_rejected" && /said no/.test(e.message));
  const stream = ai.chat.completions.stream({ model: "m", messages: [{ role: "user", content: "hi" }] });
  await assert.rejects(stream.finalChatCompletion(), (e) => e.code === "provider_rejected" && /said no/.test(e.message));
  const failed = await ai.responses.create({ model: "m", input: "hi" });
  assert.deepEqual([failed.status, failed.error.code, failed.error.message], ["failed", "invalid_prompt", "the model said no"]);
  await assert.rejects(client(karez, { apiKey: "no" }).responses.create({ model: "m", input: "hi" }), OpenAI.AuthenticationError);
  await assert.rejects(ai.responses.retrieve("resp_none"), OpenAI.NotFoundError);
  await assert.rejects(ai.responses.create({ model: "m", input: [] }), (e) => e instanceof OpenAI.BadRequestError && e.param === "input");
  await assert.rejects(ai.chat.completions.create({ model: "m", messages: [], n: 2 }), (e) => e.status === 400 && e.param === "n");
  await assert.rejects(ai.chat.completions.create({ model: 7, messages: [] }), (e) => e.status === 400 && e.param === "model");
});
