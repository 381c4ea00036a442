// Who is typing, and telling the others that this user is.

import type { Channel, ChannelEvent } from "./channel.js";
import type { Env } from "./env.js";

const tellEvery = 3000; // milliseconds between two signals of one who types
const believe = 7000; // and how long one signal counts

/** The name of the signal. */
export const typingSignal = "typing";

/** Typing sends and collects typing signals of one channel. */
export class Typing {
  #channel: Channel;
  #env: Env;
  #changed: () => void;
  #self: string; // tells this one's signals from those of the same user elsewhere
  #told = -Infinity;
  #until = new Map<string, number>();
  #users: readonly string[] = [];
  #timer: unknown;

  constructor(channel: Channel, env: Env, changed: () => void) {
    this.#channel = channel;
    this.#env = env;
    this.#self = env.uuid();
    this.#changed = changed;
  }

  /** Users who are typing, this one too if on another device; the same array until that changes. */
  users(): readonly string[] {
    return this.#users;
  }

  /** This user has pressed a key. */
  tell(): void {
    if (this.#env.now() - this.#told < tellEvery) return;
    this.#told = this.#env.now();
    this.#channel.signal(typingSignal, { client: this.#self });
  }

  /** This user has sent what was typed. */
  sent(): void {
    this.#told = -Infinity;
  }

  heard(ev: Extract<ChannelEvent, { type: "signal" }>): void {
    if (ev.name !== typingSignal || ev.from === "") return;
    const d = ev.data;
    if (typeof d === "object" && d !== null && "client" in d && d["client"] === this.#self) return; // posted beside a stream, it comes back
    this.#until.set(ev.from, this.#env.now() + believe);
    this.#sweep();
  }

  /** A user has said what they were typing. */
  stopped(user: string): void {
    if (this.#until.delete(user)) this.#sweep();
  }

  close(): void {
    this.#env.clearTimeout(this.#timer);
    this.#until.clear();
  }

  #sweep(): void {
    const now = this.#env.now();
    let next = Infinity;
    for (const [user, until] of this.#until) {
      if (until <= now) this.#until.delete(user);
      else next = Math.min(next, until);
    }
    this.#env.clearTimeout(this.#timer);
    if (next < Infinity) this.#timer = this.#env.setTimeout(() => this.#sweep(), next - now);
    const users = [...this.#until.keys()];
    if (users.join("\n") === this.#users.join("\n")) return;
    this.#users = users;
    this.#changed();
  }
}
