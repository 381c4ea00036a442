// Prompts that the server has not accepted yet, kept where a page reload does
// not lose them.

import type { PromptInput } from "./channel.js";
import { KarezError } from "./errors.js";

/** Where an outbox is kept: sessionStorage, or anything like it. */
export interface OutboxStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/** A message on its way to become a turn. */
export interface Draft {
  readonly id: string; // of the message
  readonly type: "prompt" | "edit" | "regenerate";
  readonly target: string; // the turn that it supersedes, or ""
  readonly prompt: Omit<PromptInput, "id">;
  readonly user: string; // who wrote it: the id is that user's
  state: "sending" | "unsent";
  error?: KarezError | undefined;
  turn: string; // once accepted
}

/** The drafts of one conversation, oldest first. */
export class Outbox {
  #key: string;
  #storage: OutboxStorage | undefined;
  #drafts: Draft[] = [];

  constructor(channel: string, storage: OutboxStorage | undefined) {
    this.#key = `karez.outbox.${channel}`;
    this.#storage = storage;
    this.#load();
  }

  all(): readonly Draft[] {
    return this.#drafts;
  }

  find(id: string): Draft | undefined {
    return this.#drafts.find((d) => d.id === id);
  }

  add(d: Draft): void {
    this.#drafts.push(d);
    this.save();
  }

  remove(id: string): void {
    const rest = this.#drafts.filter((d) => d.id !== id);
    if (rest.length === this.#drafts.length) return;
    this.#drafts = rest;
    this.save();
  }

  save(): void {
    const kept = this.#drafts.map(({ id, type, target, prompt, user, state }) => ({ id, type, target, prompt, user, state }));
    try {
      if (kept.length === 0) this.#storage?.removeItem(this.#key);
      else this.#storage?.setItem(this.#key, JSON.stringify(kept));
    } catch {
      // Full or forbidden: the drafts live as long as the page.
    }
  }

  #load(): void {
    try {
      const kept = JSON.parse(this.#storage?.getItem(this.#key) ?? "[]") as Draft[];
      for (const d of kept) {
        if (typeof d.id === "string" && typeof d.prompt === "object") this.#drafts.push({ ...d, state: d.state, turn: "" });
      }
    } catch {
      // Not ours.
    }
  }
}
