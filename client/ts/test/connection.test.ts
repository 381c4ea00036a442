import assert from "node:assert/strict";
import { test } from "node:test";
import { backoff, longestWait } from "../src/backoff.js";
import type { Status } from "../src/connection.js";
import { KarezError } from "../src/errors.js";
import { Karez } from "../src/karez.js";
import type { KarezOptions } from "../src/karez.js";
import { FakeHost, seeded, settle } from "./clock.js";
import { Network, Server } from "./server.js";

function setup(o: Partial<KarezOptions> = {}) {
  const server = new Server();
  const net = new Network(server);
  const host = new FakeHost();
  const karez = new Karez({ url: "https://chat.example.com/karez/", token: "good", env: host.env(net.WebSocket), ...o });
  const statuses: Status[] = [];
  karez.on("status", (s) => statuses.push(s));
  return { server, net, host, karez, statuses };
}

test("the wait doubles to a bound and is jittered", () => {
  const random = seeded(1);
  for (let n = 0; n < 40; n++) {
    const bound = n === 0 ? 500 : Math.min(longestWait, 500 * 2 ** (n - 1));
    const least = n === 0 ? 0 : bound / 2;
    const waits = Array.from({ length: 200 }, () => backoff(n, random));
    assert.ok(Math.max(...waits) <= bound && Math.max(...waits) > bound * 0.9, `try ${n}`);
    assert.ok(Math.min(...waits) >= least && Math.min(...waits) < least + bound * 0.1, `try ${n}`);
  }
});

test("connects when first needed, says hello, and is welcomed", async () => {
  const { server, net, karez, statuses } = setup();
  assert.equal(karez.status.state, "idle");
  assert.equal(net.sockets.length, 0);
  karez.connect();
  await settle();
  assert.equal(net.last.url, "wss://chat.example.com/karez/v1/ws");
  assert.deepEqual(net.last.protocols, ["karez.v1.json"]);
  assert.deepEqual(server.commands[0], { type: "hello", client: "karez-ts/0.1", token: "good" });
  assert.deepEqual(statuses.map((s) => s.state), ["connecting", "open"]);
});

test("a server that is gone is tried for ever, ever more rarely", async () => {
  const { net, host, karez } = setup({ transport: "ws" });
  host.randoms = () => 0.999;
  net.mode = "refuse";
  karez.connect();
  await host.advance(10 * 60_000);
  assert.ok(net.sockets.length > 50 && net.sockets.length < 75, `${net.sockets.length} tries in ten minutes`);
  assert.equal(karez.status.state, "waiting");
  net.mode = "open";
  await host.advance(15_000);
  assert.equal(karez.status.state, "open");
});

test("a connection that lasted begins the backoff anew, one that did not goes on with it", async () => {
  const { net, host, karez } = setup();
  host.randoms = () => 0.999;
  karez.connect();
  await settle();
  const waits: number[] = [];
  karez.on("status", (s) => s.state === "waiting" && waits.push(s.in));
  for (let i = 0; i < 4; i++) {
    net.last.drop();
    await host.advance(waits.at(-1)!);
  }
  assert.deepEqual(waits, [500, 500, 1000, 1999]);
  await host.advance(11_000);
  net.last.drop();
  assert.equal(waits.at(-1), 500);
});

test("a WebSocket that opens into nothing is left for a stream before anybody gives up", async () => {
  const { net, host, karez, statuses } = setup();
  net.mode = "hang";
  karez.connect();
  await host.advance(7_000);
  assert.deepEqual(statuses.flatMap((s) => (s.state === "connecting" ? [s.transport] : [])).slice(0, 2), ["ws", "sse"]);
});

test("the wait is never shorter than the server asked for", async () => {
  const { net, host, karez } = setup({ transport: "ws" });
  karez.connect();
  await settle();
  net.last.push({ type: "bye", error: { code: "unavailable", message: "too many", retry_in: 4000 } });
  await host.advance(3_999);
  assert.equal(net.sockets.length, 1);
  await host.advance(1_000);
  assert.equal(net.sockets.length, 2);
});

test("coming online, or into view, ends the wait", async () => {
  for (const why of ["online", "shown"] as const) {
    const { net, host, karez } = setup({ transport: "ws" });
    net.mode = "refuse";
    karez.connect();
    await host.advance(60_000);
    net.mode = "open";
    host.wake(why);
    await settle();
    assert.equal(karez.status.state, "open", why);
  }
});

test("silence of 45 s is the end of a connection; pings keep it", async () => {
  const { net, host, karez } = setup();
  karez.connect();
  await settle();
  const first = net.last;
  for (let i = 0; i < 8; i++) {
    await host.advance(15_000);
    first.push({ type: "ping" });
  }
  assert.equal(karez.status.state, "open");
  assert.equal(net.last, first);
  first.dead = true;
  await host.advance(44_000);
  assert.equal(karez.status.state, "open");
  await host.advance(2_000);
  assert.notEqual(net.last, first);
  assert.equal(karez.status.state, "open");
});

test("a socket that died in a sleep is found out when the page comes back", async () => {
  const { net, host, karez } = setup();
  karez.connect();
  await settle();
  net.last.dead = true;
  host.wake("shown");
  await host.advance(5_500);
  assert.equal(net.sockets.length, 2);
  assert.equal(karez.status.state, "open");
  host.wake("shown"); // alive: answers, and stays
  await host.advance(10_000);
  assert.equal(net.sockets.length, 2);
});

test("a server that accepts and says nothing is given up", async () => {
  const { net, host, karez } = setup({ transport: "ws" });
  net.mode = "hang";
  karez.connect();
  await host.advance(15_500);
  assert.ok(net.sockets.length >= 2);
});

test("an expired token is replaced by a fresh one", async () => {
  let asked = 0;
  const { server, net, host, karez } = setup({ token: async () => `t${++asked}` });
  server.tokens = new Set(["t1"]);
  karez.connect();
  await settle();
  assert.equal(karez.status.state, "open");
  net.last.drop();
  await host.advance(300);
  assert.equal(asked, 1, "a token that works is kept");
  server.tokens = new Set(["t2"]);
  net.last.push({ type: "bye", error: { code: "expired", message: "token expired" } });
  await host.advance(1000);
  assert.equal(karez.status.state, "open");
  assert.equal(asked, 2);
});

test("a renew frame is answered with a fresh token in place", async () => {
  let asked = 0;
  const { server, net, karez } = setup({ token: () => `t${++asked}` });
  karez.connect();
  await settle();
  net.last.push({ type: "renew", in: 30000 });
  await settle();
  assert.deepEqual(server.commands.at(-1), { type: "renew", token: "t2", id: 1 });
  assert.equal(net.sockets.length, 1);
});

test("the only token refused is the end, and says so", async () => {
  const { server, karez } = setup({ token: "bad" });
  server.tokens = new Set(["good"]);
  const asked = karez.channel("c").prompt({ text: "hi" });
  await assert.rejects(asked, (e) => e instanceof KarezError && e.code === "unauthorized");
  assert.equal(karez.status.state, "closed");
});

test("a token that cannot be had is asked for again", async () => {
  let asked = 0;
  const { host, karez } = setup({
    token: async () => {
      if (++asked < 3) throw new Error("the application's server is down");
      return "good";
    },
  });
  karez.connect();
  await host.advance(5000);
  assert.equal(asked, 3);
  assert.equal(karez.status.state, "open");
});

test("a prompt is sent again until it is acknowledged, and answered once", async () => {
  const { server, net, host, karez } = setup();
  server.mute = (c) => c.type === "prompt" && server.count("prompt") < 3;
  const asked = karez.channel("c").prompt({ text: "hi", id: "m1" });
  for (let i = 0; i < 3; i++) {
    await host.advance(20_000);
    net.last.drop();
  }
  await host.advance(20_000);
  assert.deepEqual(await asked, { turn: "t1", message: "m1" });
  assert.equal(server.count("prompt"), 3);
  assert.equal(server.room("c").begun.length, 1);
});

test("a publish that may have been done is not repeated", async () => {
  const { server, net, host, karez } = setup();
  karez.connect();
  await settle();
  server.mute = (c) => c.type === "publish";
  const asked = karez.channel("c").publish("vote", { n: 1 });
  await settle();
  net.last.drop();
  await assert.rejects(asked, (e) => e instanceof KarezError && e.code === "disconnected");
  const later = karez.channel("c").publish("vote", { n: 2 }); // not sent yet: it waits
  server.mute = () => false;
  await host.advance(1000);
  assert.equal(await later, 2);
});

test("an answer that asks for patience gets it", async () => {
  const { server, host, karez } = setup();
  server.refuse = (c) => (c.type === "prompt" && server.count("prompt") < 4 ? { code: "unavailable", message: "no broker", retry_in: 1000 } : undefined);
  const asked = karez.channel("c").prompt({ text: "hi" });
  await host.advance(8000);
  assert.equal((await asked).turn, "t1");
  assert.equal(server.count("prompt"), 4);
});

test("an answer that is final is told at once", async () => {
  const { server, karez } = setup();
  server.refuse = (c) => (c.type === "prompt" ? { code: "busy", message: "t1 is running" } : undefined);
  await assert.rejects(karez.channel("c").prompt({ text: "hi" }), (e) => e instanceof KarezError && e.code === "busy");
});

test("a caller may give up", async () => {
  const { net, karez } = setup();
  net.mode = "hang";
  const stop = new AbortController();
  const asked = karez.channel("c").prompt({ text: "hi" }, stop.signal);
  await settle();
  stop.abort();
  await assert.rejects(asked, (e) => e instanceof KarezError && e.code === "aborted");
});

test("close ends everything and leaves no timer", async () => {
  const { net, host, karez, statuses } = setup();
  karez.connect();
  await settle();
  const asked = karez.channel("c").history();
  karez.close();
  await asked.catch(() => {});
  assert.equal(net.last.state, "closed");
  assert.deepEqual(statuses.at(-1), { state: "closed" });
  assert.equal(host.timers, 0);
  await assert.rejects(karez.channel("c").history(), (e) => e instanceof KarezError && e.code === "closed");
});

test("a frame that is none ends the connection, which comes back", async () => {
  const { net, host, karez, statuses } = setup();
  karez.connect();
  await settle();
  net.last.onmessage?.({ data: "<html>" });
  assert.equal(statuses.at(-1)?.state, "waiting");
  await host.advance(1000);
  assert.equal(karez.status.state, "open");
});
