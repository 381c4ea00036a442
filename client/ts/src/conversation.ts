// A conversation as a page renders it: the fold of a channel, with its
// branches, the prompts on their way, and who is typing.

import type { Channel, ChannelEvent, PromptInput } from "./channel.js";
import type { Connection, Status } from "./connection.js";
import { Emitter } from "./emitter.js";
import type { Env } from "./env.js";
import { KarezError, asKarezError } from "./errors.js";
import { add, emptyAnswer, failureOf, fromHistory, isTerminal } from "./fold.js";
import type { Answer, Failure, Part } from "./fold.js";
import { Outbox } from "./outbox.js";
import type { Draft, OutboxStorage } from "./outbox.js";
import { Tree } from "./tree.js";
import type { Node } from "./tree.js";
import { Typing } from "./typing.js";
import type { History, HistoryTurn, Prompt, TurnState, Usage } from "./wire.js";

/** One turn as it is shown. An unchanged turn is the same object in the next snapshot. */
export interface TurnView {
  /** Names this turn to a renderer: the same from the moment it is sent. */
  readonly key: string;
  /** The turn's name, "" until it is accepted. */
  readonly turn: string;
  /** sending: on its way. unsent: refused, error says why. The others as the server says. */
  readonly state: "sending" | "unsent" | TurnState;
  readonly prompt: Prompt;
  readonly parts: readonly Part[];
  readonly usage: Usage | undefined;
  /** Why the answer failed. */
  readonly failure: Failure | undefined;
  /** Why the prompt was not accepted. */
  readonly error: KarezError | undefined;
  /** All turns at this place of the conversation, oldest first, this one included. */
  readonly branches: readonly string[];
}

/** A conversation at one moment. Never changed: a change makes a new one. */
export interface ConversationState {
  readonly status: Status;
  /** The conversation as it stood has been loaded. */
  readonly ready: boolean;
  /** The chosen branch, oldest turn first. */
  readonly turns: readonly TurnView[];
  /** There are older turns: loadMore. */
  readonly more: boolean;
  /** The first turn shown that has not ended: what stop stops. */
  readonly live: TurnView | undefined;
  /** Users who are typing; this one too, if in another tab or on another device. */
  readonly typing: readonly string[];
  /** Why the channel cannot be followed. */
  readonly error: KarezError | undefined;
}

/** Settings of a conversation. */
export interface ConversationOptions {
  /** Keeps prompts that were not accepted yet across a reload: sessionStorage. */
  storage?: OutboxStorage;
  /** Turns of history to begin with, and that loadMore adds. */
  limit?: number;
}

interface Known {
  key: string;
  answer: Answer;
  doubtful: boolean; // reset, and not in a snapshot since
  view?: TurnView;
}

/** The fold of a channel. Use Karez.conversation. */
export class Conversation {
  readonly channel: Channel;
  #c: Connection;
  #env: Env;
  #o: ConversationOptions;
  #changed = new Emitter<void>();
  #outbox: Outbox;
  #typing: Typing;
  #stops: (() => void)[] = [];

  #tree = new Tree();
  #turns = new Map<string, Known>();
  #leaf = ""; // the end of the chosen branch
  #newest = ""; // the turn begun last: what a prompt follows unless it says otherwise
  #newestPlace = 0;
  #exhausted = new Set<string>(); // turns before which nothing is left
  #ready = false;
  #asked = new Set<string>(); // messages that this page has sent
  #error: KarezError | undefined;
  #drawn = new Map<string, TurnView>(); // drafts, by message id

  #state: ConversationState | undefined; // undefined: to be made
  #notified = true;

  constructor(channel: Channel, c: Connection, env: Env, o: ConversationOptions) {
    this.channel = channel;
    this.#c = c;
    this.#env = env;
    this.#o = o;
    this.#outbox = new Outbox(channel.name, o.storage);
    this.#typing = new Typing(channel, env, () => this.#touch());
    this.#stops.push(channel.on((ev) => this.#take(ev)), c.statuses.on(() => this.#touch()));
    channel.follow({ from: "snapshot", ...(o.limit && { limit: o.limit }) }).catch((e) => this.#failed(e));
  }

  /** Calls fn after every change, several at once; returns what stops it. For useSyncExternalStore. */
  readonly subscribe = (fn: () => void): (() => void) => this.#changed.on(fn);

  /** The conversation now; the same object until something changes. */
  readonly getSnapshot = (): ConversationState => (this.#state ??= this.#draw());

  /** Asks. It is shown at once and sent as soon as there is a connection. Returns the message's id. */
  send(p: PromptInput | string): string {
    const { id, ...prompt } = typeof p === "string" ? { text: p } as PromptInput : p;
    if (prompt.parent === undefined && this.#leaf !== this.#newest && this.#outbox.all().length === 0 && this.#leaf !== "") {
      prompt.parent = this.#leaf; // the reader chose an older branch
    }
    this.#typing.sent();
    return this.#start("prompt", "", prompt, id);
  }

  /** Asks something else in place of a turn. */
  edit(turn: string, p: PromptInput | string): string {
    const { id, ...prompt } = typeof p === "string" ? { text: p } as PromptInput : p;
    return this.#start("edit", turn, prompt, id);
  }

  /** Asks the same again in place of a turn. */
  regenerate(turn: string): string {
    const asked = this.#turns.get(turn)?.answer.prompt;
    const shown = { ...(asked?.text !== undefined && { text: asked.text }), ...(asked?.content && { content: asked.content }) };
    return this.#start("regenerate", turn, shown);
  }

  /** Sends a prompt that was refused once more. */
  resend(key: string): void {
    const d = this.#outbox.find(key);
    if (!d || d.state !== "unsent") return;
    this.#outbox.remove(key);
    this.#start(d.type, d.target, d.prompt); // a new id: the old one was refused for good
  }

  /** Gives up a prompt that was refused. */
  discard(key: string): void {
    if (this.#outbox.find(key)?.state !== "unsent") return;
    this.#outbox.remove(key);
    this.#touch();
  }

  /** Stops a turn, or a prompt on its way to become one; without an argument the one that runs. */
  async stop(view: TurnView | undefined = this.getSnapshot().live): Promise<void> {
    if (!view) return;
    await this.channel.cancel(view.turn ? { turn: view.turn } : { message: view.key });
  }

  /** Shows the branch that goes through a turn, with its newest continuation. */
  async choose(turn: string): Promise<void> {
    if (this.#tree.get(turn)) {
      this.#leaf = this.#tree.follow(turn);
      this.#touch();
    }
    const wanted = this.#leaf;
    const h = await this.channel.history({ turn, ...(this.#o.limit && { limit: this.#o.limit }) });
    for (const t of h.turns) this.#merge(t);
    if (this.#leaf === wanted) this.#leaf = h.leaf ?? turn; // nothing else was chosen meanwhile
    this.#touch();
  }

  /** Loads older turns, if there are any. */
  async loadMore(): Promise<void> {
    const first = this.#first();
    if (!first) return;
    const h = await this.channel.history({ before: first.place, turn: this.#leaf, ...(this.#o.limit && { limit: this.#o.limit }) });
    for (const t of h.turns) this.#merge(t);
    if (!this.#tree.get(first.parent)) this.#exhausted.add(first.turn); // retention took what was there
    this.#touch();
  }

  /** Tells the others that this user is typing; call it for every key, it is sent now and then. */
  typing(): void {
    this.#typing.tell();
  }

  /** Stops following. */
  close(): void {
    for (const stop of this.#stops.splice(0)) stop();
    this.#typing.close();
    this.channel.unfollow();
  }

  // --- prompts ---

  #start(type: Draft["type"], target: string, prompt: Draft["prompt"], id = this.#env.uuid()): string {
    const d: Draft = { id, type, target, prompt, user: this.#user(), state: "sending", turn: "" };
    this.#asked.add(id);
    this.#outbox.add(d);
    this.#touch();
    void this.#ask(d);
    return id;
  }

  #user(): string {
    const s = this.#c.status;
    return s.state === "open" ? s.user : "";
  }

  async #ask(d: Draft): Promise<void> {
    try {
      const p = { ...d.prompt, id: d.id };
      const ch = this.channel;
      const got = await (d.type === "prompt" ? ch.prompt(p) : d.type === "edit" ? ch.edit(d.target, p) : ch.regenerate(d.target, { id: d.id }));
      d.turn = got.turn;
      if (this.#turns.has(got.turn)) this.#arrived(d, got.turn);
    } catch (e) {
      d.error = asKarezError(e);
      if (d.error.code === "closed") return; // it stays in the outbox for the next page
      d.state = "unsent";
      this.#outbox.save();
    }
    this.#touch();
  }

  // The timeline has the draft's turn: show that instead.
  #arrived(d: Draft, turn: string): void {
    const known = this.#turns.get(turn);
    if (known) known.key = d.id;
    this.#outbox.remove(d.id);
    this.#drawn.delete(d.id);
    this.#leaf = turn;
  }

  // Sends what an earlier page left. The same id is the same turn only for
  // the same user; anybody else's stays unsent until it is sent by hand.
  #restore(): void {
    const user = this.#user();
    for (const d of this.#outbox.all()) {
      if (this.#asked.has(d.id)) continue;
      this.#asked.add(d.id);
      if (d.state === "unsent" || (d.user !== "" && d.user !== user)) {
        d.state = "unsent";
        d.error ??= new KarezError({ code: "disconnected", message: "The page was closed before this was sent." });
      } else {
        void this.#ask(d);
      }
    }
  }

  // --- what the channel tells ---

  #take(ev: ChannelEvent): void {
    switch (ev.type) {
      case "history":
        this.#page(ev.history);
        break;
      case "begun":
        this.#begun(ev);
        break;
      case "event": {
        const known = this.#turns.get(ev.turn);
        if (!known) return;
        known.answer = add(known.answer, ev.event);
        break;
      }
      case "ended": {
        const known = this.#turns.get(ev.turn);
        if (!known || this.channel.follows(ev.turn) || isTerminal(known.answer.state)) return;
        known.answer = { ...known.answer, state: ev.state };
        break;
      }
      case "reset": {
        const known = this.#turns.get(ev.turn);
        if (known) known.doubtful = true;
        break;
      }
      case "error":
        if (ev.turn === "") this.#error = ev.error;
        break;
      case "signal":
        this.#typing.heard(ev);
        return;
      case "custom":
        return;
    }
    this.#touch();
  }

  #page(h: History): void {
    for (const t of h.turns) {
      const known = this.#turns.get(t.turn);
      if (known) known.doubtful = true; // the page counts, not what was shown
      this.#merge(t);
    }
    for (const [turn, known] of this.#turns) {
      if (known.doubtful) {
        this.#turns.delete(turn);
        this.#tree.remove(turn);
      } else if (!isTerminal(known.answer.state) && !this.channel.follows(turn)) {
        this.channel.followTurn(turn, known.answer.at); // runs on another branch
      }
    }
    const chosen = this.#leaf !== this.#newest && this.#tree.get(this.#leaf) !== undefined;
    const last = h.turns.at(-1);
    // A leaf whose log is not there, or not yet, hides nothing of what is.
    const leaf = (this.#tree.get(h.leaf ?? "") ? h.leaf : last?.turn) ?? "";
    this.#see(leaf, last?.timeline ?? 0);
    if (!chosen) this.#leaf = leaf;
    for (const t of h.turns) this.#match(t.prompt?.message, t.turn);
    this.#ready = true;
    this.#error = undefined;
    this.#restore();
  }

  // Takes in one turn of a page, unless what is here is further.
  #merge(t: HistoryTurn): void {
    this.#tree.begin({ turn: t.turn, place: t.timeline, parent: t.prompt?.parent ?? "", supersedes: t.prompt?.supersedes ?? "" });
    this.#tree.branch(t.branches ?? []);
    const known = this.#turns.get(t.turn);
    if (!known) this.#turns.set(t.turn, { key: t.turn, answer: fromHistory(t), doubtful: false });
    else if (known.doubtful || known.answer.at < t.at) Object.assign(known, { answer: fromHistory(t), doubtful: false });
    const at = this.#turns.get(t.turn)!.answer.at;
    if (this.#ready && !isTerminal(t.state) && !this.channel.follows(t.turn)) this.channel.followTurn(t.turn, at);
  }

  #begun(ev: Extract<ChannelEvent, { type: "begun" }>): void {
    const { turn, place, supersedes, message, user } = ev;
    if (!this.#tree.begin({ turn, place, parent: ev.parent, supersedes })) return;
    const parent = this.#tree.get(turn)!.parent; // as it is in the tree
    const shown = this.#tree.path(this.#leaf).some((n) => n.turn === supersedes);
    const prompt: Prompt = this.#outbox.find(message)?.prompt ?? {};
    if (!this.#turns.has(turn)) {
      const answer: Answer = { ...emptyAnswer, prompt: { ...prompt, message, user, parent, supersedes } };
      this.#turns.set(turn, { key: turn, answer, doubtful: false });
    }
    const continues = parent === this.#leaf && supersedes === "";
    this.#see(turn, place);
    if (continues || shown) this.#leaf = turn;
    this.#match(message, turn);
    this.#typing.stopped(user);
  }

  #match(message: string | undefined, turn: string): void {
    const d = message ? this.#outbox.find(message) : undefined;
    if (d) this.#arrived(d, turn);
  }

  #see(turn: string, place: number): void {
    if (place < this.#newestPlace) return;
    this.#newest = turn;
    this.#newestPlace = place;
  }

  #failed(e: unknown): void {
    const error = asKarezError(e);
    if (error.code === "closed") return;
    this.#error = error;
    this.#touch();
  }

  // --- what is shown ---

  // The oldest turn shown, if something came before it.
  #first(): Node | undefined {
    const n = this.#tree.path(this.#leaf)[0];
    return n && n.parent !== "" && !this.#exhausted.has(n.turn) ? n : undefined;
  }

  #touch(): void {
    this.#state = undefined;
    if (!this.#notified) return;
    this.#notified = false;
    queueMicrotask(() => {
      this.#notified = true;
      this.#changed.emit();
    });
  }

  #draw(): ConversationState {
    let turns = this.#tree.path(this.#leaf).map((n) => this.#view(n.turn)).filter((v) => v !== undefined);
    for (const d of this.#outbox.all()) {
      const at = d.target ? turns.findIndex((v) => v.turn === d.target) : -1;
      if (at >= 0 && d.state === "sending") turns = turns.slice(0, at);
      turns = [...turns, this.#viewDraft(d)];
    }
    const live = turns.find((v) => v.state !== "unsent" && (v.state === "sending" || !isTerminal(v.state)));
    return {
      status: this.#c.status, ready: this.#ready, turns, more: this.#first() !== undefined, live,
      typing: this.#typing.users(), error: this.#error,
    };
  }

  #view(turn: string): TurnView | undefined {
    const known = this.#turns.get(turn);
    if (!known) return undefined;
    const { answer, key } = known;
    const branches = this.#tree.branches(turn);
    const old = known.view;
    if (old && old.parts === answer.parts && old.state === answer.state && old.branches === branches && old.prompt === answer.prompt && old.usage === answer.usage && old.key === key) {
      return old;
    }
    known.view = {
      key, turn, state: answer.state, prompt: answer.prompt ?? {}, parts: answer.parts, usage: answer.usage,
      failure: failureOf(answer), error: undefined, branches,
    };
    return known.view;
  }

  #viewDraft(d: Draft): TurnView {
    const old = this.#drawn.get(d.id);
    if (old && old.state === d.state && old.turn === d.turn && old.error === d.error) return old;
    const view: TurnView = {
      key: d.id, turn: d.turn, state: d.state, prompt: { ...d.prompt, message: d.id, user: d.user }, parts: [], usage: undefined,
      failure: undefined, error: d.error, branches: [],
    };
    this.#drawn.set(d.id, view);
    return view;
  }
}
