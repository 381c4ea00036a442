import { Channel } from "./channel.js";
import { Connection } from "./connection.js";
import type { Status } from "./connection.js";
import { Conversation } from "./conversation.js";
import type { ConversationOptions } from "./conversation.js";
import { hostEnv } from "./env.js";
import type { Env, SocketConstructor } from "./env.js";
import type { KarezError } from "./errors.js";
import type { Transport } from "./link.js";
import type { Token } from "./token.js";
import type { Json } from "./wire.js";

/** The version of this client, told to the server with its name. */
export const version = "0.1";

/** Settings of a client. */
export interface KarezOptions {
  /** The gateway: https://chat.example.com. In a page it may be left out: the page's own origin. */
  url?: string;
  /** A token, or a function that gets a fresh one; only with a function does a connection outlive its token. */
  token: Token;
  /** auto (the default): a WebSocket, and an event stream where none gets through. */
  transport?: "auto" | Transport;
  /** A WebSocket constructor, where the global one will not do (Node 20: the package ws). */
  WebSocket?: SocketConstructor;
  fetch?: typeof fetch;
  /** Clock, timers and the like, for unusual hosts and for tests. */
  env?: Partial<Env>;
}

/** A word of the server, or of another program, to this user or session alone. */
export interface Signal {
  name: string;
  data: Json | undefined;
  from: string;
}

interface Listeners {
  status: Status;
  error: KarezError;
  signal: Signal;
}

/**
 * A client of one Karez server: one connection, shared by all channels, which
 * comes back by itself until close. It connects when it is first needed.
 */
export class Karez {
  #c: Connection;
  #env: Env;
  #channels = new Map<string, Channel>();

  constructor(o: KarezOptions) {
    this.#env = { ...hostEnv(), ...(o.WebSocket && { WebSocket: o.WebSocket }), ...(o.fetch && { fetch: o.fetch }), ...o.env };
    this.#c = new Connection({
      url: base(o.url), token: o.token, transport: o.transport ?? "auto", client: `karez-ts/${version}`, env: this.#env,
    });
  }

  /** Where the connection stands. */
  get status(): Status {
    return this.#c.status;
  }

  /** Connects now rather than with the first command. */
  connect(): void {
    this.#c.start();
  }

  /** Tries to reconnect now rather than when the wait is over. */
  retryNow(): void {
    this.#c.retryNow();
  }

  /** The channel of this name; the same object each time. */
  channel(name: string): Channel {
    let ch = this.#channels.get(name);
    if (!ch) this.#channels.set(name, (ch = new Channel(name, this.#c, this.#env)));
    return ch;
  }

  /** A channel folded into what a page shows. Close it when the page shows something else. */
  conversation(channel: string, o: ConversationOptions = {}): Conversation {
    return new Conversation(this.channel(channel), this.#c, this.#env, o);
  }

  /** Calls fn for every status, error or personal signal from now on; returns what stops it. */
  on<K extends keyof Listeners>(what: K, fn: (v: Listeners[K]) => void): () => void {
    switch (what) {
      case "status":
        return this.#c.statuses.on(fn as (s: Status) => void);
      case "error":
        return this.#c.errors.on(fn as (e: KarezError) => void);
      default:
        return this.#c.signals.on((f) => (fn as (s: Signal) => void)({ name: f.name, data: f.data, from: f.from ?? "" }));
    }
  }

  /** Ends the connection for good. Turns go on: disconnecting is not cancelling. */
  close(): void {
    this.#c.close();
    for (const ch of this.#channels.values()) ch.unfollow();
  }
}

function base(url: string | undefined): string {
  const here = (globalThis as { location?: Location }).location?.origin;
  if (!url && !here) throw new TypeError("url: give the address of the gateway, such as https://chat.example.com");
  const u = new URL(url || "/", here);
  u.protocol = u.protocol.replace(/^ws/, "http");
  return (u.origin + u.pathname).replace(/\/+$/, "");
}
