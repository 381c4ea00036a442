// What the tests share: a karez of their own that plays a script, and a network
// that can be cut.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";

/** Milliseconds after which a wait has failed; only a failure takes so long. */
export const patience = 60_000;

const binary = process.env.KAREZ_BIN;
assert.ok(binary, "KAREZ_BIN is not set: start the tests with test/egress/run");

/** A running `karez dev` that plays a script. */
export class Karez {
  /** Starts one for the length of a test; steps are those of the scripted provider. */
  static async start(t, steps) {
    const k = new Karez();
    k.dir = await mkdtemp(path.join(tmpdir(), "karez-egress-"));
    const file = path.join(k.dir, "script.jsonl");
    await writeFile(file, steps.map((s) => JSON.stringify(s) + "\n").join(""));
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("KAREZ_")));
    k.process = spawn(binary, ["dev", "--listen", "127.0.0.1:0", "--data", path.join(k.dir, "data"), "--provider", "scripted", "--script", file], { cwd: k.dir, env });
    k.output = "";
    const gone = once(k.process, "exit");
    for (const s of [k.process.stdout, k.process.stderr]) s.on("data", (b) => (k.output += b));
    t.after(async () => {
      if (k.process.exitCode === null && k.process.signalCode === null) k.process.kill("SIGKILL");
      await gone;
      await rm(k.dir, { recursive: true, force: true, maxRetries: 5 });
    });
    k.url = await until(() => {
      assert.equal(k.process.exitCode, null, `karez ended:\n${k.output}`);
      return /listening on (http:\S+)/.exec(k.output)?.[1];
    }, "karez listens");
    k.url = k.url.replace("localhost", "127.0.0.1");
    return k;
  }

  async api(path) {
    this.token ??= (await (await fetch(`${this.url}/v1/dev/token`)).json()).token;
    const res = await fetch(`${this.url}${path}`, { headers: { Authorization: `Bearer ${this.token}` } });
    assert.equal(res.status, 200, await res.clone().text());
    return res.json();
  }

  /** A turn as the log has it, by the HTTP API. */
  async turn(channel, turn) {
    const log = await this.api(`/v1/channels/${encodeURIComponent(channel)}/turns/${turn}`);
    return { ...log, text: textOf(log.parts) };
  }

  /** Waits until a turn is in a state. */
  ended(channel, turn, state) {
    return until(async () => {
      const log = await this.turn(channel, turn);
      return log.state === state && log;
    }, `${turn} is ${state}`);
  }
}

const textOf = (parts) => (parts ?? []).filter((p) => p.kind === "text").map((p) => p.text).join("");

/** The text of a UI message. */
export const said = (message) => message.parts.filter((p) => p.type === "text").map((p) => p.text).join("");

/** A network between client and server that can be cut. */
export class Wire {
  static async lay(t, karez) {
    const w = new Wire();
    w.sockets = new Set();
    w.whole = true;
    const server = createServer((near) => {
      if (!w.whole) return near.destroy();
      const far = connect(new URL(karez.url).port, "127.0.0.1");
      for (const s of [near, far]) {
        w.sockets.add(s);
        s.on("error", () => {});
        s.on("close", () => (w.sockets.delete(s), near.destroy(), far.destroy()));
      }
      near.pipe(far).pipe(near);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    t.after(() => (w.cut(), server.close()));
    w.url = `http://127.0.0.1:${server.address().port}`;
    return w;
  }

  /** Breaks all connections; new ones are made. */
  cut() {
    for (const s of this.sockets) s.destroy();
  }
}

/** Waits until what fn returns is true, and returns it. */
export async function until(fn, what, ms = patience) {
  const end = Date.now() + ms;
  for (let wait = 5; ; wait = Math.min(wait * 2, 100)) {
    const v = await fn();
    if (v) return v;
    if (Date.now() > end) throw new Error(`still not after ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

const word = (i) => `Wort ${i} fließt – 🟦 weiter. `;

/** A step that says so many words of more than ASCII, and what they come to. */
export function words(n, every, more = {}) {
  return { step: { text: word("{i}"), repeat: n, every, ...more }, text: Array.from({ length: n }, (_, i) => word(i)).join("") };
}

/** An answer that outlasts any test, to be stopped: what it shows does not depend on the machine's load. */
export const endless = words(20_000, "20ms");

export const user = (id, text) => ({ id, role: "user", parts: [{ type: "text", text }] });

let made = 0;
/** A name that no other test has. */
export const fresh = (what) => `${what}-${process.pid}-${made++}`;
