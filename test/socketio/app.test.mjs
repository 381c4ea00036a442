// The unmodified socket.io-client against the public handler API: the
// self-test application.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { start, client, once, until, disconnect } from "./harness.mjs";
import * as msgpack from "socket.io-msgpack-parser";

let app;
before(async () => { app = await start(process.env.KAREZ_SELFTEST); });
after(() => app.kill());

const roads = {
  polling: { transports: ["polling"] },
  websocket: { transports: ["websocket"] },
  upgrade: { transports: ["polling", "websocket"] },
  "msgpack over polling": { transports: ["polling"], parser: msgpack },
  "msgpack over websocket": { transports: ["websocket"], parser: msgpack },
};

for (const [name, opts] of Object.entries(roads)) {
  test(`${name}: auth, events, acknowledgements both ways, binary both ways`, async () => {
    const s = client(app.url, { ...opts, auth: { token: "123", n: 1.5, deep: { "é": ["ü", null, true] } } });
    const [auth] = await once(s, "auth");
    assert.deepEqual(auth, { token: "123", n: 1.5, deep: { "é": ["ü", null, true] } });

    s.emit("message", 1, "2", { 3: [true] }, "🐫");
    assert.deepEqual(await once(s, "message-back"), [1, "2", { 3: [true] }, "🐫"]);

    const bin = Buffer.from([1, 2, 3, 255]);
    s.emit("message", { a: bin, b: [Buffer.from("x")] }, bin);
    const [o, b] = await once(s, "message-back");
    assert.deepEqual([...o.a], [1, 2, 3, 255]);
    assert.deepEqual([...o.b[0]], [120]);
    assert.deepEqual([...b], [1, 2, 3, 255]);

    const acked = await new Promise((done) => s.emit("message-with-ack", "x", bin, (...args) => done(args)));
    assert.equal(acked[0], "x");
    assert.deepEqual([...acked[1]], [1, 2, 3, 255]);

    s.on("question", (q, reply) => reply({ to: q, data: Buffer.from("yes") }));
    const answer = await s.timeout(10000).emitWithAck("ask-me", "why");
    assert.equal(answer.to, "why");
    assert.equal(Buffer.from(answer.data).toString(), "yes");
    disconnect(s);
  });
}

test("a connection changes from polling to WebSocket while messages flow, in order", async () => {
  const s = client(app.url, { transports: ["polling", "websocket"] });
  const upgraded = new Promise((done) => s.io.once("open", () => s.io.engine.once("upgrade", done)));
  const got = [];
  s.on("message-back", (i) => got.push(i));
  for (let i = 0; i < 3000; i++) {
    s.emit("message", i);
    if (i % 10 === 0) await new Promise((r) => setImmediate(r));
  }
  await upgraded;
  s.emit("message", 3000);
  await until(s, () => got.length === 3001);
  assert.deepEqual(got, Array.from({ length: 3001 }, (_, i) => i));
  disconnect(s);
});

test("namespaces on one connection", async () => {
  const s = client(app.url, {});
  const custom = s.io.socket("/custom", { auth: { a: 1 } });
  const locked = s.io.socket("/locked", { auth: { token: "letmein" } });
  const [auth] = await Promise.all([once(custom, "auth"), once(locked, "connect")]);
  assert.deepEqual(auth, [{ a: 1 }]);
  custom.emit("message", "c");
  s.emit("message", "r");
  const [[c], [r]] = await Promise.all([once(custom, "message-back"), once(s, "message-back")]);
  assert.deepEqual([c, r], ["c", "r"]);
  custom.disconnect();
  s.emit("message", "still here");
  assert.deepEqual(await once(s, "message-back"), ["still here"]);
  disconnect(s);
});

test("refused namespaces say why", async () => {
  for (const [ns, message] of [["/random", "Invalid namespace"], ["/locked", "not allowed"]]) {
    const s = client(app.url + ns, { auth: { token: "no" } });
    const [err] = await once(s, "connect_error");
    assert.equal(err.message, message);
    if (ns === "/locked") assert.deepEqual(err.data, { code: "unauthorized" });
    disconnect(s);
  }
});

test("rooms", async () => {
  const [a, b, c] = [1, 2, 3].map(() => client(app.url, { forceNew: true, multiplex: false }));
  await Promise.all([a, b, c].map((s) => once(s, "auth")));
  await a.emitWithAck("join", "r");
  await b.emitWithAck("join", "r");
  const heard = { a: [], b: [], c: [] };
  for (const [k, s] of Object.entries({ a, b, c })) s.on("news", (x) => heard[k].push(x));
  await a.emitWithAck("to-room", "r", "news", 1);
  const all = Promise.all([a, b, c].map((s) => once(s, "last")));
  await b.emitWithAck("leave", "r");
  await a.emitWithAck("to-room", "r", "news", 2);
  await a.emitWithAck("to-all", "news", 3);
  await a.emitWithAck("to-all", "last");
  await all;
  assert.deepEqual(heard, { a: [3], b: [1, 3], c: [3] });
  [a, b, c].forEach(disconnect);
});

test("a kicked client is told, and does not come back by itself", async () => {
  const s = client(app.url, { reconnectionDelay: 10 });
  await once(s, "auth");
  s.emit("kick-me");
  assert.equal((await once(s, "disconnect"))[0], "io server disconnect");
  s.connect();
  await once(s, "auth");
  s.emit("kick-me", true);
  assert.match((await once(s, "disconnect"))[0], /^transport (close|error)$/); // error: a request was under way
  await once(s, "auth");
  disconnect(s);
});

test("large messages pass up to the limit, and no further", async () => {
  for (const transports of [["polling"], ["websocket"]]) {
    const s = client(app.url, { transports, reconnection: false });
    await once(s, "auth");
    const big = "é".repeat(400_000);
    assert.equal(await s.emitWithAck("message-with-ack", big), big);
    s.emit("message", "x".repeat(1_000_001));
    const [reason] = await once(s, "disconnect");
    assert.match(reason, /transport (error|close)/);
    disconnect(s);
  }
});

test("connection state recovery in memory", async () => {
  const s = client(app.url + "/recovered", { reconnectionDelay: 10, transports: ["websocket"] });
  const other = client(app.url + "/recovered", {});
  await Promise.all([once(s, "connect"), once(other, "connect")]);
  const got = [];
  s.on("news", (x) => got.push(x));
  await s.emitWithAck("join", "r");
  await other.emitWithAck("to-room", "r", "news", 1);
  await until(s, () => got.length === 1);
  const id = s.id;
  const back = once(s, "connect");
  s.io.engine.close();
  await other.emitWithAck("to-room", "r", "news", 2);
  await other.emitWithAck("to-room", "elsewhere", "news", 99);
  await other.emitWithAck("to-all", "news", 3);
  await back;
  assert.equal(s.recovered, true);
  assert.equal(s.id, id);
  await until(s, () => got.length === 3);
  await other.emitWithAck("to-room", "r", "news", 4);
  await until(s, () => got.length === 4);
  assert.deepEqual(got, [1, 2, 3, 4]);
  disconnect(s);
  disconnect(other);
});
