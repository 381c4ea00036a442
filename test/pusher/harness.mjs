// What the tests share: a karez of their own, a back end that authorizes and
// hears webhooks, clients that remember what they heard.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, request } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import Server from "pusher";
import Pusher from "pusher-js";

/** Milliseconds after which a wait has failed; only a failure takes so long. */
export const patience = 60_000;

/** The key of encrypted channels; only the back end has it. */
const master = Buffer.alloc(32, 7).toString("base64");

/** Waits until f gives something, looking often. */
export async function until(f, what) {
  const end = Date.now() + patience;
  for (;;) {
    const v = await f();
    if (v) return v;
    if (Date.now() > end) throw new Error(`not within ${patience} ms: ${what ?? f}`);
    await new Promise((done) => setTimeout(done, 10));
  }
}

/** A temporary folder, gone with the test. */
async function folder(t) {
  const dir = await mkdtemp(path.join(tmpdir(), "karez-pusher-"));
  t.after(() => rm(dir, { recursive: true, force: true, maxRetries: 5 }));
  return dir;
}

/** Starts a program for the length of a test and waits for the address it prints. */
export async function start(t, program, args, says) {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("KAREZ_")));
  const child = spawn(program, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  const gone = once(child, "exit");
  let said = "";
  for (const s of [child.stdout, child.stderr]) s.on("data", (b) => (said += b));
  t.after(async () => {
    child.kill("SIGKILL");
    await gone;
  });
  const url = await until(() => {
    assert.equal(child.exitCode, null, `${program} ended:\n${said}`);
    return says.exec(said)?.[1];
  }, `${program} listens`);
  return { child, url };
}

/** A running karez whose answers follow steps, with one Pusher app. */
export async function karez(t, { app = {}, steps = [{ text: "Hello." }] } = {}) {
  const dir = await folder(t);
  const all = { id: "4711", key: "app-key", secret: "app-secret", app: "app", prompts: true, ...app };
  await writeFile(path.join(dir, "apps.json"), JSON.stringify({ apps: [all] }));
  await writeFile(path.join(dir, "script.jsonl"), steps.map((s) => JSON.stringify(s) + "\n").join(""));
  const args = ["dev", "--listen", "127.0.0.1:0", "--data", path.join(dir, "data"), "--provider", "scripted"];
  args.push("--script", path.join(dir, "script.jsonl"), "--pusher-apps", path.join(dir, "apps.json"));
  const { child, url } = await start(t, process.env.KAREZ_BIN, args, /listening on (http:\S+)/);
  const { port } = new URL(url);
  const server = new Server({ appId: all.id, key: all.key, secret: all.secret, host: "127.0.0.1", port, useTLS: false, encryptionMasterKeyBase64: master });
  return { child, url, port: Number(port), app: all, server };
}

/** An HTTP server on a free port for the length of a test. */
async function listen(t, handler) {
  const server = createServer(handler);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { server, port: server.address().port };
}

function body(req) {
  return new Promise((done) => {
    const chunks = [];
    req.on("data", (b) => chunks.push(b));
    req.on("end", () => done(Buffer.concat(chunks).toString()));
  });
}

/** A back end as Laravel's: it authorizes user, whom a bearer token names. */
export async function backend(t, k) {
  const { port } = await listen(t, async (req, res) => {
    const form = new URLSearchParams(await body(req));
    const user = /^Bearer (\w+)$/.exec(req.headers.authorization ?? "")?.[1];
    const [socket, channel] = [form.get("socket_id"), form.get("channel_name")];
    if (!user || channel?.includes("forbidden")) return res.writeHead(403).end("no");
    res.writeHead(200, { "Content-Type": "application/json" });
    if (req.url === "/broadcasting/user-auth") return res.end(JSON.stringify(k.server.authenticateUser(socket, { id: user, watchlist: ["bob"] })));
    const member = channel.startsWith("presence-") ? { user_id: user, user_info: { name: user.toUpperCase() } } : undefined;
    res.end(JSON.stringify(k.server.authorizeChannel(socket, channel, member)));
  });
  return `http://127.0.0.1:${port}`;
}

/** A receiver of webhooks: what it heard and could check, answering as told. */
export async function receiver(t) {
  const r = { events: [], invalid: 0, refused: 0, status: 200, server: null };
  const { port } = await listen(t, async (req, res) => {
    const rawBody = await body(req);
    if (r.status !== 200) return r.refused++, res.writeHead(r.status).end();
    const hook = r.server.webhook({ headers: req.headers, rawBody });
    if (hook.isValid()) r.events.push(...hook.getEvents());
    else r.invalid++;
    res.end();
  });
  r.url = `http://127.0.0.1:${port}/hook`;
  return r;
}

/** What pusher-js is given to reach karez, or a proxy before it. */
export function options(k, auth, user, more = {}) {
  const port = more.port ?? k.port;
  return {
    cluster: "none", wsHost: "127.0.0.1", wsPort: port, httpHost: "127.0.0.1", httpPort: port, forceTLS: false, enableStats: false,
    channelAuthorization: { endpoint: `${auth}/broadcasting/auth`, transport: "ajax", headers: { Authorization: `Bearer ${user}` } },
    userAuthentication: { endpoint: `${auth}/broadcasting/user-auth`, transport: "ajax", headers: { Authorization: `Bearer ${user}` } },
    ...more.pusher,
  };
}

/** A pusher-js client for the length of a test, connected. heard is all it heard. */
export async function client(t, k, auth, user, more = {}) {
  const p = new Pusher(k.app.key, options(k, auth, user, { ...more, pusher: { enabledTransports: ["ws"], ...more.pusher } }));
  t.after(() => p.disconnect());
  p.heard = [];
  p.bind_global((event, data) => p.heard.push({ event, data }));
  p.errors = [];
  p.connection.bind("error", (e) => p.errors.push(e));
  await until(() => p.connection.state === "connected", "connected");
  return p;
}

/** Waits for what p heard under a name, the nth time. */
export function heard(p, event, n = 1) {
  return until(() => p.heard.filter((h) => h.event === event)[n - 1], event);
}

/** Subscribes and waits for the answer. */
export async function subscribed(p, name) {
  const ch = p.subscribe(name);
  await new Promise((done, fail) => {
    ch.bind("pusher:subscription_succeeded", done);
    ch.bind("pusher:subscription_error", (e) => fail(new Error(JSON.stringify(e))));
  });
  return ch;
}

/** The text of the turns that a client heard, by turn, as an application folds them. */
export function answers(p) {
  const out = {};
  for (const { event, data } of p.heard) {
    if (event === "turn.started") out[data.turn] = "";
    if (event === "turn.delta") out[data.turn] += data.text;
  }
  return out;
}

/**
 * A proxy that refuses WebSockets, as some companies' do, and can cut what it
 * carries. files, by path, it serves itself; what belongs to the back end at
 * auth goes there.
 */
export async function proxy(t, k, { websockets = false, files = {}, auth } = {}) {
  const open = new Set();
  const { server, port } = await listen(t, (req, res) => {
    if (files[req.url]) return res.writeHead(200, { "Content-Type": req.url.endsWith(".js") ? "text/javascript" : "text/html" }).end(files[req.url]);
    const to = auth && req.url.startsWith("/broadcasting/") ? Number(new URL(auth).port) : k.port;
    const up = request({ host: "127.0.0.1", port: to, path: req.url, method: req.method, headers: req.headers }, (answer) => {
      res.writeHead(answer.statusCode, answer.headers);
      answer.pipe(res);
    });
    up.on("error", () => res.destroy());
    res.on("close", () => up.destroy());
    req.pipe(up);
  });
  server.on("connection", (s) => {
    open.add(s);
    s.on("close", () => open.delete(s));
  });
  const paths = [];
  server.on("request", (req) => paths.push(req.url));
  server.on("upgrade", (req, socket, head) => {
    if (!websockets) return socket.end("HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n");
    const up = request({ host: "127.0.0.1", port: k.port, path: req.url, headers: req.headers });
    up.on("upgrade", (answer, there, rest) => {
      socket.write(`HTTP/1.1 101 Switching Protocols\r\n${answer.rawHeaders.map((h, i) => h + (i % 2 ? "\r\n" : ": ")).join("")}\r\n`);
      there.write(head);
      socket.write(rest);
      there.pipe(socket).pipe(there);
      socket.on("close", () => there.destroy());
      for (const s of [socket, there]) s.on("error", () => {});
    });
    up.end();
  });
  return { port, paths, refuse: () => (websockets = false), cut: () => open.forEach((s) => s.destroy()) };
}
