// What the browser tests share: a karez of their own, a Chromium, and pages
// that remember whatever went wrong in them.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { chromium } from "playwright-core";

/** Milliseconds after which a wait has failed; only a failure takes so long. */
export const patience = 30_000;

const binary = process.env.KAREZ_BIN;
assert.ok(binary, "KAREZ_BIN is not set: start the tests with test/browser/run");

/** A temporary folder, gone with the test. */
export async function folder(t) {
  const dir = await mkdtemp(path.join(tmpdir(), "karez-browser-"));
  t.after(() => rm(dir, { recursive: true, force: true, maxRetries: 5 }));
  return dir;
}

/** Writes a script for the scripted provider, a step an element. */
export async function script(dir, steps) {
  const file = path.join(dir, "script.jsonl");
  await writeFile(file, steps.map((s) => JSON.stringify(s) + "\n").join(""));
  return file;
}

/** A running `karez dev`; with steps it plays them, else it is the demo. */
export class Karez {
  /** Starts one for the length of a test. */
  static async start(t, steps) {
    const k = new Karez();
    k.dir = await folder(t);
    k.args = steps ? ["--provider", "scripted", "--script", await script(k.dir, steps)] : ["--provider", "demo"];
    k.listen = "127.0.0.1:0";
    t.after(() => k.kill());
    await k.run();
    k.listen = new URL(k.url).host; // the same when it is run again
    return k;
  }

  /** Runs it, again with the same port and data. */
  async run() {
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("KAREZ_")));
    const args = ["dev", "--listen", this.listen, "--data", path.join(this.dir, "data"), ...this.args];
    this.process = spawn(binary, args, { cwd: this.dir, env, stdio: ["ignore", "pipe", "pipe"] });
    this.output = "";
    this.gone = once(this.process, "exit");
    for (const s of [this.process.stdout, this.process.stderr]) s.on("data", (b) => (this.output += b));
    this.url = await until(() => {
      assert.equal(this.process.exitCode, null, `karez ended:\n${this.output}`);
      return /listening on (http:\S+)/.exec(this.output)?.[1];
    }, "karez listens");
  }

  /** As a crash does. */
  async kill() {
    if (this.process.exitCode === null && this.process.signalCode === null) this.process.kill("SIGKILL");
    await this.gone;
  }

  /** The turn as the log has it, by the HTTP API. */
  async turn(page, turn) {
    const token = (await (await fetch(`${this.url}/v1/dev/token`)).json()).token;
    const at = `${this.url}/v1/channels/${encodeURIComponent(channelOf(page))}/turns/${turn}`;
    const res = await fetch(at, { headers: { Authorization: `Bearer ${token}` } });
    assert.equal(res.status, 200, await res.clone().text());
    const log = await res.json();
    return { ...log, text: (log.parts ?? []).filter((p) => p.kind === "text").map((p) => p.text).join("") };
  }
}

/** A network between page and server that can be cut: connections break, new ones too. */
export class Wire {
  static async lay(t, karez) {
    const w = new Wire();
    w.whole = true;
    w.sockets = new Set();
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

  cut() {
    this.whole = false;
    for (const s of this.sockets) s.destroy();
  }

  mend() {
    this.whole = true;
  }
}

/** A Chromium for the tests of one file. */
export async function launch(t) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  t?.after(() => browser.close());
  return browser;
}

/** A browser's profile of its own: one user, any number of tabs. */
export async function profile(t, browser, options = {}) {
  const context = await browser.newContext(options);
  t.after(() => context.close());
  context.setDefaultTimeout(patience);
  context.wrong = [];
  context.on("page", (page) => {
    page.on("pageerror", (e) => context.wrong.push(`uncaught: ${e.stack ?? e}`));
    page.on("console", (m) => {
      if (m.type() === "error" || m.type() === "warning") context.wrong.push(`${m.type()}: ${m.text()} (${m.location().url})`);
    });
  });
  return context;
}

/** Fails if a page complained. The network's own complaints may be expected. */
export function noComplaints(context, { network = false } = {}) {
  const expected = /net::ERR_|WebSocket connection to|Failed to load resource/;
  assert.deepEqual(context.wrong.filter((w) => !(network && expected.test(w))), []);
}

/** Opens the page and waits until it can be used. */
export async function open(context, karez, hash = "") {
  const page = await context.newPage();
  await page.goto(`${karez.url}/${hash}`);
  await connected(page);
  return page;
}

export async function connected(page) {
  await page.locator(".dot.ok").waitFor();
}

/** Writes a message and sends it. */
export async function ask(page, text) {
  await page.locator("#composer").fill(text);
  await page.keyboard.press("Enter");
}

/** What the page shows of each turn, as a reader would read it. */
export function shown(page) {
  return page.evaluate(() => {
    // Our paragraphs back into the text that they were made of.
    const text = (el) => {
      if (el.nodeType === Node.TEXT_NODE) return el.data;
      if (el.nodeName === "BR") return "\n";
      return [...el.childNodes].map(text).join("");
    };
    return [...document.querySelectorAll(".turn")].map((el) => ({
      turn: el.dataset.turn,
      state: el.dataset.state,
      asked: el.querySelector(".bubble")?.textContent ?? "",
      answer: [...el.querySelectorAll(".answer > .prose")].map((p) => [...p.children].map(text).join("\n\n")).join("\n\n"),
      version: el.querySelector(".branches span")?.textContent ?? "",
    }));
  });
}

/** The channel of the conversation that the page shows. */
export function channelOf(page) {
  return decodeURIComponent(new URL(page.url()).hash.slice(1));
}

/** A step that says so many words of more than ASCII, and what they come to. */
export function words(n, every, more = {}) {
  const text = (i) => `Wort ${i} fließt – 🟦 weiter. `;
  return {
    step: { text: text("{i}"), repeat: n, every, ...more },
    text: Array.from({ length: n }, (_, i) => text(i)).join(""),
  };
}

/** An answer that outlasts any test, to be stopped: what it shows does not depend on the machine's load. */
export const endless = words(20_000, "20ms");

/** Fails unless the last turn was stopped in the middle of endless, and page and log have the same of it. */
export async function stopped(page, karez) {
  const seen = await last(page, { state: "cancelled" });
  assert.ok(endless.text.startsWith(seen.answer) && seen.answer.length < endless.text.length - 1);
  assert.equal((await karez.turn(page, seen.turn)).text.trim(), seen.answer);
  return seen;
}

/** Fails unless page and log both have exactly this text, once. */
export async function exactly(page, karez, text, state = "completed") {
  const seen = await last(page, { state });
  assert.equal(seen.answer, text.trim());
  const log = await karez.turn(page, seen.turn);
  assert.equal(log.state, state);
  assert.equal(log.text, text);
  return seen;
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

/** Waits for the last turn to reach a state, or to show some text. */
export async function last(page, { state, has } = {}) {
  let seen;
  try {
    return await until(async () => {
      seen = (await shown(page)).at(-1);
      return seen && (!state || seen.state === state) && (!has || seen.answer.includes(has)) && seen;
    }, `the last turn is ${state ?? "there"}${has ? ` and shows ${has}` : ""}`);
  } catch (e) {
    throw new Error(`${e.message}; it is ${JSON.stringify(seen)}`);
  }
}
