import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { KarezError } from "../src/errors.js";
import { fold, textOf } from "../src/fold.js";
import { Karez } from "../src/karez.js";
import type { KarezOptions } from "../src/karez.js";
import { EventStreamParser } from "../src/sse.js";
import type { Command } from "../src/wire.js";
import { Network, Server } from "./server.js";

/** The native protocol over HTTP, in front of a Server. */
class HTTP {
  readonly server = new Server();
  streams: ServerResponse[] = [];
  requests: IncomingMessage[] = [];
  http = createServer((req, res) => void this.#serve(req, res));

  async start(t: TestContext): Promise<string> {
    await new Promise<void>((ok) => this.http.listen(0, "127.0.0.1", ok));
    t.after(() => {
      this.http.closeAllConnections();
      this.http.close();
    });
    return `http://127.0.0.1:${(this.http.address() as AddressInfo).port}`;
  }

  async #serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    this.requests.push(req);
    let body = "";
    for await (const chunk of req) body += chunk;
    const token = (req.headers.authorization ?? "").replace("Bearer ", "");
    if (this.server.tokens && !this.server.tokens.has(token)) {
      res.writeHead(401, { "Content-Type": "application/json" });
      return void res.end(JSON.stringify({ type: "error", error: { code: "expired", message: "token expired" } }));
    }
    if (req.url === "/v1/command") {
      const c = JSON.parse(body) as Command;
      const answer = this.server.run(c, undefined);
      res.writeHead(200, { "Content-Type": "application/json" });
      return void res.end(JSON.stringify(answer ?? { type: "reply" }) + "\n");
    }
    const { follow } = JSON.parse(body) as { follow: Command[] };
    res.writeHead(200, { "Content-Type": "text/event-stream" });
    this.streams.push(res);
    const s = this.server.welcome((f) => res.write(`data: ${JSON.stringify(f)}\n\n: ping\n\n`));
    res.on("close", () => this.server.gone(s));
    follow.forEach((c, i) => this.server.run({ ...c, type: "follow", id: i + 1 }, s));
  }
}

async function setup(t: TestContext, o: Partial<KarezOptions> = {}) {
  const http = new HTTP();
  const url = await http.start(t);
  const net = new Network(http.server);
  net.mode = "refuse"; // a network that lets no WebSocket through
  const karez = new Karez({ url, token: "good", WebSocket: net.WebSocket, env: { random: () => 0.01 }, ...o });
  t.after(() => karez.close());
  return { http, server: http.server, net, karez };
}

function until(karez: Karez, done: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`still ${JSON.stringify(karez.status)}`)), 5000);
    const look = setInterval(() => {
      if (!done()) return;
      clearInterval(look);
      clearTimeout(late);
      resolve();
    }, 2);
  });
}

test("the parser takes a stream in any pieces", () => {
  const stream = 'data: {"a":1}\n\n: ping\n\ndata:x\r\ndata: y\r\n\r\nevent: z\ndata: last\n\ndata: unfinished\n';
  for (let size = 1; size < stream.length; size++) {
    const p = new EventStreamParser();
    const out: string[] = [];
    for (let i = 0; i < stream.length; i += size) out.push(...p.push(stream.slice(i, i + size)));
    assert.deepEqual(out, ['{"a":1}', "x\ny", "last"], `pieces of ${size}`);
  }
});

test("falls back to an event stream where no WebSocket opens", async (t) => {
  const { server, net, karez } = await setup(t);
  const conv = karez.conversation("c");
  await until(karez, () => conv.getSnapshot().ready);
  assert.equal(net.sockets.length, 2);
  assert.deepEqual(karez.status.state === "open" && karez.status.transport, "sse");
  conv.send("hi");
  await until(karez, () => conv.getSnapshot().live?.turn !== undefined && conv.getSnapshot().live?.turn !== "");
  const turn = conv.getSnapshot().live!.turn;
  server.append("c", turn, { kind: "text", text: "Hello, " });
  server.append("c", turn, { kind: "text", text: "🌊" }, { kind: "end" });
  await until(karez, () => conv.getSnapshot().live === undefined);
  assert.equal(conv.getSnapshot().turns[0]!.parts[0]!.text, "Hello, 🌊");
});

test("a stream that is cut goes on where it was", async (t) => {
  const { http, server, karez } = await setup(t, { transport: "sse" });
  const ch = karez.channel("c");
  let text = "";
  ch.on((ev) => {
    if (ev.type === "event" && ev.event.kind === "text") text += ev.event.text;
  });
  await ch.follow();
  const { turn } = await ch.prompt({ text: "hi" });
  for (let i = 0; i < 30; i++) {
    server.append("c", turn, { kind: "text", text: `${i} ` });
    if (i % 7 === 3) {
      http.streams.at(-1)!.destroy();
      await until(karez, () => karez.status.state !== "open" || http.streams.at(-1)!.destroyed === false);
    }
  }
  server.append("c", turn, { kind: "end" });
  await until(karez, () => !ch.follows(turn));
  assert.equal(text, textOf(fold(server.room("c").turns.get(turn)!)));
});

test("following another channel restarts the stream and loses nothing", async (t) => {
  const { http, server, karez } = await setup(t, { transport: "sse" });
  const a = karez.channel("a");
  await a.follow();
  const { turn } = await a.prompt({ text: "hi" });
  server.append("a", turn, { kind: "text", text: "one" });
  await karez.channel("b").follow();
  assert.equal(http.streams.length, 2);
  server.append("a", turn, { kind: "text", text: " two" }, { kind: "end" });
  await until(karez, () => !a.follows(turn));
  assert.equal(server.sessions.size, 1);
});

test("commands need no stream, and keep their order", async (t) => {
  const { http, server, karez } = await setup(t, { transport: "sse" });
  const ch = karez.channel("c");
  const all = await Promise.all([ch.prompt({ text: "1", id: "a" }), ch.cancel({ message: "a" }), ch.publish("x", 1)]);
  assert.equal(all[0].turn, "t1");
  assert.deepEqual(server.commands.map((c) => c.type), ["prompt", "cancel", "publish"]);
  assert.equal(http.streams.length, 0);
});

test("an expired token is replaced, and the command repeated", async (t) => {
  let asked = 0;
  const { server, karez } = await setup(t, { transport: "sse", token: () => `t${++asked}` });
  const ch = karez.channel("c");
  await ch.follow();
  server.tokens = new Set(["t2"]);
  assert.equal((await ch.prompt({ text: "hi" })).turn, "t1");
  assert.equal(asked, 2);
});

test("errors of the server are typed, those of a proxy are connection errors", async (t) => {
  const { http, server, karez } = await setup(t, { transport: "sse" });
  server.refuse = (c) => (c.type === "prompt" ? { code: "forbidden", message: "no" } : undefined);
  await assert.rejects(karez.channel("c").prompt({ text: "hi" }), (e) => e instanceof KarezError && e.code === "forbidden");
  http.http.removeAllListeners("request");
  http.http.on("request", (_req, res: ServerResponse) => res.writeHead(502).end("<h1>Bad Gateway</h1>"));
  const stop = new AbortController();
  const asked = karez.channel("c").prompt({ text: "hi" }, stop.signal);
  await until(karez, () => karez.status.state === "waiting" && karez.status.error.message.includes("502"));
  stop.abort();
  await assert.rejects(asked, { code: "aborted" });
});

test("goes back to a WebSocket when one opens", async (t) => {
  const later: (() => void)[] = [];
  const { http, server, net, karez } = await setup(t, {
    env: {
      random: () => 0.01,
      setTimeout: (fn, ms) => (ms === 10_000 ? later.push(fn) : setTimeout(fn, ms)), // the next try with a WebSocket
      clearTimeout: (x) => clearTimeout(x as number),
    },
  });
  const ch = karez.channel("c");
  let text = "";
  ch.on((ev) => {
    if (ev.type === "event" && ev.event.kind === "text") text += ev.event.text;
  });
  await ch.follow();
  const { turn } = await ch.prompt({ text: "hi" });
  server.append("c", turn, { kind: "text", text: "one " });
  await until(karez, () => text === "one ");
  net.mode = "open";
  assert.equal(later.length, 1);
  later[0]!();
  await until(karez, () => karez.status.state === "open" && karez.status.transport === "ws");
  server.append("c", turn, { kind: "text", text: "two" });
  await until(karez, () => text === "one two");
  await until(karez, () => http.streams.at(-1)!.destroyed);
  assert.equal(server.sessions.size, 1);
});
