import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConversationState } from "../src/conversation.js";
import { Karez } from "../src/karez.js";
import { FakeHost, settle } from "./clock.js";
import { Network, Server } from "./server.js";

function setup(server = new Server(), storage = new Storage(), host = new FakeHost()) {
  const net = new Network(server);
  const karez = new Karez({ url: "http://x", token: "good", transport: "ws", env: host.env(net.WebSocket) });
  const conv = karez.conversation("c", { storage });
  return { server, net, host, karez, storage, conv, now: () => conv.getSnapshot() };
}

class Storage {
  kept = new Map<string, string>();
  getItem = (k: string) => this.kept.get(k) ?? null;
  setItem = (k: string, v: string) => void this.kept.set(k, v);
  removeItem = (k: string) => void this.kept.delete(k);
}

const shown = (s: ConversationState) =>
  s.turns.map((t) => `${t.prompt.text}: ${t.parts.map((p) => p.text).join("")} (${t.state}${t.branches.length > 1 ? ` ${t.branches.indexOf(t.turn) + 1}/${t.branches.length}` : ""})`);

test("a message is shown at once, and becomes its turn under the same key", async () => {
  const { server, conv, now } = setup();
  const key = conv.send("hi");
  assert.deepEqual(shown(now()), ["hi:  (sending)"]);
  await settle();
  assert.deepEqual(shown(now()), ["hi:  (pending)"]);
  assert.equal(now().turns[0]!.key, key);
  server.append("c", "t1", { kind: "text", text: "Hello" }, { kind: "end" });
  assert.deepEqual(shown(now()), ["hi: Hello (completed)"]);
  assert.equal(now().turns[0]!.key, key);
  assert.equal(now().live, undefined);
});

test("snapshots are immutable, change only when something did, and share what did not", async () => {
  const { server, conv, now } = setup();
  let told = 0;
  conv.subscribe(() => told++);
  conv.send("one");
  await settle();
  server.append("c", "t1", { kind: "text", text: "a" }, { kind: "end" });
  conv.send("two");
  await settle();
  const before = now();
  assert.equal(now(), before);
  told = 0;
  server.append("c", "t2", { kind: "text", text: "b" });
  server.append("c", "t2", { kind: "text", text: "c" });
  await settle();
  assert.equal(told, 1, "several changes are told once");
  assert.notEqual(now(), before);
  assert.equal(now().turns[0], before.turns[0]);
  assert.notEqual(now().turns[1], before.turns[1]);
  assert.deepEqual(shown(before), ["one: a (completed)", "two:  (pending)"]);
});

test("what was typed without a connection is sent with the next one", async () => {
  const { server, net, host, conv, now } = setup();
  net.mode = "refuse";
  net.last?.drop();
  await host.advance(0);
  conv.send("hi");
  await host.advance(20_000);
  assert.deepEqual(shown(now()), ["hi:  (sending)"]);
  net.mode = "open";
  await host.advance(20_000);
  assert.deepEqual(shown(now()), ["hi:  (pending)"]);
  assert.equal(server.room("c").begun.length, 1);
});

test("a reload before the prompt was acknowledged loses and doubles nothing", async () => {
  for (const reached of [true, false]) {
    const { server, net, storage, karez, conv } = setup();
    await settle();
    if (reached) net.last.push = () => {}; // nothing comes back
    else net.last.dead = true;
    conv.send("hi");
    await settle();
    assert.equal(storage.kept.size, 1);
    karez.close();
    const again = setup(server, storage);
    await settle();
    assert.deepEqual(shown(again.now()), ["hi:  (pending)"], `reached ${reached}`);
    await settle();
    assert.equal(server.room("c").begun.length, 1);
    assert.equal(storage.kept.size, 0);
  }
});

test("what another user of this browser left is not sent by itself", async () => {
  const { server, net, storage, karez, conv } = setup();
  await settle();
  net.last.dead = true;
  conv.send("hi");
  karez.close();
  server.user = "bob";
  const { conv: other, now } = setup(server, storage);
  await settle();
  assert.deepEqual(shown(now()), ["hi:  (unsent)"]);
  other.resend(now().turns[0]!.key);
  await settle();
  assert.deepEqual(shown(now()), ["hi:  (pending)"]);
});

test("a reload in the middle of an answer shows all of it", async () => {
  const first = setup();
  first.conv.send("hi");
  await settle();
  first.server.append("c", "t1", { kind: "text", text: "one " });
  first.karez.close();
  first.server.append("c", "t1", { kind: "text", text: "two " });
  const { server, now } = setup(first.server);
  await settle();
  server.append("c", "t1", { kind: "text", text: "three" }, { kind: "end" });
  assert.deepEqual(shown(now()), ["hi: one two three (completed)"]);
});

test("a second tab sees the same", async () => {
  const a = setup();
  const b = setup(a.server);
  await settle();
  a.conv.send("hi");
  await settle();
  assert.deepEqual(shown(b.now()), ["hi:  (pending)"]);
  a.server.append("c", "t1", { kind: "text", text: "Hel" });
  assert.deepEqual(shown(b.now()), shown(a.now()));
  await b.conv.stop();
  assert.deepEqual(shown(a.now()), ["hi: Hel (cancelled)"]);
});

test("stop works before the prompt is acknowledged", async () => {
  const { server, conv, now } = setup();
  await settle();
  server.mute = (c) => c.type === "prompt";
  conv.send("hi");
  await conv.stop();
  assert.deepEqual(shown(now()), ["hi:  (cancelled)"]);
});

test("regenerate makes a branch, and branches can be chosen", async () => {
  const { server, conv, now } = setup();
  conv.send("hi");
  await settle();
  server.append("c", "t1", { kind: "text", text: "A" }, { kind: "end" });
  conv.send("more");
  await settle();
  server.append("c", "t2", { kind: "text", text: "B" }, { kind: "end" });
  conv.regenerate("t1");
  assert.deepEqual(shown(now()), ["hi:  (sending)"]);
  await settle();
  server.append("c", "t3", { kind: "text", text: "C" }, { kind: "end" });
  assert.deepEqual(shown(now()), ["hi: C (completed 2/2)"]);
  await conv.choose("t1");
  assert.deepEqual(shown(now()), ["hi: A (completed 1/2)", "more: B (completed)"]);
  conv.send("on the old branch");
  await settle();
  assert.equal(server.room("c").begun.at(-1)!.parent, "t2");
  assert.equal(now().turns.length, 3);
  await conv.choose("t3");
  assert.deepEqual(shown(now()), ["hi: C (completed 2/2)"]);
});

test("branches and their answers survive a reload", async () => {
  const first = setup();
  first.conv.send("hi");
  await settle();
  first.server.append("c", "t1", { kind: "text", text: "A" });
  first.conv.edit("t1", "hello");
  await settle();
  first.server.append("c", "t2", { kind: "text", text: "B" });
  first.karez.close();
  const { server, conv, now } = setup(first.server);
  await settle();
  assert.deepEqual(shown(now()), ["hello: B (streaming 2/2)"]);
  await conv.choose("t1");
  assert.deepEqual(shown(now()), ["hi: A (streaming 1/2)"]);
  server.append("c", "t1", { kind: "text", text: "!" }); // runs on, and is followed
  await settle();
  assert.deepEqual(shown(now()), ["hi: A! (streaming 1/2)"]);
});

test("what others do on another branch does not turn the page", async () => {
  const a = setup();
  a.conv.send("hi");
  await settle();
  a.server.append("c", "t1", { kind: "text", text: "A" }, { kind: "end" });
  a.conv.regenerate("t1");
  await settle();
  const b = setup(a.server);
  await settle();
  await b.conv.choose("t1");
  a.conv.send("on");
  await settle();
  assert.deepEqual(shown(b.now()), ["hi: A (completed 1/2)"]);
  assert.equal(a.now().turns.length, 2);
});

test("a turn that a program began without a parent is seen, and stays", async () => {
  const { server, conv, karez, now } = setup();
  conv.send("hi");
  await settle();
  server.append("c", "t1", { kind: "text", text: "A" }, { kind: "end" });
  server.foreign("c", "p1");
  server.append("c", "p1", { kind: "text", text: "B" }, { kind: "end" });
  await settle();
  const said = (s: ConversationState) => s.turns.map((t) => t.prompt.text ?? t.parts.map((p) => p.text).join(""));
  assert.deepEqual(said(now()), ["hi", "B"]);
  conv.send("more");
  await settle();
  assert.deepEqual(said(now()), ["hi", "B", "more"]);
  server.foreign("c", "p2"); // has not said anything
  await settle();
  karez.close();
  const again = setup(server);
  await settle();
  assert.deepEqual(said(again.now()), ["hi", "B", "more", ""]);
  await again.conv.choose("t1");
  assert.equal(again.now().turns.length, 4);
});

test("a leaf that the page of history does not have hides nothing", async () => {
  const { server, conv, karez } = setup();
  conv.send("hi");
  await settle();
  karez.close();
  const history = server.history.bind(server);
  server.history = (...a) => ({ ...history(...a), leaf: "gone" });
  const again = setup(server);
  await settle();
  assert.equal(again.now().turns.length, 1);
  again.conv.send("more");
  await settle();
  assert.equal(server.commands.at(-1)!.prompt!.parent, undefined);
});

test("a refused prompt says why and can be sent again or given up", async () => {
  const { server, conv, now } = setup();
  await settle();
  server.refuse = (c) => (c.type === "prompt" ? { code: "busy", message: "t1 is running" } : undefined);
  conv.send("hi");
  await settle();
  assert.equal(now().turns[0]!.error?.code, "busy");
  assert.equal(now().live, undefined);
  server.refuse = () => undefined;
  conv.resend(now().turns[0]!.key);
  await settle();
  assert.deepEqual(shown(now()), ["hi:  (pending)"]);
  server.refuse = (c) => (c.type === "prompt" ? { code: "forbidden", message: "no" } : undefined);
  conv.send("more");
  await settle();
  conv.discard(now().turns[1]!.key);
  assert.equal(now().turns.length, 1);
});

test("older turns are loaded page by page", async () => {
  const { server, conv: all } = setup();
  for (let i = 0; i < 7; i++) {
    all.send(`q${i}`);
    await settle();
    server.append("c", `t${i + 1}`, { kind: "end" });
  }
  const host = new FakeHost();
  const karez = new Karez({ url: "http://x", token: "good", env: host.env(new Network(server).WebSocket) });
  const conv = karez.conversation("c", { limit: 3 });
  await settle();
  const lengths = [conv.getSnapshot().turns.length];
  while (conv.getSnapshot().more) {
    await conv.loadMore();
    lengths.push(conv.getSnapshot().turns.length);
  }
  assert.deepEqual(lengths, [3, 6, 7]);
  assert.equal(conv.getSnapshot().turns[0]!.prompt.text, "q0");
});

test("others are seen typing, for a while", async () => {
  const { server, host, now } = setup();
  await settle();
  server.user = "bob";
  const b = setup(server, new Storage(), host);
  await settle();
  b.conv.typing();
  b.conv.typing();
  await settle();
  assert.deepEqual(now().typing, ["bob"]);
  assert.equal(server.count("signal"), 1);
  await host.advance(8000);
  assert.deepEqual(now().typing, []);
  b.conv.typing();
  await settle();
  b.conv.send("there");
  await settle();
  assert.deepEqual(now().typing, []);
});

test("the same user is seen typing elsewhere, not here", async () => {
  const server = new Server();
  const a = setup(server);
  const b = setup(server, new Storage(), a.host);
  await settle();
  a.conv.typing();
  await settle();
  assert.deepEqual([a.now().typing, b.now().typing], [[], ["ann"]]);
  // What is posted beside a stream comes back to it: the server does not know that both are one.
  const sent = server.commands.filter((c) => c.type === "signal").at(-1)!;
  a.net.last.push({ type: "signal", channel: "c", name: "typing", data: sent.data, from: "ann" });
  assert.deepEqual(a.now().typing, []);
});

test("a conversation that may not be read says so", async () => {
  const server = new Server();
  server.refuse = (c) => (c.type === "follow" ? { code: "forbidden", message: "not allowed by the token" } : undefined);
  const { now } = setup(server);
  await settle();
  assert.equal(now().error?.code, "forbidden");
  assert.equal(now().ready, false);
});
