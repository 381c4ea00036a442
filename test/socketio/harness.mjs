// What the tests share: processes that end with them, clients, waiting.
import { spawn } from "node:child_process";
import { createServer, request } from "node:http";
import { io } from "socket.io-client";

export const patience = 30_000;

// Whatever is started ends with the tests, however they end.
const children = new Set();
export function run(path, args, options) {
  const child = spawn(path, args, options);
  children.add(child);
  child.on("exit", () => children.delete(child));
  return child;
}
process.on("exit", () => { for (const c of children) c.kill("SIGKILL"); });
for (const s of ["SIGTERM", "SIGINT"]) process.on(s, () => process.exit(1));

// start runs a program and waits for the address that it prints.
export async function start(path, args = [], env = {}) {
  const child = run(path, args, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  const url = await new Promise((done, fail) => {
    const hear = (p) => {
      said += p;
      const m = said.match(/http:\/\/(?:127\.0\.0\.1|localhost):(\d+)/);
      if (m) done(`http://127.0.0.1:${m[1]}`);
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.on("exit", (code) => fail(new Error(`${path} ended with ${code}: ${said}`)));
  });
  child.removeAllListeners("exit");
  const gone = new Promise((done) => child.on("exit", done));
  return {
    url,
    said: () => said,
    alive: true,
    async kill() {
      this.alive = false;
      child.kill("SIGKILL");
      await gone;
    },
  };
}

export function client(url, opts) {
  return io(url, { forceNew: true, ...opts });
}

// once waits for an event's next arguments.
export function once(emitter, event) {
  return new Promise((done, fail) => {
    const late = setTimeout(() => fail(new Error(`no ${event} within ${patience} ms`)), patience);
    emitter.once(event, (...args) => {
      clearTimeout(late);
      done(args);
    });
  });
}

// until waits until f is true, looking when the emitter has heard anything.
export async function until(emitter, f) {
  if (f()) return;
  await new Promise((done, fail) => {
    const late = setTimeout(() => fail(new Error(`not within ${patience} ms: ${f}`)), patience);
    const look = () => {
      if (!f()) return;
      clearTimeout(late);
      emitter.offAny(look);
      done();
    };
    emitter.onAny(() => queueMicrotask(look)); // after the event's own listeners
  });
}

export function disconnect(s) {
  s.disconnect();
  s.io._close();
}

// A tcp-level proxy of HTTP that refuses upgrades, as some companies' do.
export async function proxy(target, { upgrades = false } = {}) {
  const open = new Set();
  const server = createServer((req, res) => {
    const to = new URL(req.url, target);
    const up = request(to, { method: req.method, headers: { ...req.headers, host: to.host } }, (r) => {
      res.writeHead(r.statusCode, r.headers);
      r.pipe(res);
    });
    up.on("error", () => res.destroy());
    res.on("close", () => up.destroy());
    req.pipe(up);
  });
  server.on("upgrade", (req, socket) => {
    if (!upgrades) socket.end("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
  });
  server.on("connection", (s) => {
    open.add(s);
    s.on("close", () => open.delete(s));
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    cut() { for (const s of open) s.destroy(); },
    close() { this.cut(); server.close(); },
  };
}
