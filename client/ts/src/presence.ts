// Who is on a channel: a map that the server's frames change. There is nothing
// to resume: after a reconnect the server tells everybody.

import type { Connection, Seat } from "./connection.js";
import { Emitter } from "./emitter.js";
import type { KarezError } from "./errors.js";
import type { Command, Json, Member, PresenceChange } from "./wire.js";

/** What has happened on a channel. */
export type PresenceEvent =
  /** The others are what is new in members; all is in joined when everybody was told anew. */
  | { readonly type: "presence"; readonly members: readonly Member[]; readonly joined: readonly Member[]; readonly left: readonly Member[]; readonly changed: readonly Member[] }
  /** The server refuses; nothing more is told. */
  | { readonly type: "error"; readonly error: KarezError };

/** Who is on one channel. Use Channel.presence. */
export class Presence {
  #c: Connection;
  #events = new Emitter<PresenceEvent>();
  #here = new Map<string, Member>();
  #members: readonly Member[] = [];
  #wanted: Command | undefined;
  #seat: Seat;
  #channel: string;

  constructor(channel: string, c: Connection) {
    this.#channel = channel;
    this.#c = c;
    this.#seat = {
      channel,
      resume: () => this.#wanted,
      presence: (p) => this.#take(p),
      refused: (error) => {
        this.leave();
        this.#events.emit({ type: "error", error });
      },
    };
  }

  /** Who is there, as far as the server has told; the same array until that changes. */
  get members(): readonly Member[] {
    return this.#members;
  }

  /** Calls fn for every change from now on; returns what stops it. */
  on(fn: (ev: PresenceEvent) => void): () => void {
    return this.#events.on(fn);
  }

  /**
   * Makes this user visible, with what the others are to know of them, until
   * leave, across every reconnect. Joining again replaces info and state.
   */
  join(info?: Json, state?: string): void {
    this.#want({ type: "join", channel: this.#channel, ...(state && { state }), ...(info !== undefined && { data: info }) });
  }

  /** Tells who is there without being visible. */
  watch(): void {
    this.#want({ type: "presence", channel: this.#channel });
  }

  /** Ends join and watch. */
  leave(): void {
    if (!this.#wanted) return;
    this.#wanted = undefined;
    this.#here.clear();
    this.#members = [];
    this.#c.stand(this.#seat);
  }

  #want(c: Command): void {
    this.#wanted = c;
    this.#c.sit(this.#seat);
  }

  #take(p: PresenceChange): void {
    if (!this.#wanted) return; // late
    const { full, here = [], joined = [], left = [], changed = [] } = p;
    const was = this.#here;
    if (full) this.#here = new Map();
    for (const m of [...here, ...joined, ...changed]) this.#here.set(key(m), m);
    for (const m of left) this.#here.delete(key(m));
    this.#members = [...this.#here.values()];
    const ev = full
      ? {
          joined: here.filter((m) => !was.has(key(m))),
          left: [...was.values()].filter((m) => !this.#here.has(key(m))),
          changed: here.filter((m) => was.has(key(m)) && !same(was.get(key(m))!, m)),
        }
      : { joined, left, changed };
    this.#events.emit({ type: "presence", members: this.#members, ...ev });
  }
}

function key(m: Member): string {
  return `${m.kind ?? "person"} ${m.id}`;
}

function same(a: Member, b: Member): boolean {
  return a.state === b.state && JSON.stringify(a.info) === JSON.stringify(b.info);
}
