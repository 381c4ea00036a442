// The AI SDK's other transports: the WebSocket of version 7, and the workflow
// transport, which counts chunks and comes back with their number.

import assert from "node:assert/strict";
import { test } from "node:test";
import { WorkflowChatTransport } from "@ai-sdk/workflow/client";
import { readUIMessageStream, WebSocketChatTransport } from "ai";
import { WebSocket } from "ws";
import { endless, fresh, Karez, said, user, until, Wire, words } from "./harness.mjs";

const send = (transport, chatId, messages, more = {}) => transport.sendMessages({ chatId, messages, trigger: "submit-message", messageId: undefined, abortSignal: undefined, ...more });

async function read(stream) {
  let last;
  for await (const m of readUIMessageStream({ stream })) last = m;
  return last;
}

function socket(t, url) {
  const transport = new WebSocketChatTransport({ url: `${url}/api/chat`, webSocket: WebSocket });
  t.after(() => transport.close());
  return transport;
}

test("WebSocket: several chats on one connection, resumed on another", async (t) => {
  const w = words(100, "5ms");
  const karez = await Karez.start(t, [w.step]);
  const one = socket(t, karez.url);
  const chats = [fresh("ws"), fresh("ws"), fresh("ws")];
  const messages = await Promise.all(chats.map(async (c, i) => read(await send(one, c, [user(`m${i}`, "hi")]))));
  for (const [i, m] of messages.entries()) {
    assert.equal(said(m), w.text);
    assert.equal((await karez.ended(chats[i], m.id, "completed")).text, w.text);
  }
  assert.equal(await one.reconnectToStream({ chatId: chats[0] }), null);

  const chat = fresh("ws");
  let id;
  await assert.rejects(async () => {
    for await (const c of await send(one, chat, [user("m", "hi")])) {
      id ??= c.messageId;
      if (c.delta?.includes("Wort 5 ")) one.close(); // as a page that goes away
    }
  }, /closed/);
  const m = await read(await socket(t, karez.url).reconnectToStream({ chatId: chat }));
  assert.deepEqual([m.id, said(m)], [id, w.text]);
});

test("WebSocket: abort stops the model, also one that was only looked at", async (t) => {
  const karez = await Karez.start(t, [endless.step]);
  const one = socket(t, karez.url);
  const two = socket(t, karez.url);
  for (const resumed of [false, true]) {
    const chat = fresh("ws");
    const stop = new AbortController();
    let stream = await send(one, chat, [user("m", "hi")], { abortSignal: resumed ? undefined : stop.signal });
    if (resumed) stream = await until(() => two.reconnectToStream({ chatId: chat, abortSignal: stop.signal }), "it runs");
    let id;
    for await (const c of stream) {
      id ??= c.messageId;
      if (c.delta) stop.abort();
    }
    await karez.ended(chat, id, "cancelled");
  }
});

test("WebSocket: errors", async (t) => {
  const karez = await Karez.start(t, [{ text: "a" }]);
  const one = socket(t, karez.url);
  await assert.rejects(async () => { for await (const _ of await send(one, "x".repeat(300), [user("m", "hi")])); }, /200 bytes/);
  await assert.rejects(async () => { for await (const _ of await send(one, fresh("ws"), [])); }, /no message/);
  const raw = new WebSocket(`${karez.url.replace("http", "ws")}/api/chat`);
  raw.on("open", () => raw.send("{}"));
  assert.equal(await new Promise((resolve) => raw.on("close", resolve)), 1008);
});

test("workflow transport: a connection that breaks again and again costs nothing", async (t) => {
  const w = words(400, "3ms");
  const karez = await Karez.start(t, [{ kind: "reasoning", text: "Hm. ", repeat: 5 }, w.step, { end: "stop" }]);
  const wire = await Wire.lay(t, karez);
  t.mock.method(console, "error", () => {}); // it tells of each break
  const chat = fresh("wf");
  let run, total;
  const transport = new WorkflowChatTransport({
    api: `${wire.url}/api/chat`,
    maxConsecutiveErrors: 1000,
    prepareSendMessagesRequest: ({ id, messages }) => ({ body: { id, messages } }),
    onChatSendMessage: (res) => (run = res.headers.get("x-workflow-run-id")),
    onChatEnd: ({ chunkIndex }) => (total = chunkIndex),
  });
  let cuts = 0;
  const stream = (await send(transport, chat, [user("m", "hi")])).pipeThrough(
    new TransformStream({
      transform(c, to) {
        const n = /Wort (\d+) /.exec(c.delta ?? "")?.[1];
        if (n > (cuts + 1) * 40) (cuts++, wire.cut());
        to.enqueue(c);
      },
    }),
  );
  const m = await read(stream);
  assert.ok(cuts > 3, `${cuts} cuts`);
  assert.equal(said(m), w.text);
  assert.equal(m.parts.find((p) => p.type === "reasoning").text, "Hm. ".repeat(5));
  assert.equal((await karez.ended(chat, m.id, "completed")).text, w.text);

  // Now that the log is compacted the same numbers mean the same places.
  const chunks = async (from) => {
    const res = await fetch(`${karez.url}/api/chat/${encodeURIComponent(run)}/stream?startIndex=${from}`);
    assert.equal(res.status, 200);
    return [(await res.text()).split("\n\n").filter((l) => l.startsWith("data: {")).map((l) => JSON.parse(l.slice(6))), res.headers];
  };
  const [all] = await chunks(0);
  assert.equal(all.length, total);
  for (const n of [1, 7, 100, total - 1]) assert.deepEqual((await chunks(n))[0], all.slice(n));
  const [tail, headers] = await chunks(-3);
  assert.deepEqual(tail, all.slice(-3));
  assert.equal(headers.get("x-workflow-stream-tail-index"), String(total - 1));
});

test("workflow transport: a cancelled answer ends, and is not asked for again", async (t) => {
  const karez = await Karez.start(t, [endless.step]);
  const chat = fresh("wf");
  const transport = new WorkflowChatTransport({ api: `${karez.url}/api/chat`, prepareSendMessagesRequest: ({ id, messages }) => ({ body: { id, messages } }) });
  let id, stopped;
  for await (const c of await send(transport, chat, [user("m", "hi")])) {
    id ??= c.messageId;
    if (c.delta && !stopped) stopped = await fetch(`${karez.url}/api/chat/${chat}/stop`, { method: "POST" });
  }
  await karez.ended(chat, id, "cancelled");
});
