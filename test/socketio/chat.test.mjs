// The unmodified socket.io-client on a fleet: a turn watched over every road,
// interrupted in every way; the text is the log's, byte for byte.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import * as msgpack from "socket.io-msgpack-parser";
import { client, disconnect, once, proxy, until } from "./harness.mjs";
import { Fleet, View, front, textOf } from "./fleet.mjs";

let fleet, token, n = 0;
before(async () => {
  fleet = await Fleet.start([
    { continue: true },
    { text: "Kärez {i} 🐫 ", repeat: 150, every: "8ms", when: "long" },
    { text: "You asked: {prompt}\n" },
    { kind: "audio", media: "audio/pcm", bytes: Buffer.from([1, 2, 3]).toString("base64"), when: "speak" },
    { text: "spoken", when: "speak" },
    { kind: "audio", media: "audio/pcm", bytes: Buffer.from([250, 0]).toString("base64"), when: "speak" },
    { stall: true, when: "stall" },
  ]);
  token = fleet.token("ada");
});
after(() => fleet.stop());

const fresh = () => `chat:${++n}`;
const quick = { reconnectionDelay: 20, reconnectionDelayMax: 200, auth: (f) => f({ token }) };
const ended = (view, turn) => () => view.turn(turn).state !== "";

async function same(view, channel, turn) {
  assert.deepEqual(view.wrong, []);
  assert.equal(view.text(turn), textOf(await fleet.turn(channel, turn, token)));
}

const roads = {
  polling: { transports: ["polling"] },
  websocket: { transports: ["websocket"] },
  upgrade: { transports: ["polling", "websocket"] },
  msgpack: { parser: msgpack },
};

for (const [name, opts] of Object.entries(roads)) {
  test(`${name}: prompt, follow, voice and text in order`, async () => {
    const channel = fresh();
    const s = client(fleet.nodes[0].url, { ...quick, ...opts });
    const view = new View(s);
    assert.deepEqual(await s.emitWithAck("follow", { channel, from: "now" }), {});
    const { turn } = await s.emitWithAck("prompt", { channel, message: "m1", text: "speak, long" });
    await until(s, ended(view, turn));
    await same(view, channel, turn);
    const t = view.turn(turn);
    assert.equal(t.state, "completed");
    assert.equal(t.prompt.text, "speak, long");
    assert.deepEqual(t.audio, [1, 2, 3, 250, 0]);
    assert.ok(t.events.indexOf("turn.audio") < t.events.lastIndexOf("turn.delta") && t.events.lastIndexOf("turn.delta") < t.events.lastIndexOf("turn.audio"), t.events.join());
    disconnect(s);
  });
}

test("several clients, one of them late, one reading history", async () => {
  const channel = fresh();
  const all = [0, 1].map((i) => client(fleet.nodes[i].url, quick));
  const views = all.map((s) => new View(s));
  await Promise.all(all.map((s) => s.emitWithAck("follow", { channel, from: "now" })));
  const { turn } = await all[0].emitWithAck("prompt", { channel, message: "m1", text: "long" });
  await until(all[1], () => view1(turn) > 30);
  function view1(t) { return views[1].turn(t).seq; }
  const late = client(fleet.nodes[1].url, quick);
  views.push(new View(late));
  all.push(late);
  // A callback, for what follows may come before an await goes on.
  await new Promise((done) => late.emit("follow", { channel, from: "snapshot" }, ({ history }) => {
    const [had] = history.turns;
    views[2].turn(turn).seq = had.at;
    for (const p of had.parts ?? []) views[2].turn(turn).parts.push({ kind: p.kind, part: p.part ?? "", text: p.text ?? "" });
    done();
  }));
  await Promise.all(all.map((s, i) => until(s, ended(views[i], turn))));
  for (const v of views) await same(v, channel, turn);
  all.forEach(disconnect);
});

test("a proxy that refuses upgrades, cut mid-answer: the rest comes by polling", async () => {
  const channel = fresh(), p = await proxy(fleet.nodes[0].url);
  const s = client(p.url, quick);
  const view = new View(s);
  await s.emitWithAck("follow", { channel, from: "now" });
  const { turn } = await s.emitWithAck("prompt", { channel, message: "m1", text: "long" });
  for (let i = 1; i <= 3; i++) {
    await until(s, () => view.turn(turn).seq > i * 20);
    p.cut();
  }
  await until(s, ended(view, turn));
  await same(view, channel, turn);
  assert.equal(s.io.engine.transport.name, "polling");
  disconnect(s);
  p.close();
});

test("kill -9 of the node: recovered on another, and on the same one restarted", async () => {
  const channel = fresh(), f = await front(fleet.nodes[0].url);
  const s = client(f.url, { ...quick, transports: ["websocket"] });
  const view = new View(s);
  await s.emitWithAck("follow", { channel, from: "now" });
  const { turn } = await s.emitWithAck("prompt", { channel, message: "m1", text: "long" });
  const id = s.id;
  await until(s, () => view.turn(turn).seq > 30);
  const back = once(s, "connect");
  f.target = fleet.nodes[1].url;
  await fleet.nodes[0].kill();
  await back;
  assert.equal(s.recovered, true);
  assert.equal(s.id, id);
  await until(s, ended(view, turn));
  await same(view, channel, turn);

  // Idle, the other node dies and comes back; the next turn is seen whole.
  const again = once(s, "connect");
  await fleet.restart(0);
  f.target = fleet.nodes[0].url;
  await fleet.nodes[1].kill();
  await again;
  assert.equal(s.recovered, true);
  await fleet.restart(1);
  const next = await s.emitWithAck("prompt", { channel, message: "m2", text: "short" });
  await until(s, ended(view, next.turn));
  await same(view, channel, next.turn);
  disconnect(s);
  await f.close();
});

test("a client with another's pid is not recovered", async () => {
  const channel = fresh();
  const s = client(fleet.nodes[0].url, quick);
  await s.emitWithAck("follow", { channel, from: "now" });
  await s.emitWithAck("prompt", { channel, message: "m1", text: "short" });
  const thief = client(fleet.nodes[0].url, { auth: { token: fleet.token("eve"), pid: s._pid, offset: s._lastOffset } });
  await once(thief, "connect");
  assert.notEqual(thief.id, s.id);
  assert.notEqual(thief._pid, s._pid);
  [s, thief].forEach(disconnect);
});

test("who may not is told so, in the acknowledgement", async () => {
  const s = client(fleet.nodes[0].url, { auth: { token: fleet.token("bob", "chat:own=read") } });
  const { error } = await s.emitWithAck("follow", { channel: "chat:other" });
  assert.equal(error.code, "forbidden");
  assert.equal((await s.emitWithAck("prompt", { channel: "chat:own", message: "m", text: "x" })).error.code, "forbidden");
  assert.equal((await s.emitWithAck("prompt", "nonsense")).error.code, "bad_request");
  const none = client(fleet.nodes[0].url, {});
  const [err] = await once(none, "connect_error");
  assert.equal(err.data.code, "unauthorized");
  const bad = client(fleet.nodes[0].url, { auth: { token: "x.y.z" } });
  assert.equal((await once(bad, "connect_error"))[0].data.code, "unauthorized");
  [s, none, bad].forEach(disconnect);
});

test("cancel, regenerate, edit, publish, signal, presence", async () => {
  const channel = fresh();
  const [s, o] = [client(fleet.nodes[0].url, quick), client(fleet.nodes[1].url, { ...quick, auth: { token: fleet.token("bob") } })];
  const view = new View(s);
  await Promise.all([s, o].map((x) => x.emitWithAck("follow", { channel, from: "now" })));
  const stalled = await s.emitWithAck("prompt", { channel, message: "m1", text: "stall" });
  await until(s, () => view.text(stalled.turn) !== "");
  await o.emitWithAck("cancel", { channel, turn: stalled.turn });
  await until(s, ended(view, stalled.turn));
  assert.equal(view.turn(stalled.turn).state, "cancelled");

  const edited = await s.emitWithAck("edit", { channel, turn: stalled.turn, message: "m2", text: "better" });
  await until(s, ended(view, edited.turn));
  assert.equal(view.text(edited.turn), "You asked: better\n");
  const regenerated = await s.emitWithAck("regenerate", { channel, turn: edited.turn, message: "m3" });
  await until(s, ended(view, regenerated.turn));
  assert.equal(view.text(regenerated.turn), "You asked: better\n");
  const past = await s.emitWithAck("history", { channel });
  assert.equal(past.history.leaf, regenerated.turn);

  const heard = Promise.all([once(s, "channel.event"), once(o, "signal"), once(o, "presence")]);
  const { seq } = await o.emitWithAck("publish", { channel, name: "note", data: { a: [1] } });
  await s.emitWithAck("signal", { channel, name: "typing", data: true });
  await o.emitWithAck("join", { channel, state: "here" });
  const [[event], [signal], [roster]] = await heard;
  assert.deepEqual(event, { channel, seq, name: "note", from: "bob", data: { a: [1] } });
  assert.deepEqual(signal, { channel, name: "typing", from: "ada", data: true });
  assert.equal(roster.full, true);
  [s, o].forEach(disconnect);
});

test("a person's voice reaches the worker", async () => {
  const channel = fresh();
  const s = client(fleet.nodes[0].url, quick);
  const view = new View(s);
  await s.emitWithAck("follow", { channel, from: "now" });
  for (const chunk of ["ab", "cd"]) assert.deepEqual(await s.emitWithAck("voice", { message: "m1", media_type: "audio/webm" }, Buffer.from(chunk)), {});
  const { turn } = await s.emitWithAck("prompt", { channel, message: "m1", text: "hear", audio: true });
  await until(s, ended(view, turn));
  assert.deepEqual(view.turn(turn).prompt.content, [{ type: "audio", url: "data:audio/webm;base64,YWJjZA==", media_type: "audio/webm" }]);
  assert.equal((await s.emitWithAck("prompt", { channel, message: "m2", text: "x", audio: true })).error.code, "bad_request");
  assert.equal((await s.emitWithAck("voice", { message: "m3" }, Buffer.alloc(200_000))).error.code, "too_large");
  disconnect(s);
});
