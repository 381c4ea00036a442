// A channel: where people and agents meet. It keeps the cursors, on the
// timeline and on each live turn, and tells what comes after them, each event
// once and in order, whatever happens to the connection.

import type { Connection, Follower } from "./connection.js";
import { Emitter } from "./emitter.js";
import type { Env } from "./env.js";
import { KarezError } from "./errors.js";
import { isMergeable, isTerminal } from "./fold.js";
import { Presence } from "./presence.js";
import { EventQueue } from "./queue.js";
import type { Command, Content, Frame, History, Json, LogEvent, Pace, TurnState, WireError } from "./wire.js";

/** What a channel tells. */
export type ChannelEvent =
  /** A page of the conversation. What follows goes on from it; what was shown before it is void. */
  | { readonly type: "history"; readonly history: History }
  /** The next event of a turn, to be folded. */
  | { readonly type: "event"; readonly turn: string; readonly event: LogEvent }
  /** A prompt was accepted; the events of its turn follow. parent is "" where its entry names none: Tree.begin. */
  | { readonly type: "begun"; readonly place: number; readonly turn: string; readonly message: string; readonly user: string; readonly parent: string; readonly supersedes: string }
  /** The timeline says that a turn ended. Its own log says so too, and more. */
  | { readonly type: "ended"; readonly place: number; readonly turn: string; readonly state: TurnState }
  /** An application's event, kept on the timeline. */
  | { readonly type: "custom"; readonly place: number; readonly name: string; readonly data: Json | undefined; readonly from: string }
  /** An application's word that is kept nowhere: typing and the like. */
  | { readonly type: "signal"; readonly name: string; readonly data: Json | undefined; readonly from: string }
  /** What was shown of this turn is void; a page of history follows. */
  | { readonly type: "reset"; readonly turn: string }
  /** Following the channel, or one turn of it, has ended with an error. */
  | { readonly type: "error"; readonly error: KarezError; readonly turn: string };

/** Where following begins. */
export interface FollowOptions {
  /** snapshot (the default): a page of history first. now: only what happens from here on. */
  from?: "snapshot" | "now";
  /** Instead of from: the last place of the timeline that the caller has, and of the turns that had not ended there. */
  after?: number;
  turns?: { [turn: string]: number };
  /** Turns of history, with snapshot. */
  limit?: number;
  pace?: Pace;
}

/** What is asked. */
export interface PromptInput {
  text?: string;
  content?: Content[];
  /** The message's own id; asked twice it is answered once. Made up when absent. */
  id?: string;
  /** The turn that this one follows; the newest when absent. */
  parent?: string;
  system?: string;
  model?: string;
  params?: { [key: string]: Json };
}

/** A prompt that the server has accepted: it will reach an end. */
export interface Accepted {
  turn: string;
  message: string;
}

const maxTurns = 256; // cursors that one follow takes
const resyncPause = 2000; // milliseconds between two snapshots

/** One channel of a Karez client. */
export class Channel {
  readonly name: string;
  /** Who is on the channel. */
  readonly presence: Presence;
  #c: Connection;
  #env: Env;
  #events = new Emitter<ChannelEvent>();
  #queues = new Set<EventQueue>();

  #start: FollowOptions | undefined; // set while following
  #timeline: number | undefined; // the cursor on the timeline
  #live = new Map<string, number>(); // the cursors on turns that have not ended
  #stalled = new Set<string>(); // turns whose cursor is being set anew
  #holes = new Map<string, number>(); // where a turn's cursor was last set anew because of a hole
  #waiting: { resolve: (h: History | undefined) => void; reject: (e: KarezError) => void }[] = [];
  #resyncedAt = -Infinity;
  #follower: Follower;

  /** Use Karez.channel. */
  constructor(name: string, c: Connection, env: Env) {
    this.name = name;
    this.presence = new Presence(name, c);
    this.#c = c;
    this.#env = env;
    this.#follower = {
      channel: name,
      resume: () => this.#resume(),
      followed: (sent, history) => this.#followed(sent, history),
      refused: (sent, e) => this.#refused(sent, e),
      opened: (turn, at) => this.#opened(turn, at),
      event: (turn, ev) => (turn === "" ? this.#timelineEvent(ev) : this.#turnEvent(turn, ev)),
      ended: (turn, e) => this.#ended(turn, e),
      reset: (turn) => this.#reset(turn),
      signal: (f) => this.#signal(f),
    };
  }

  /** Calls fn for every event from now on; returns what stops it. */
  on(fn: (ev: ChannelEvent) => void): () => void {
    return this.#events.on(fn);
  }

  /** Every event from now on, for `for await`; break out of the loop to end it. */
  events(): AsyncIterableIterator<ChannelEvent> {
    const queue: EventQueue = new EventQueue(() => {
      this.#queues.delete(queue);
      stop();
    });
    const stop = this.#events.on((ev) => queue.push(ev));
    this.#queues.add(queue);
    return queue;
  }

  /**
   * Follows the channel until unfollow, across every reconnect. Resolves when
   * the server has agreed, with the page of history if one was asked for.
   */
  follow(o: FollowOptions = {}): Promise<History | undefined> {
    this.#start = o;
    this.#timeline = o.after;
    this.#live = new Map(Object.entries(o.turns ?? {}));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#c.attach(this.#follower);
    });
  }

  /** Follows one more turn of the channel, from after a place of its log: one of another branch. */
  followTurn(turn: string, after: number): void {
    this.#live.set(turn, after);
    this.#c.refollow(this.#follower, this.#turnCommand(turn, after));
  }

  /** Changes how fast text is wanted, of answers under way too. Before follow it does nothing. */
  setPace(pace: Pace): void {
    if (!this.#start) return;
    this.#start = { ...this.#start, pace };
    this.#c.repace(this.#follower, pace);
  }

  /** Whether a cursor stands on this turn. */
  follows(turn: string): boolean {
    return this.#live.has(turn);
  }

  unfollow(): void {
    this.#start = undefined;
    this.#timeline = undefined;
    this.#live.clear();
    this.#c.detach(this.#follower);
    this.#refuse(new KarezError({ code: "closed", message: "the channel is no longer followed" }));
    for (const q of [...this.#queues]) q.end();
  }

  /** Asks. Resolves when the prompt is accepted; sent again after each reconnect until then. */
  async prompt(p: PromptInput, signal?: AbortSignal): Promise<Accepted> {
    return this.#ask("prompt", undefined, p, signal);
  }

  /** Asks again what a turn was asked; the turn stays as a branch. */
  async regenerate(turn: string, o: { id?: string } = {}, signal?: AbortSignal): Promise<Accepted> {
    return this.#ask("regenerate", turn, o, signal);
  }

  /** Asks something else in place of a turn, which stays as a branch. */
  async edit(turn: string, p: PromptInput, signal?: AbortSignal): Promise<Accepted> {
    return this.#ask("edit", turn, p, signal);
  }

  /** Stops a turn, by its name or by the id of the caller's own message, also before it has begun. */
  async cancel(what: { turn: string } | { message: string }): Promise<void> {
    await this.#c.request({ type: "cancel", channel: this.name, ...what }, true);
  }

  /** A page of the conversation: the turns before a place of the timeline, on the branch that goes through turn. */
  async history(o: { before?: number; limit?: number; turn?: string } = {}): Promise<History> {
    const r = await this.#c.request({ type: "history", channel: this.name, ...o }, true);
    if (!r.history) throw new KarezError({ code: "internal", message: "the answer holds no history" });
    return r.history;
  }

  /**
   * Puts an event on the timeline, where it is kept; returns its place. Not
   * repeated by itself: fails with disconnected if it may have been done.
   */
  async publish(name: string, data?: Json): Promise<number> {
    const r = await this.#c.request({ type: "publish", channel: this.name, name, ...(data !== undefined && { data }) }, false);
    return r.seq ?? 0;
  }

  /** Tells those who are here now; dropped when there is no connection. */
  signal(name: string, data?: Json): void {
    this.#c.post({ type: "signal", channel: this.name, name, ...(data !== undefined && { data }) });
  }

  async #ask(type: "prompt" | "regenerate" | "edit", turn: string | undefined, p: PromptInput, signal?: AbortSignal): Promise<Accepted> {
    const { id, ...rest } = p;
    const message = id ?? this.#env.uuid();
    const command: Command = { type, channel: this.name, prompt: { message, ...rest }, ...(turn && { turn }) };
    const r = await this.#c.request(command, true, signal);
    return { turn: r.turn ?? "", message };
  }

  // --- cursors ---

  #resume(): Command | undefined {
    if (!this.#start) return undefined;
    const command: Command = { type: "follow", channel: this.name, ...(this.#start.pace && { pace: this.#start.pace }) };
    if (this.#timeline !== undefined && this.#live.size <= maxTurns) {
      return { ...command, after: this.#timeline, turns: Object.fromEntries(this.#live) };
    }
    return { ...command, from: this.#start.from ?? "snapshot", ...(this.#start.limit && { limit: this.#start.limit }) };
  }

  #turnCommand(turn: string, after: number): Command {
    return { type: "follow", channel: this.name, turn, after, ...(this.#start?.pace && { pace: this.#start.pace }) };
  }

  #followed(sent: Command, history: History | undefined): void {
    if (sent.turn) return;
    if (history) {
      this.#timeline = history.after;
      this.#live = new Map(history.turns.filter((t) => !isTerminal(t.state)).map((t) => [t.turn, t.at]));
      this.#holes.clear();
      this.#tell({ type: "history", history });
    }
    for (const w of this.#waiting.splice(0)) w.resolve(history);
  }

  #refused(sent: Command, error: KarezError): void {
    if (error.code === "trimmed") return this.#resync();
    if (sent.turn) this.#live.delete(sent.turn);
    else this.#refuse(error);
    this.#tell({ type: "error", error, turn: sent.turn ?? "" });
  }

  #refuse(error: KarezError): void {
    for (const w of this.#waiting.splice(0)) w.reject(error);
  }

  #opened(turn: string, at: number): void {
    if (turn === "") {
      this.#timeline ??= at;
      if (at > this.#timeline) this.#resync();
      return;
    }
    this.#stalled.delete(turn);
    const have = this.#live.get(turn);
    if (have === undefined) this.#live.set(turn, at);
    else if (have !== at && !this.#mend(turn, have)) this.#resync();
  }

  #timelineEvent(ev: LogEvent): void {
    const at = this.#timeline;
    if (at === undefined || ev.seq <= at) return;
    if (ev.seq !== at + 1) return this.#resync();
    this.#timeline = ev.seq;
    const d = (typeof ev.data === "object" && ev.data !== null ? ev.data : {}) as { readonly [key: string]: Json | undefined };
    const word = (v: Json | undefined) => (typeof v === "string" ? v : "");
    const turn = word(d["turn"]);
    switch (ev.kind) {
      case "turn":
        if (turn === "") return; // a foreign writer's entry
        if (!this.#live.has(turn)) this.#live.set(turn, 0);
        return this.#tell({
          type: "begun", place: ev.seq, turn, message: word(d["message"]), user: word(d["user"]),
          parent: word(d["parent"]), supersedes: word(d["supersedes"]),
        });
      case "turn_end":
        return this.#tell({ type: "ended", place: ev.seq, turn, state: word(d["state"]) as TurnState });
      case "custom":
        return this.#tell({ type: "custom", place: ev.seq, name: ev.name ?? "", data: ev.data ?? ev.text, from: ev.attrs?.["from"] ?? "" });
    }
  }

  #turnEvent(turn: string, ev: LogEvent): void {
    const at = this.#live.get(turn);
    if (at === undefined || ev.seq <= at || this.#stalled.has(turn)) return;
    // A merged event covers more places than it tells; any other is the next one.
    if (!isMergeable(ev.kind) && ev.seq !== at + 1 && this.#mend(turn, at)) return;
    if (ev.kind === "end" || ev.kind === "cancelled" || ev.kind === "error") this.#live.delete(turn);
    else this.#live.set(turn, ev.seq);
    this.#tell({ type: "event", turn, event: ev });
  }

  // Sets the cursor on a turn anew, once for each place: what is still missing
  // then holds nothing to show (a cut character travels with the next event).
  #mend(turn: string, at: number): boolean {
    if (this.#holes.get(turn) === at) return false;
    this.#holes.set(turn, at);
    this.#stalled.add(turn);
    this.#c.refollow(this.#follower, this.#turnCommand(turn, at));
    return true;
  }

  #ended(turn: string, e: WireError | undefined): void {
    if (turn === "") return this.#resync();
    const at = this.#live.get(turn);
    if (at === undefined) return; // its last event came
    if (!e && this.#mend(turn, at)) return;
    this.#live.delete(turn);
    if (e) this.#tell({ type: "error", error: new KarezError(e), turn });
  }

  #reset(turn: string): void {
    if (turn !== "") {
      this.#live.delete(turn);
      this.#tell({ type: "reset", turn });
    }
    this.#resync();
  }

  // Starts over from a snapshot, not more often than every now and then.
  #resync(): void {
    this.#timeline = undefined;
    if (this.#start) this.#start = { ...this.#start, from: "snapshot" };
    const since = this.#env.now() - this.#resyncedAt;
    if (since < 0) return; // planned
    if (since < resyncPause) {
      this.#resyncedAt += resyncPause;
      this.#env.setTimeout(() => this.#c.refollow(this.#follower), resyncPause - since);
      return;
    }
    this.#resyncedAt = this.#env.now();
    this.#c.refollow(this.#follower);
  }

  #signal(f: Extract<Frame, { type: "signal" }>): void {
    this.#tell({ type: "signal", name: f.name, data: f.data, from: f.from ?? "" });
  }

  #tell(ev: ChannelEvent): void {
    this.#events.emit(ev);
  }
}
