// A fleet of Karez: Redis, nodes, a worker that plays a script; a front that
// clients connect to, which can be cut and pointed elsewhere.
import { execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { run, start } from "./harness.mjs";

const binary = process.env.KAREZ_BIN;
const secret = "a secret of these tests, nowhere else";

async function freePort() {
  const s = createServer();
  await new Promise((done) => s.listen(0, "127.0.0.1", done));
  const { port } = s.address();
  await new Promise((done) => s.close(done));
  return port;
}

async function redis(dir) {
  const port = await freePort();
  const child = run("redis-server", ["--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", dir], { stdio: "ignore" });
  for (;;) {
    const up = await new Promise((done) => {
      const c = connect(port, "127.0.0.1", () => { c.destroy(); done(true); });
      c.on("error", () => done(false));
    });
    if (up) return { child, url: `redis://127.0.0.1:${port}/0` };
    if (child.exitCode !== null) throw new Error("redis-server ended");
    await new Promise((r) => setTimeout(r, 20));
  }
}

export class Fleet {
  static async start(steps, nodes = 2) {
    const f = new Fleet();
    f.dir = await mkdtemp(path.join(tmpdir(), "karez-socketio-"));
    f.redis = await redis(f.dir);
    f.script = path.join(f.dir, "script.jsonl");
    await writeFile(f.script, steps.map((s) => JSON.stringify(s) + "\n").join(""));
    f.nodes = await Promise.all(Array.from({ length: nodes }, () => f.serve()));
    f.worker = run(binary, ["work", "--broker", f.redis.url, "--provider", "scripted", "--script", f.script, "--lease", "2s"], { env: f.env(), stdio: "ignore" });
    return f;
  }

  env() {
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("KAREZ_")));
    return { ...env, KAREZ_JWT_SECRET: secret };
  }

  serve(listen = "127.0.0.1:0") {
    return start(binary, ["serve", "--broker", this.redis.url, "--listen", listen], this.env());
  }

  // The same node again, at the same address.
  async restart(i) {
    this.nodes[i] = await this.serve(new URL(this.nodes[i].url).host);
  }

  token(user, channels = "*=read,prompt,cancel,publish,presence") {
    return execFileSync(binary, ["token", user, "-c", channels, "--ttl", "1h"], { env: this.env() }).toString().trim();
  }

  // What the log says, by the HTTP API.
  async turn(channel, name, token) {
    const node = this.nodes.find((n) => n.alive);
    const r = await fetch(`${node.url}/v1/channels/${encodeURIComponent(channel)}/turns/${name}`, { headers: { authorization: `Bearer ${token}` } });
    if (!r.ok) throw new Error(`${r.status} ${await r.text()}`);
    return r.json();
  }

  async stop() {
    for (const n of this.nodes) await n.kill();
    const gone = Promise.all([this.worker, this.redis.child].map((c) => new Promise((done) => c.on("exit", done))));
    this.worker.kill("SIGKILL");
    this.redis.child.kill("SIGKILL");
    await gone;
    await rm(this.dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

// A front passes connections on to a target, which may change.
export async function front(target) {
  const open = new Set();
  const f = {
    target,
    refuse: false,
    server: createServer((a) => {
      if (f.refuse) return a.destroy();
      const to = new URL(f.target);
      const b = connect(to.port, to.hostname);
      open.add(a);
      const end = () => { a.destroy(); b.destroy(); open.delete(a); };
      for (const s of [a, b]) s.on("error", end).on("close", end);
      a.pipe(b);
      b.pipe(a);
    }),
    cut() { for (const s of open) s.destroy(); },
    async close() {
      f.cut();
      await new Promise((done) => f.server.close(done));
    },
  };
  await new Promise((done) => f.server.listen(0, "127.0.0.1", done));
  f.url = `http://127.0.0.1:${f.server.address().port}`;
  return f;
}

// A view folds what a client is sent, and notes whatever must not happen.
export class View {
  constructor(socket) {
    this.turns = new Map();
    this.wrong = [];
    for (const [event, fold] of Object.entries({
      "turn.delta": (t, b) => this.add(t, "text", b, b.text),
      "turn.reasoning": (t, b) => this.add(t, "reasoning", b, b.text),
      "turn.reset": (t, b) => this.cut(t, b),
      "turn.audio": (t, b) => t.audio.push(...b.data),
      "turn.prompt": (t, b) => (t.prompt = b.prompt),
      "turn.done": (t) => (t.state = "completed"),
      "turn.cancelled": (t) => (t.state = "cancelled"),
      "turn.failed": (t) => (t.state = "failed"),
    })) {
      socket.on(event, (b, offset) => {
        const t = this.turn(b.turn);
        if (typeof offset !== "string" || offset === "") this.wrong.push(`${event} without an offset`);
        if (b.seq <= t.seq) this.wrong.push(`${event} at ${b.seq} after ${t.seq}`);
        if (t.state) this.wrong.push(`${event} after the end`);
        t.seq = b.seq;
        t.events.push(event);
        fold(t, b);
      });
    }
    socket.on("lost", (b) => this.wrong.push(`lost: ${JSON.stringify(b)}`));
  }

  turn(name) {
    if (!this.turns.has(name)) this.turns.set(name, { seq: 0, parts: [], audio: [], events: [], state: "" });
    return this.turns.get(name);
  }

  add(t, kind, b, text) {
    const id = b.part ?? "";
    let p = t.parts.find((q) => q.kind === kind && q.part === id);
    if (!p) t.parts.push((p = { kind, part: id, text: "" }));
    p.text += text;
  }

  cut(t, b) {
    const kept = b.data.parts ?? [];
    t.parts = t.parts.flatMap((p) => {
      const k = kept.find((q) => q.kind === p.kind && (q.part ?? "") === p.part);
      return k ? [{ ...p, text: Buffer.from(p.text).subarray(0, k.bytes).toString() }] : [];
    });
  }

  text(name) {
    return this.turn(name).parts.filter((p) => p.kind === "text").map((p) => p.text).join("");
  }
}

export function textOf(turn) {
  return (turn.parts ?? []).filter((p) => p.kind === "text").map((p) => p.text).join("");
}
