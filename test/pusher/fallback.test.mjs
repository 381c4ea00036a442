// pusher-js where WebSockets are refused, and where they are cut.
import assert from "node:assert/strict";
import { test } from "node:test";
import { answers, backend, client, heard, karez, proxy, subscribed, until } from "./harness.mjs";

const text = "Wörter 😀 fließen. ";

for (const transport of ["xhr_streaming", "xhr_polling"]) {
  test(`${transport} does all that a WebSocket does`, async (t) => {
    const k = await karez(t, { steps: [{ text, repeat: 60, every: "20ms" }] });
    const auth = await backend(t, k);
    const way = await proxy(t, k);
    const more = { port: way.port, pusher: { enabledTransports: [transport] } };
    const ada = await client(t, k, auth, "ada", more);
    const bob = await client(t, k, auth, "bob", more);
    const room = await subscribed(ada, "presence-room");
    const other = await subscribed(bob, "presence-room");
    assert.equal(other.members.count, 2);
    const typing = new Promise((done) => room.bind("client-typing", done));
    other.trigger("client-typing", { on: true });
    assert.deepEqual(await typing, { on: true });
    for (let i = 0; i < 20; i++) await k.server.trigger("presence-room", "n", { i });
    await heard(ada, "n", 20);
    assert.deepEqual(ada.heard.filter((h) => h.event === "n").map((h) => h.data.i), [...Array(20).keys()]);
    room.trigger("client-prompt", { message: "m-1", text: "Go" });
    for (const p of [ada, bob]) {
      await heard(p, "turn.done");
      assert.deepEqual(Object.values(answers(p)), [text.repeat(60)]);
    }
    assert.deepEqual([...ada.errors, ...bob.errors], []);
    assert.equal(ada.connection.connection.transport.name, transport);
  });
}

test("where WebSockets are refused the client falls back by itself", async (t) => {
  const k = await karez(t);
  const auth = await backend(t, k);
  const way = await proxy(t, k);
  const ada = await client(t, k, auth, "ada", { port: way.port, pusher: { enabledTransports: undefined } });
  await subscribed(ada, "private-x");
  await k.server.trigger("private-x", "hello", {});
  await heard(ada, "hello");
  assert.match(ada.connection.connection.transport.name, /^xhr_/);
});

test("a WebSocket cut in the middle of an answer continues by HTTP without loss", async (t) => {
  const k = await karez(t, { steps: [{ text, repeat: 400, every: "20ms" }] });
  const auth = await backend(t, k);
  const way = await proxy(t, k, { websockets: true });
  const ada = await client(t, k, auth, "ada", { port: way.port, pusher: { enabledTransports: undefined } });
  const ch = await subscribed(ada, "private-chat");
  ch.trigger("client-prompt", { message: "m-1", text: "Go" });
  await heard(ada, "turn.delta", 20);
  way.refuse();
  way.cut();
  await until(() => ada.connection.state !== "connected", "cut");
  await heard(ada, "turn.done");
  assert.deepEqual(Object.values(answers(ada)), [text.repeat(400)]);
  assert.match(ada.connection.connection.transport.name, /^xhr_/);
});

test("a streamed answer is reopened past 256 KiB, without loss", async (t) => {
  const k = await karez(t);
  const auth = await backend(t, k);
  const way = await proxy(t, k);
  const ada = await client(t, k, auth, "ada", { port: way.port, pusher: { enabledTransports: ["xhr_streaming"] } });
  await subscribed(ada, "news");
  const data = "😀".repeat(2000);
  for (let i = 0; i < 150; i++) await k.server.trigger("news", "n", { i, data });
  await heard(ada, "n", 150);
  assert.deepEqual(ada.heard.filter((h) => h.event === "n").map((h) => h.data.i), [...Array(150).keys()]);
  assert.ok(way.paths.filter((p) => p.includes("/xhr_streaming")).length >= 2, "one answer carried all");
  assert.deepEqual(ada.errors, []);
});
