import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { Karez } from "../src/karez.js";
import type { PresenceEvent } from "../src/presence.js";
import { FakeHost, settle } from "./clock.js";
import { Network, Server } from "./server.js";

const ada = { id: "ada", kind: "person", info: { name: "Ada" } };
const bob = { id: "bob", kind: "person" };
const agent = (state: string) => ({ id: "agent", kind: "agent", state });

function setup() {
  const server = new Server();
  const net = new Network(server);
  const host = new FakeHost();
  const karez = new Karez({ url: "http://x", token: "good", transport: "ws", env: host.env(net.WebSocket) });
  const { presence } = karez.channel("c");
  const seen: PresenceEvent[] = [];
  presence.on((ev) => seen.push(ev));
  const push = (p: unknown) => [...server.sessions][0]!.push({ type: "presence", channel: "c", presence: p });
  return { server, net, host, karez, presence, seen, push };
}

test("members are what the server's changes make of them", async () => {
  const { server, presence, seen, push } = setup();
  server.refuse = () => undefined;
  presence.join({ name: "Ada" });
  await settle();
  const { id, ...sent } = server.commands.at(-1)!;
  assert.deepEqual(sent, { type: "join", channel: "c", data: { name: "Ada" } });
  assert.ok(id);
  push({ full: true, here: [ada] });
  push({ joined: [bob, agent("waiting")] });
  push({ changed: [agent("streaming")] });
  assert.deepEqual(presence.members, [ada, bob, agent("streaming")]);
  push({ left: [bob] });
  assert.deepEqual(presence.members, [ada, agent("streaming")]);
  assert.deepEqual(seen.map((e) => e.type === "presence" && [e.joined.length, e.left.length, e.changed.length]), [[1, 0, 0], [2, 0, 0], [0, 0, 1], [0, 1, 0]]);
  presence.leave();
  await settle();
  assert.equal(server.commands.at(-1)!.type, "leave");
  push({ joined: [bob] }); // late
  assert.deepEqual(presence.members, []);
});

test("joins again after a break, and tells what is different", async () => {
  const { server, net, host, presence, seen, push } = setup();
  presence.join({ name: "Ada" }, "away");
  await settle();
  push({ full: true, here: [ada, bob] });
  net.last.drop();
  await host.advance(1000);
  assert.equal(server.count("join"), 2);
  assert.equal(server.commands.at(-1)!.state, "away");
  push({ full: true, here: [ada, agent("waiting")] });
  const last = seen.at(-1)!;
  assert.ok(last.type === "presence");
  assert.deepEqual([last.joined, last.left, last.changed], [[agent("waiting")], [bob], []]);
});

test("a refusal ends it with an error", async () => {
  const { server, presence, seen } = setup();
  server.refuse = (c) => (c.type === "presence" ? { code: "forbidden", message: "no" } : undefined);
  presence.watch();
  await settle();
  const last = seen.at(-1)!;
  assert.ok(last.type === "error" && last.error.code === "forbidden");
  server.refuse = () => undefined;
});

test("an event stream asks for presence beside what it follows", async (t) => {
  const bodies: { follow: unknown[]; join?: unknown[]; presence?: unknown[] }[] = [];
  const http = createServer(async (req, res) => {
    let body = "";
    for await (const chunk of req) body += chunk;
    bodies.push(JSON.parse(body) as (typeof bodies)[0]);
    res.writeHead(200, { "Content-Type": "text/event-stream" });
    const say = (f: unknown) => res.write(`data: ${JSON.stringify(f)}\n\n`);
    say({ type: "welcome", session: "s1", user: "ada" });
    say({ type: "reply", id: 1 });
    say({ type: "presence", channel: "c", presence: { full: true, here: [ada] } });
  });
  await new Promise<void>((ok) => http.listen(0, "127.0.0.1", ok));
  t.after(() => {
    http.closeAllConnections();
    http.close();
  });
  const karez = new Karez({ url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`, token: "good", transport: "sse" });
  t.after(() => karez.close());
  const { presence } = karez.channel("c");
  const told = new Promise<PresenceEvent>((ok) => presence.on(ok));
  presence.join();
  const ev = await told;
  assert.ok(ev.type === "presence");
  assert.deepEqual(ev.members, [ada]);
  assert.deepEqual([bodies[0]!.follow.length, bodies[0]!.join?.length, bodies[0]!.presence], [0, 1, undefined]);
});
