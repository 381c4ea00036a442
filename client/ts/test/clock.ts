// A clock that moves only when told to, and the rest of a host around it.

import type { Env, SocketConstructor, Wake } from "../src/env.js";

export class FakeHost {
  time = 1_000_000;
  randoms: () => number = () => 0.5;
  #timers = new Map<number, { at: number; fn: () => void }>();
  #last = 0;
  #ids = 0;
  #wakes = new Set<(why: Wake) => void>();

  env(WebSocket: SocketConstructor | undefined, over: Partial<Env> = {}): Env {
    return {
      WebSocket,
      fetch: () => Promise.reject(new TypeError("no network here")),
      setTimeout: (fn, ms) => {
        this.#timers.set(++this.#last, { at: this.time + ms, fn });
        return this.#last;
      },
      clearTimeout: (t) => void this.#timers.delete(t as number),
      now: () => this.time,
      random: () => this.randoms(),
      uuid: () => `m${++this.#ids}`,
      onWake: (fn) => {
        this.#wakes.add(fn);
        return () => this.#wakes.delete(fn);
      },
      ...over,
    };
  }

  wake(why: Wake): void {
    for (const fn of this.#wakes) fn(why);
  }

  get timers(): number {
    return this.#timers.size;
  }

  /** Moves the clock, running what falls due in order, and all promises in between. */
  async advance(ms: number): Promise<void> {
    const end = this.time + ms;
    await settle();
    for (;;) {
      let next: [number, { at: number; fn: () => void }] | undefined;
      for (const t of this.#timers) if (t[1].at <= end && (!next || t[1].at < next[1].at)) next = t;
      if (!next) break;
      this.#timers.delete(next[0]);
      this.time = Math.max(this.time, next[1].at);
      next[1].fn();
      await settle();
    }
    this.time = end;
  }
}

/** Lets every promise that can settle do so. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A small generator of random numbers with a seed, so that a failure can be repeated. */
export function seeded(seed: number): () => number {
  let s = seed >>> 0;
  return () => {
    s = (s + 0x6d2b79f5) >>> 0;
    let t = Math.imul(s ^ (s >>> 15), 1 | s);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
