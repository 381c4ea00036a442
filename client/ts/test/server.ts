// A small server of the native protocol in memory: one app, no grants, all
// logs kept. It does what docs/protocol.md says, and what a test tells it to
// do wrong.

import type { Socket } from "../src/env.js";
import { fold, isMergeable, isTerminal } from "../src/fold.js";
import { merged } from "../src/queue.js";
import type { Command, History, HistoryTurn, Json, LogEvent, Prompt } from "../src/wire.js";

interface Cursor {
  n: number;
  turn: string; // "" for the timeline
  at: number;
  channel: string;
}

interface Begun {
  turn: string;
  message: string;
  user: string;
  parent?: string;
  supersedes?: string;
}

export class Room {
  timeline: LogEvent[] = [];
  turns = new Map<string, LogEvent[]>();
  begun: Begun[] = [];
  leaf = "";
}

/** One client's connection as the server has it. */
export class Session {
  cursors = new Map<string, Cursor>();
  open = true;
  #numbers = new Set<number>();
  constructor(readonly server: Server, readonly push: (frame: unknown) => void) {}

  number(): number {
    let n = 1;
    while (this.#numbers.has(n)) n++;
    this.#numbers.add(n);
    return n;
  }

  drop(key: string): void {
    const c = this.cursors.get(key);
    if (c) this.#numbers.delete(c.n);
    this.cursors.delete(key);
  }
}

export class Server {
  rooms = new Map<string, Room>();
  sessions = new Set<Session>();
  commands: Command[] = [];
  /** Tokens that are accepted; undefined: all. */
  tokens: Set<string> | undefined;
  /** Commands for which no answer is sent, though they are carried out. */
  mute: (c: Command) => boolean = () => false;
  /** Answers in place of carrying out. */
  refuse: (c: Command) => { code: string; message: string; retry_in?: number } | undefined = () => undefined;
  user = "ann";
  #turns = 0;

  room(name: string): Room {
    let r = this.rooms.get(name);
    if (!r) this.rooms.set(name, (r = new Room()));
    return r;
  }

  count(type: Command["type"]): number {
    return this.commands.filter((c) => c.type === type).length;
  }

  welcome(push: (frame: unknown) => void): Session {
    const s = new Session(this, push);
    this.sessions.add(s);
    push({ type: "welcome", session: `s${this.sessions.size}`, user: this.user, ping: 15000, limits: { command: 1 << 20, signal: 16384, follows: 256 } });
    return s;
  }

  gone(s: Session): void {
    s.open = false;
    this.sessions.delete(s);
  }

  /** Carries out a command; s is undefined for a posted one. */
  run(c: Command, s: Session | undefined): void | unknown {
    this.commands.push(c);
    const answer = this.#answer(c, s);
    if (answer === undefined || this.mute(c)) return undefined;
    if (!s) return answer;
    s.push(answer);
    if (c.type === "follow") this.#flush(s);
    return undefined;
  }

  #answer(c: Command, s: Session | undefined): unknown {
    const id = c.id;
    const no = this.refuse(c);
    if (no) return { id, type: "error", error: no };
    const room = this.room(c.channel ?? "");
    switch (c.type) {
      case "ping":
        return { id, type: "pong" };
      case "follow": {
        const history = this.#follow(c, s!);
        return { id, type: "reply", ...(history && { history }) };
      }
      case "unfollow":
        for (const k of [...s!.cursors.keys()]) s!.drop(k);
        return { id, type: "reply" };
      case "prompt":
        return { id, type: "reply", turn: this.#begin(c.channel!, c.prompt!) };
      case "edit":
        return { id, type: "reply", turn: this.#begin(c.channel!, { ...c.prompt!, supersedes: c.turn! }) };
      case "regenerate": {
        const old = fold(room.turns.get(c.turn!)!).prompt!;
        return { id, type: "reply", turn: this.#begin(c.channel!, { ...old, message: c.prompt!.message!, supersedes: c.turn! }) };
      }
      case "cancel": {
        const turn = c.turn ?? room.begun.find((b) => b.message === c.message)?.turn ?? "";
        const log = room.turns.get(turn);
        if (log && !isTerminal(fold(log).state)) this.append(c.channel!, turn, { kind: "cancelled", data: { by: this.user } });
        return { id, type: "reply", turn };
      }
      case "history":
        return { id, type: "reply", history: this.history(c.channel!, c.turn ?? "", c.before ?? 0, c.limit ?? 50) };
      case "publish":
        return { id, type: "reply", seq: this.tell(c.channel!, { kind: "custom", name: c.name!, data: c.data ?? null, attrs: { from: this.user } }) };
      case "signal":
        for (const o of this.sessions) {
          if (o !== s && o.cursors.has(c.channel + "/")) o.push({ type: "signal", channel: c.channel, name: c.name, data: c.data, from: this.user });
        }
        return undefined;
      case "join":
      case "presence":
      case "leave":
        return { id, type: "reply" }; // a test says who is there
      case "pace":
        return undefined;
      case "renew":
        if (this.tokens && !this.tokens.has(c.token!)) return { id, type: "error", error: { code: "unauthorized", message: "no such token" } };
        return { id, type: "reply" };
    }
    return { id, type: "error", error: { code: "unknown_command", message: c.type } };
  }

  #follow(c: Command, s: Session): History | undefined {
    const channel = c.channel!;
    if (c.turn) {
      this.#cursor(s, channel, c.turn, c.after ?? 0);
      return undefined;
    }
    for (const [k, cur] of [...s.cursors]) if (cur.channel === channel) s.drop(k);
    const room = this.room(channel);
    let at = c.after ?? 0;
    let open: { [turn: string]: number } = c.turns ?? {};
    let history: History | undefined;
    if (c.from === "now") {
      at = room.timeline.length;
      open = Object.fromEntries(room.begun.filter((b) => !isTerminal(fold(room.turns.get(b.turn)!).state)).map((b) => [b.turn, 0]));
    } else if (c.from === "snapshot") {
      history = this.history(channel, "", 0, c.limit ?? 50);
      at = history.after;
      open = Object.fromEntries(history.turns.filter((t) => !isTerminal(t.state)).map((t) => [t.turn, t.at]));
    }
    for (const [turn, seq] of Object.entries(open)) this.#cursor(s, channel, turn, seq);
    this.#cursor(s, channel, "", at);
    return history;
  }

  #cursor(s: Session, channel: string, turn: string, at: number): void {
    const key = `${channel}/${turn}`;
    s.drop(key);
    s.cursors.set(key, { n: -1, turn, at, channel });
  }

  // Gives every cursor of s what follows it, merged.
  #flush(s: Session): void {
    for (const [key, cur] of [...s.cursors]) {
      if (!s.open) return;
      const room = this.room(cur.channel);
      const log = cur.turn === "" ? room.timeline : (room.turns.get(cur.turn) ?? []);
      if (cur.n < 0) {
        cur.n = s.number();
        s.push({ type: "log", n: cur.n, channel: cur.channel, ...(cur.turn && { turn: cur.turn }), seq: cur.at });
      }
      const news = log.slice(cur.at);
      cur.at = log.length;
      for (const ev of mergeAll(news)) s.push(wireEvent(cur.n, ev));
      if (cur.turn === "") {
        for (const ev of news) {
          const turn = ev.kind === "turn" ? (ev.data as { turn: string }).turn : "";
          if (turn && !s.cursors.has(`${cur.channel}/${turn}`)) {
            this.#cursor(s, cur.channel, turn, 0);
            this.#flush(s);
          }
        }
      } else if (log.length > 0 && cur.at === log.length && isTerminal(fold(log).state)) {
        s.push({ type: "closed", n: cur.n, seq: cur.at });
        s.drop(key);
      }
    }
  }

  /** Appends to the timeline and delivers. */
  tell(channel: string, ev: Omit<LogEvent, "seq">): number {
    const room = this.room(channel);
    room.timeline.push({ seq: room.timeline.length + 1, ...ev });
    for (const s of [...this.sessions]) this.#flush(s);
    return room.timeline.length;
  }

  /** Appends to a turn and delivers. */
  append(channel: string, turn: string, ...evs: Omit<LogEvent, "seq">[]): void {
    const room = this.room(channel);
    const log = room.turns.get(turn)!;
    for (const ev of evs) log.push({ seq: log.length + 1, ...ev });
    for (const s of [...this.sessions]) this.#flush(s);
    const state = fold(log).state;
    if (isTerminal(state)) this.tell(channel, { kind: "turn_end", data: { turn, state } });
  }

  /** Begins a turn as if another client had asked. */
  begin(channel: string, p: Prompt): string {
    return this.#begin(channel, p);
  }

  /** Puts a turn on the timeline as a plain XADD does: its entry names no parent, and its log has no prompt. */
  foreign(channel: string, turn: string): void {
    const room = this.room(channel);
    const parent = room.begun.at(-1)?.turn;
    room.begun.push({ turn, message: "", user: this.user, ...(parent && { parent }) });
    room.leaf = turn;
    room.turns.set(turn, []);
    this.tell(channel, { kind: "turn", data: { turn, user: this.user } });
  }

  #begin(channel: string, p: Prompt): string {
    const room = this.room(channel);
    const again = room.begun.find((b) => b.message === p.message);
    if (again) return again.turn;
    const turn = `t${++this.#turns}`;
    const parent = p.supersedes ? room.begun.find((b) => b.turn === p.supersedes)?.parent : (p.parent ?? (room.leaf || undefined));
    const user = p.user ?? this.user;
    room.leaf = turn;
    const b: Begun = { turn, message: p.message ?? "", user, ...(parent && { parent }), ...(p.supersedes && { supersedes: p.supersedes }) };
    room.begun.push(b);
    const prompt = { ...p, user, ...(parent && { parent }) };
    room.turns.set(turn, [{ seq: 1, kind: "prompt", data: prompt as unknown as Json }]);
    this.tell(channel, { kind: "turn", data: b as unknown as Json });
    return turn;
  }

  history(channel: string, leaf: string, before: number, limit: number): History {
    const room = this.room(channel);
    const place = (turn: string) => room.timeline.findIndex((e) => e.kind === "turn" && (e.data as unknown as Begun).turn === turn) + 1;
    let end = leaf || room.begun.at(-1)?.turn || "";
    for (let next; (next = room.begun.filter((b) => b.parent === end).at(-1)); ) end = next.turn;
    let path: Begun[] = [];
    for (let b = room.begun.find((o) => o.turn === end); b; b = room.begun.find((o) => o.turn === b!.parent)) path.unshift(b);
    if (before) path = path.filter((b) => place(b.turn) < before);
    const more = path.length > limit ? place(path.at(-limit)!.turn) : 0;
    const root = (b: Begun): string => (b.supersedes ? root(room.begun.find((o) => o.turn === b.supersedes)!) : b.turn);
    const turns = path.slice(-limit).map((b): HistoryTurn => {
      const a = fold(room.turns.get(b.turn)!);
      const branches = room.begun.filter((o) => root(o) === root(b)).map((o) => o.turn);
      return {
        turn: b.turn, at: a.at, timeline: place(b.turn), state: a.state, ...(branches.length > 1 && { branches }),
        ...(a.prompt && { prompt: a.prompt }), ...(a.outcome !== undefined && { outcome: a.outcome }), ...(a.usage && { usage: a.usage }),
        parts: a.parts.map((p) => ({
          kind: p.kind, part: p.id, ...(p.name && { name: p.name }), ...(p.text !== undefined && { text: p.text }), ...(p.data !== undefined && { json: p.data }),
        })),
      };
    });
    return { after: room.timeline.length, ...(more && { more }), ...(end && { leaf: end }), turns };
  }
}

/** Joins what may be joined, as a server does for a reader that is behind. */
export function mergeAll(evs: readonly LogEvent[]): LogEvent[] {
  const out: LogEvent[] = [];
  for (const ev of evs) {
    const last = out.at(-1);
    const both = last && isMergeable(ev.kind) ? merged(last, ev) : undefined;
    if (both) out[out.length - 1] = both;
    else out.push(ev);
  }
  return out;
}

/** An event as it travels. */
export function wireEvent(n: number, ev: LogEvent): unknown {
  const { seq, bytes, ...rest } = ev;
  if (ev.kind === "text" && Object.keys(rest).length === 2) return [n, seq, ev.text];
  return [n, seq, { ...rest, ...(bytes && { bytes: Buffer.from(bytes).toString("base64") }) }];
}

/** Makes WebSockets that lead to a server without a network between. */
export class Network {
  sockets: FakeSocket[] = [];
  /** What happens to the next sockets: opened, refused, or never answered. */
  mode: "open" | "refuse" | "hang" = "open";
  constructor(readonly server: Server) {}

  get WebSocket(): new (url: string, protocols: string[]) => Socket {
    const net = this;
    return class extends FakeSocket {
      constructor(url: string, protocols: string[]) {
        super(net, url, protocols);
      }
    };
  }

  /** The socket in use. */
  get last(): FakeSocket {
    return this.sockets.at(-1)!;
  }
}

export class FakeSocket implements Socket {
  onopen: ((ev: any) => void) | null = null;
  onmessage: ((ev: any) => void) | null = null;
  onclose: ((ev: any) => void) | null = null;
  onerror: ((ev: any) => void) | null = null;
  session: Session | undefined;
  state: "connecting" | "open" | "closed" = "connecting";
  /** Frames are swallowed, both ways, as on a network that went away. */
  dead = false;

  constructor(readonly net: Network, readonly url: string, readonly protocols: string[]) {
    net.sockets.push(this);
    if (net.mode === "hang") return;
    queueMicrotask(() => {
      if (this.state === "closed") return;
      if (net.mode === "refuse") return this.drop(1006);
      this.state = "open";
      this.onopen?.({});
    });
  }

  send(data: string): void {
    if (this.state !== "open") throw new Error("not open");
    if (!this.dead) queueMicrotask(() => this.#receive(JSON.parse(data) as Command));
  }

  #receive(c: Command): void {
    const server = this.net.server;
    if (this.state !== "open") return;
    if (c.type === "hello") {
      server.commands.push(c);
      if (server.tokens && !server.tokens.has(c.token ?? "")) {
        this.push({ type: "bye", error: { code: "unauthorized", message: "the token was not accepted" } });
        return this.drop(4401);
      }
      this.session = server.welcome((f) => this.push(f));
      return;
    }
    if (this.session) server.run(c, this.session);
  }

  /** The server sends a frame. */
  push(frame: unknown): void {
    if (this.state === "open" && !this.dead) this.onmessage?.({ data: JSON.stringify(frame) });
  }

  /** The connection breaks. */
  drop(code = 1006): void {
    if (this.state === "closed") return;
    this.close();
    this.onclose?.({ code, reason: "" });
  }

  close(): void {
    this.state = "closed";
    if (this.session) this.net.server.gone(this.session);
  }
}
