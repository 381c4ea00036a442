import assert from "node:assert/strict";
import { test } from "node:test";
import type { Channel, ChannelEvent } from "../src/channel.js";
import { add, emptyAnswer, fold, fromHistory, textOf } from "../src/fold.js";
import type { Answer } from "../src/fold.js";
import { Karez } from "../src/karez.js";
import { FakeHost, seeded, settle } from "./clock.js";
import { Network, Server } from "./server.js";

function setup() {
  const server = new Server();
  const net = new Network(server);
  const host = new FakeHost();
  const karez = new Karez({ url: "http://x", token: "good", transport: "ws", env: host.env(net.WebSocket) });
  return { server, net, host, karez, channel: karez.channel("c") };
}

/** A viewer: folds what a channel tells. */
function watch(ch: Channel) {
  const seen: ChannelEvent[] = [];
  const answers = new Map<string, Answer>();
  ch.on((ev) => {
    seen.push(ev);
    if (ev.type === "history") for (const t of ev.history.turns) answers.set(t.turn, fromHistory(t));
    if (ev.type === "event") answers.set(ev.turn, add(answers.get(ev.turn) ?? emptyAnswer, ev.event));
  });
  return { seen, answers, text: (turn: string) => textOf(answers.get(turn) ?? emptyAnswer) };
}

test("follows a turn from the prompt to the end", async () => {
  const { server, channel } = setup();
  const view = watch(channel);
  const page = await channel.follow();
  assert.deepEqual(page, { after: 0, turns: [] });
  const { turn } = await channel.prompt({ text: "hi", id: "m1" });
  server.append("c", turn, { kind: "text", text: "Hel" });
  server.append("c", turn, { kind: "text", text: "lo" }, { kind: "end", data: { reason: "stop" } });
  assert.equal(view.text(turn), "Hello");
  assert.deepEqual(view.seen.map((e) => e.type), ["history", "begun", "event", "event", "event", "event", "ended"]);
  assert.equal(view.answers.get(turn)?.state, "completed");
  assert.equal(channel.follows(turn), false);
});

test("goes on after a break where it was", async () => {
  const { server, net, host, channel } = setup();
  const view = watch(channel);
  await channel.follow();
  const { turn } = await channel.prompt({ text: "hi" });
  server.append("c", turn, { kind: "text", text: "one " });
  net.last.drop();
  server.append("c", turn, { kind: "text", text: "two " });
  server.append("c", turn, { kind: "text", text: "three" });
  await host.advance(1000);
  const again = server.commands.filter((c) => c.type === "follow").at(-1)!;
  assert.deepEqual([again.from, again.after, again.turns], [undefined, 1, { [turn]: 2 }]);
  assert.equal(view.text(turn), "one two three");
  assert.equal(view.seen.filter((e) => e.type === "history").length, 1);
});

test("another pace continues where the cursors are, and is kept across a break", async () => {
  const { server, net, host, channel } = setup();
  const view = watch(channel);
  channel.setPace({ mode: "smooth" }); // nothing is followed yet
  await channel.follow();
  const { turn } = await channel.prompt({ text: "hi" });
  server.append("c", turn, { kind: "text", text: "one " });
  channel.setPace({ mode: "fixed", rate: 60 });
  server.append("c", turn, { kind: "text", text: "two " });
  await settle();
  server.append("c", turn, { kind: "text", text: "three " });
  net.last.drop();
  await host.advance(1000);
  server.append("c", turn, { kind: "text", text: "four" }, { kind: "end" });
  const told = server.commands.filter((c) => c.type === "follow" || c.type === "pace").map((c) => [c.type, c.pace?.mode, c.turns]);
  assert.deepEqual(told, [["follow", undefined, undefined], ["pace", "fixed", undefined], ["follow", "fixed", { [turn]: 4 }]]);
  assert.equal(view.text(turn), "one two three four");
  assert.equal(view.seen.filter((e) => e.type === "history").length, 1);
});

test("a turn that was begun and ended during a break is seen whole", async () => {
  const { server, net, host, channel } = setup();
  const view = watch(channel);
  await channel.follow();
  net.last.drop();
  const turn = server.begin("c", { text: "from elsewhere", message: "m9" });
  server.append("c", turn, { kind: "text", text: "done" }, { kind: "end" });
  await host.advance(1000);
  assert.equal(view.text(turn), "done");
  assert.deepEqual(view.seen.map((e) => e.type), ["history", "begun", "ended", "event", "event", "event"]);
});

test("joins late with one merged catch-up", async () => {
  const { server, channel } = setup();
  const turn = server.begin("c", { text: "hi", message: "m" });
  for (let i = 0; i < 50; i++) server.append("c", turn, { kind: "text", text: `${i} ` });
  const view = watch(channel);
  await channel.follow({ after: 0 });
  assert.equal(view.seen.filter((e) => e.type === "event" && e.event.kind === "text").length, 1);
  assert.equal(view.text(turn), fold(server.room("c").turns.get(turn)!).parts[0]!.text);
});

test("an event that leaves a hole sets the cursor anew", async () => {
  const { server, net, host, channel } = setup();
  const view = watch(channel);
  await channel.follow();
  const { turn } = await channel.prompt({ text: "hi" });
  server.append("c", turn, { kind: "text", text: "a" });
  net.last.dead = true; // two events are lost on the way
  server.append("c", turn, { kind: "text", text: "b" }, { kind: "data", name: "x", data: 1 });
  net.last.dead = false;
  server.append("c", turn, { kind: "usage", data: { input_tokens: 1, output_tokens: 2 } });
  await host.advance(10);
  assert.equal(view.text(turn), "ab");
  assert.equal(view.answers.get(turn)?.at, 5);
  server.append("c", turn, { kind: "text", text: "c" }, { kind: "end" });
  assert.equal(view.text(turn), "abc");
});

test("a reset starts over from a snapshot", async () => {
  const { server, net, host, channel } = setup();
  const view = watch(channel);
  await channel.follow();
  const { turn } = await channel.prompt({ text: "hi" });
  server.append("c", turn, { kind: "text", text: "abc" });
  server.room("c").turns.get(turn)!.splice(1, 1, { seq: 2, kind: "text", text: "xyz" }); // what was there is gone
  const session = [...server.sessions][0]!;
  const n = session.cursors.get(`c/${turn}`)!.n;
  session.drop(`c/${turn}`);
  net.last.push({ type: "reset", n, error: { code: "trimmed", message: "log trimmed" } });
  await host.advance(100);
  assert.equal(view.text(turn), "xyz");
  server.append("c", turn, { kind: "text", text: "!" });
  assert.equal(view.text(turn), "xyz!");
});

test("resets without end do not make a storm", async () => {
  const { server, net, host, channel } = setup();
  await channel.follow();
  const before = server.count("follow");
  for (let i = 0; i < 200; i++) {
    const n = [...server.sessions][0]!.cursors.get("c/")!.n;
    net.last.push({ type: "reset", n, error: { code: "trimmed", message: "log trimmed" } });
    await host.advance(50);
  }
  const storm = server.count("follow") - before;
  assert.ok(storm >= 3 && storm <= 7, `${storm} follows in ten seconds`);
});

test("a channel that may not be read says so", async () => {
  const { server, channel } = setup();
  server.refuse = (c) => (c.type === "follow" ? { code: "forbidden", message: "not allowed by the token" } : undefined);
  await assert.rejects(channel.follow(), { code: "forbidden" });
});

test("events can be iterated, and text joins for a slow reader", async () => {
  const { server, channel } = setup();
  const events = channel.events();
  await channel.follow();
  const { turn } = await channel.prompt({ text: "hi" });
  for (let i = 0; i < 1000; i++) server.append("c", turn, { kind: "text", text: "x" });
  server.append("c", turn, { kind: "end" });
  const got: string[] = [];
  for await (const ev of events) {
    got.push(ev.type === "event" ? `${ev.event.kind} ${ev.event.text?.length ?? 0}` : ev.type);
    if (ev.type === "ended") break;
  }
  assert.deepEqual(got, ["history", "begun", "prompt 0", "text 1000", "end 0", "ended"]);
});

test("signals and custom events arrive with their sender", async () => {
  const { server, net, host, karez, channel } = setup();
  const view = watch(channel);
  await channel.follow();
  const other = new Karez({ url: "http://x", token: "good", env: host.env(net.WebSocket) });
  other.connect();
  await settle();
  other.channel("c").signal("wave", { hand: "left" });
  assert.equal(await other.channel("c").publish("vote", 3), 1);
  assert.deepEqual(view.seen.slice(1), [
    { type: "signal", name: "wave", data: { hand: "left" }, from: "ann" },
    { type: "custom", place: 1, name: "vote", data: 3, from: "ann" },
  ]);
  karez.close();
  other.close();
  assert.equal(server.sessions.size, 0);
});

// Rules 1 and 2: whatever happens to the connection, the viewer's text is that
// of the log, nothing doubled or lost, and while it grows it is a prefix.
test("random breaks never lose or double a word", async () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = seeded(seed);
    const { server, net, host, channel, karez } = setup();
    host.randoms = random;
    const view = watch(channel);
    await channel.follow({ from: random() < 0.5 ? "snapshot" : "now" });
    const turns: string[] = [];
    for (let step = 0; step < 80; step++) {
      const r = random();
      const live = turns.filter((t) => !server.room("c").turns.get(t)!.some((e) => e.kind === "end"));
      const turn = live[Math.floor(random() * live.length)];
      if (r < 0.1) net.last.drop();
      else if (r < 0.15) net.last.dead = true;
      else if (r < 0.2) net.mode = random() < 0.5 ? "refuse" : "open";
      else if (r < 0.3) turns.push(server.begin("c", { text: "q", message: `q${step}` }));
      else if (r < 0.35 && turn) server.append("c", turn, { kind: "end" });
      else if (r < 0.4 && turn) server.append("c", turn, { kind: "epoch", data: { epoch: 2, keep: 1, parts: [{ kind: "text", bytes: Math.floor(random() * 9) }] } });
      else if (turn) server.append("c", turn, ...Array.from({ length: 1 + Math.floor(random() * 4) }, () => ({ kind: "text", text: `w${step} ` })));
      await host.advance(random() < 0.3 ? random() * 3000 : 0);
    }
    net.mode = "open";
    await host.advance(120_000);
    for (const t of turns) assert.equal(view.text(t), textOf(fold(server.room("c").turns.get(t)!)), `seed ${seed} turn ${t}`);
    karez.close();
  }
});
