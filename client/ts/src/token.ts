import type { Env } from "./env.js";
import { asKarezError } from "./errors.js";
import { lost } from "./link.js";

/** A token, or how to get one. Only a function can get a fresh one. */
export type Token = string | (() => string | Promise<string>);

const patience = 15_000; // milliseconds that the function may take

/** Keeps the token until the server refuses it. */
export class TokenSource {
  #source: Token;
  #env: Env;
  #kept: string | undefined;
  #asking: Promise<string> | undefined;

  constructor(source: Token, env: Env) {
    this.#source = source;
    this.#env = env;
  }

  /** Whether another token can be had after this one was refused. */
  get renewable(): boolean {
    return typeof this.#source === "function";
  }

  /** The token in use, or a fresh one. */
  async get(): Promise<string> {
    return this.#kept ?? (await this.fresh());
  }

  /** Forgets the token in use. */
  drop(): void {
    this.#kept = undefined;
  }

  /** Asks for a fresh token, once however many wait for it. */
  fresh(): Promise<string> {
    if (typeof this.#source === "string") return Promise.resolve(this.#source);
    this.#asking ??= this.#ask(this.#source).finally(() => (this.#asking = undefined));
    return this.#asking;
  }

  async #ask(source: () => string | Promise<string>): Promise<string> {
    let timer: unknown;
    const late = new Promise<never>((_, reject) => {
      timer = this.#env.setTimeout(() => reject(lost("no token came in time")), patience);
    });
    try {
      this.#kept = await Promise.race([Promise.resolve().then(source), late]);
      return this.#kept;
    } catch (e) {
      throw asKarezError(e, "connect");
    } finally {
      this.#env.clearTimeout(timer);
    }
  }
}
