// The link for networks without WebSocket: frames come as server-sent events
// of one POST, commands go as POSTs of their own.

import type { Env } from "./env.js";
import { KarezError, asKarezError } from "./errors.js";
import { httpError, lost } from "./link.js";
import type { Link, LinkHost } from "./link.js";
import { decode } from "./wire.js";
import type { Command, Frame } from "./wire.js";

// The server takes at most 30 s for a command.
const commandTime = 40_000;

// Signals are not kept anywhere: past this many unsent posts they are dropped.
const maxQueued = 16;

/** Splits text into the data of server-sent events. Pure. */
export class EventStreamParser {
  #rest = "";
  #data: string[] = [];

  /** Takes in a piece of the stream and returns the events that it completes. */
  push(text: string): string[] {
    const out: string[] = [];
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?=[^])/);
    this.#rest = lines.pop()!;
    for (const line of lines) {
      if (line === "") {
        if (this.#data.length > 0) out.push(this.#data.join("\n"));
        this.#data = [];
      } else if (line.startsWith("data:")) {
        this.#data.push(line.slice(line[5] === " " ? 6 : 5));
      }
    }
    return out;
  }
}

/** Opens an event stream that follows what the commands say. */
export function openStream(env: Env, base: string, token: string, follows: readonly Command[], host: LinkHost): Link {
  return new StreamLink(env, base, token, follows, host);
}

class StreamLink implements Link {
  readonly transport = "sse";
  #env: Env;
  #base: string;
  #headers: { [name: string]: string };
  #host: LinkHost;
  #over = false;
  #stream = new AbortController();
  #posts = new AbortController();
  #queue: Command[] = [];
  #posting = false;

  constructor(env: Env, base: string, token: string, follows: readonly Command[], host: LinkHost) {
    this.#env = env;
    this.#base = base;
    this.#headers = { "Content-Type": "application/json", ...(token && { Authorization: `Bearer ${token}` }) };
    this.#host = host;
    this.refollow(follows);
  }

  send(c: Command): void {
    if (c.type === "signal" && this.#queue.length >= maxQueued) return;
    this.#queue.push(c);
    if (!this.#posting) void this.#post();
  }

  probe(): boolean {
    return false;
  }

  refollow(follows: readonly Command[]): void {
    this.#stream.abort();
    this.#stream = new AbortController();
    void this.#read(follows, this.#stream.signal);
  }

  close(): void {
    this.#over = true;
    this.#stream.abort();
    this.#posts.abort();
  }

  #down(e: unknown): void {
    if (this.#over) return;
    this.close();
    this.#host.down(asKarezError(e, "connect"));
  }

  async #read(follows: readonly Command[], signal: AbortSignal): Promise<void> {
    // The server numbers what a stream asks for 1, 2, 3, in this order.
    const [follow, join, presence] = (["follow", "join", "presence"] as const).map((type) => follows.filter((c) => c.type === type)) as [Command[], Command[], Command[]];
    const ids = [...follow, ...join, ...presence].map((c) => c.id);
    const gone = () => this.#over || signal.aborted;
    const take = (f: Frame) => {
      if ((f.type === "reply" || f.type === "error") && f.id !== undefined) {
        const id = ids[f.id - 1];
        this.#host.frame(id === undefined ? f : { ...f, id });
      } else {
        this.#host.frame(f);
      }
    };
    try {
      if (follows.length === 0) { // a stream of nothing is refused; commands do without
        await Promise.resolve();
        if (!gone()) take({ type: "welcome", session: "" });
        return;
      }
      const res = await this.#env.fetch(`${this.#base}/v1/stream`, {
        method: "POST",
        headers: { ...this.#headers, Accept: "text/event-stream" },
        body: JSON.stringify({ follow, ...(join.length > 0 && { join }), ...(presence.length > 0 && { presence }) }),
        cache: "no-store",
        signal,
      });
      if (!res.ok) throw httpError(res.status, await res.text());
      if (!res.body || !(res.headers.get("Content-Type") ?? "").startsWith("text/event-stream")) {
        throw lost("the answer is no event stream");
      }
      const reader = res.body.getReader();
      const parser = new EventStreamParser();
      const utf8 = new TextDecoder();
      for (;;) {
        const { done, value } = await reader.read();
        if (gone()) return;
        if (done) throw lost("the event stream ended");
        this.#host.heard();
        for (const data of parser.push(utf8.decode(value, { stream: true }))) {
          take(decode(data));
          if (gone()) return;
        }
      }
    } catch (e) {
      if (gone()) return;
      this.#down(e instanceof SyntaxError ? new KarezError({ code: "bad_frame", message: e.message }) : e);
    }
  }

  // One at a time: parallel requests may arrive in another order.
  async #post(): Promise<void> {
    this.#posting = true;
    try {
      for (let c = this.#queue.shift(); c && !this.#over; c = this.#queue.shift()) await this.#postOne(c);
    } catch (e) {
      this.#down(e);
    } finally {
      this.#posting = false;
    }
  }

  async #postOne(c: Command): Promise<void> {
    const late = this.#env.setTimeout(() => this.#down(lost("the server did not answer a command")), commandTime);
    try {
      const res = await this.#env.fetch(`${this.#base}/v1/command`, {
        method: "POST",
        headers: this.#headers,
        body: JSON.stringify(c),
        cache: "no-store",
        signal: this.#posts.signal,
      });
      const body = await res.text();
      if (this.#over) return;
      let f: Frame;
      try {
        f = decode(body);
      } catch {
        throw httpError(res.status, body);
      }
      if (c.id !== undefined && (f.type === "reply" || f.type === "error")) this.#host.frame({ ...f, id: c.id });
    } finally {
      this.#env.clearTimeout(late);
    }
  }
}
