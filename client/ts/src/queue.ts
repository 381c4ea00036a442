// A bounded queue between a channel and whoever iterates over its events.

import type { ChannelEvent } from "./channel.js";
import { KarezError } from "./errors.js";
import { isMergeable } from "./fold.js";
import type { LogEvent } from "./wire.js";

const maxQueued = 10_000;

/**
 * EventQueue hands out events in order. While nobody takes them, neighbouring
 * pieces of text join, so a slow reader gets fewer, larger events; one that
 * stops reading for so long that even these pile up gets slow_down thrown and
 * must follow anew.
 */
export class EventQueue implements AsyncIterableIterator<ChannelEvent> {
  #queue: ChannelEvent[] = [];
  #wanted: { resolve: (r: IteratorResult<ChannelEvent>) => void; reject: (e: Error) => void }[] = [];
  #over = false;
  #error: Error | undefined;
  #stop: () => void;

  /** stop is called once, when nothing more is wanted. */
  constructor(stop: () => void) {
    this.#stop = stop;
  }

  push(ev: ChannelEvent): void {
    if (this.#over) return;
    const first = this.#wanted.shift();
    if (first) return first.resolve({ done: false, value: ev });
    const last = this.#queue.at(-1);
    const both = last && joined(last, ev);
    if (both) this.#queue[this.#queue.length - 1] = both;
    else if (this.#queue.length < maxQueued) this.#queue.push(ev);
    else this.end(new KarezError({ code: "slow_down", message: `${maxQueued} events were not read`, hint: "iterate faster, and follow again from a snapshot" }));
  }

  end(error?: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#error = error;
    this.#stop();
    for (const w of this.#wanted.splice(0)) {
      if (error) w.reject(error);
      else w.resolve({ done: true, value: undefined });
    }
  }

  next(): Promise<IteratorResult<ChannelEvent>> {
    const ev = this.#queue.shift();
    if (ev) return Promise.resolve({ done: false, value: ev });
    if (this.#over) {
      const e = this.#error;
      this.#error = undefined;
      return e ? Promise.reject(e) : Promise.resolve({ done: true, value: undefined });
    }
    return new Promise((resolve, reject) => this.#wanted.push({ resolve, reject }));
  }

  return(): Promise<IteratorResult<ChannelEvent>> {
    this.#queue = [];
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

function joined(a: ChannelEvent, b: ChannelEvent): ChannelEvent | undefined {
  if (a.type !== "event" || b.type !== "event" || a.turn !== b.turn) return undefined;
  const event = merged(a.event, b.event);
  return event && { type: "event", turn: a.turn, event };
}

/** Joins two neighbouring events that fold to the same as one; undefined if they do not. */
export function merged(a: LogEvent, b: LogEvent): LogEvent | undefined {
  if (a.kind !== b.kind || !isMergeable(a.kind) || a.part !== b.part || a.media !== b.media) return undefined;
  if (b.attrs || (b.name && b.name !== a.name)) return undefined;
  return {
    ...a,
    seq: b.seq,
    ...(b.text !== undefined && { text: (a.text ?? "") + b.text }),
    ...(b.bytes && { bytes: concat(a.bytes, b.bytes) }),
  };
}

function concat(a: Uint8Array | undefined, b: Uint8Array): Uint8Array {
  if (!a) return b;
  const out = new Uint8Array(a.length + b.length);
  out.set(a);
  out.set(b, a.length);
  return out;
}
