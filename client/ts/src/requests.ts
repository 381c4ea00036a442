// Commands that wait for their answer, across reconnects.

import { backoff } from "./backoff.js";
import type { Env } from "./env.js";
import { KarezError } from "./errors.js";
import type { Command, Frame, WireError } from "./wire.js";

/** The answer to a command. */
export type Reply = Extract<Frame, { type: "reply" }>;

interface Pending {
  readonly command: Command & { id: number };
  readonly repeat: boolean; // doing it twice is the same as doing it once
  sent: boolean;
  tries: number; // answers that asked for another try
  refused: number; // times that its token was refused
  wait?: unknown; // timer of the next try
  settle(e: KarezError | undefined, r?: Reply): void;
}

const maxPending = 1000;

/** Answers after which the same command may work. */
const passing = new Set(["unavailable", "slow_down", "draining"]);

/** What became of an answer. */
export type Answered = "settled" | "again" | "refused";

/**
 * Requests keeps each command until it is answered. A command that may be
 * repeated is sent again after every reconnect; any other fails when the
 * connection breaks between its sending and its answer.
 */
export class Requests {
  #env: Env;
  #send: (c: Command) => boolean; // false: not connected
  #pending = new Map<number, Pending>();

  constructor(env: Env, send: (c: Command) => boolean) {
    this.#env = env;
    this.#send = send;
  }

  /** Whether an answer is outstanding. */
  get busy(): boolean {
    for (const p of this.#pending.values()) if (p.sent) return true;
    return false;
  }

  /** Sends a command now or as soon as there is a connection. */
  add(command: Command & { id: number }, repeat: boolean, signal?: AbortSignal): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(aborted());
      if (this.#pending.size >= maxPending) {
        return reject(new KarezError({ code: "too_many", message: `${maxPending} commands wait for the connection already` }));
      }
      const stop = () => p.settle(aborted());
      const p: Pending = {
        command, repeat, sent: false, tries: 0, refused: 0,
        settle: (e, r) => {
          this.#pending.delete(command.id);
          this.#env.clearTimeout(p.wait);
          signal?.removeEventListener("abort", stop);
          if (e) reject(e);
          else resolve(r!);
        },
      };
      signal?.addEventListener("abort", stop);
      this.#pending.set(command.id, p);
      p.sent = this.#send(command);
    });
  }

  /** Sends all that is not sent, oldest first. */
  flush(): void {
    for (const p of this.#pending.values()) {
      if (!p.sent && p.wait === undefined) p.sent = this.#send(p.command);
    }
  }

  /** The connection broke. */
  lost(): void {
    for (const p of [...this.#pending.values()]) {
      if (p.sent && !p.repeat) {
        p.settle(new KarezError({
          code: "disconnected",
          message: `the connection broke before ${p.command.type} was answered`,
          hint: "it may have been done: look before you repeat it",
        }));
      }
      p.sent = false;
    }
  }

  /** Takes an answer; undefined if it belongs to no command here. */
  answer(f: Extract<Frame, { type: "reply" | "error" | "pong" }>): Answered | undefined {
    const p = f.id === undefined ? undefined : this.#pending.get(f.id);
    if (!p) return undefined;
    if (f.type === "reply") p.settle(undefined, f);
    else if (f.type === "pong") p.settle(undefined, { type: "reply" });
    else return this.#refused(p, f.error);
    return "settled";
  }

  /** Fails everything. */
  close(e: KarezError): void {
    for (const p of [...this.#pending.values()]) p.settle(e);
  }

  #refused(p: Pending, e: WireError): Answered {
    const token = p.command.type !== "renew" && (e.code === "unauthorized" || e.code === "expired");
    if (token && p.refused < 2) {
      p.refused++;
      p.sent = false; // nothing was done: any command may be sent again
      return "refused";
    }
    const again = passing.has(e.code) || (e.code === "internal" && p.tries === 0);
    if (p.repeat && again && e.retry_in) {
      const wait = e.retry_in + backoff(p.tries++, this.#env.random);
      p.sent = false;
      p.wait = this.#env.setTimeout(() => {
        p.wait = undefined;
        p.sent = this.#send(p.command);
      }, wait);
      return "again";
    }
    p.settle(new KarezError(e));
    return "settled";
  }
}

function aborted(): KarezError {
  return new KarezError({ code: "aborted", message: "the caller gave up" });
}
