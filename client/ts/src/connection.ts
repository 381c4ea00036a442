// One connection that comes back: over a WebSocket, or over an event stream
// where no WebSocket gets through. It knows cursors only through followers.

import { backoff } from "./backoff.js";
import { Emitter } from "./emitter.js";
import type { Env, Wake } from "./env.js";
import { KarezError, asKarezError } from "./errors.js";
import { lost } from "./link.js";
import type { Link, LinkHost, Transport } from "./link.js";
import { Requests } from "./requests.js";
import type { Reply } from "./requests.js";
import { openStream } from "./sse.js";
import { TokenSource } from "./token.js";
import type { Token } from "./token.js";
import type { Command, Frame, History, LogEvent, Pace, PresenceChange, WireError } from "./wire.js";
import { openSocket } from "./ws.js";

/** Where a connection stands. */
export type Status =
  /** Nothing has asked for a connection yet. */
  | { readonly state: "idle" }
  | { readonly state: "connecting"; readonly transport: Transport; readonly attempt: number }
  | { readonly state: "open"; readonly transport: Transport; readonly session: string; readonly user: string }
  /** The next try comes after `in` milliseconds, at `until` (as Date.now counts). */
  | { readonly state: "waiting"; readonly in: number; readonly until: number; readonly attempt: number; readonly error: KarezError }
  /** By close, or because the only token there is was refused. It does not come back. */
  | { readonly state: "closed"; readonly error?: KarezError };

/** Something with cursors: a channel. */
export interface Follower {
  readonly channel: string;
  /** The follow that continues where the cursors are; undefined: nothing is followed. */
  resume(): Command | undefined;
  /** A follow was answered; numbers for its logs come next. */
  followed(sent: Command, history: History | undefined): void;
  refused(sent: Command, e: KarezError): void;
  opened(turn: string, at: number): void;
  /** turn is "" for the timeline. */
  event(turn: string, ev: LogEvent): void;
  ended(turn: string, e: WireError | undefined): void;
  reset(turn: string, e: WireError | undefined): void;
  signal(f: Extract<Frame, { type: "signal" }>): void;
}

/** A place in a channel's presence. */
export interface Seat {
  readonly channel: string;
  /** The join or watch that goes on; undefined: neither. */
  resume(): Command | undefined;
  presence(p: PresenceChange): void;
  refused(e: KarezError): void;
}

/** Settings of a connection. */
export interface ConnectionOptions {
  /** Base address: https://host or https://host/path. */
  url: string;
  token: Token;
  transport: "auto" | Transport;
  /** Name and version, for operators. */
  client: string;
  env: Env;
}

const openTime = 15_000; // milliseconds in which the server must welcome us
const socketTime = 6_000; // and over a WebSocket, where a proxy may swallow it and a stream still get through
const silence = 45_000; // nothing heard for so long: the connection is dead
const probeTime = 5_000; // and for so long after asking for a sign of life
const stable = 10_000; // a connection that lasted so long begins the backoff anew
const maxBlocked = 2; // WebSockets in a row that did not open, before a stream is tried
const firstUpgrade = 10_000; // from falling back to SSE to the next try with a WebSocket
const longestUpgrade = 600_000;

/** A connection to one server, kept up until close. */
export class Connection {
  readonly statuses = new Emitter<Status>();
  /** Errors that belong to no command: of the session, of a follow. */
  readonly errors = new Emitter<KarezError>();
  /** Signals to this user or session, in no channel. */
  readonly signals = new Emitter<Extract<Frame, { type: "signal" }>>();

  #o: ConnectionOptions;
  #env: Env;
  #token: TokenSource;
  #requests: Requests;
  #followers = new Map<string, Follower>();
  #seats = new Map<string, Seat>();
  #status: Status = { state: "idle" };
  #unwake: () => void = () => {};

  #link: Link | undefined;
  #follows = new Map<number, { follower: Follower; sent: Command }>(); // unanswered, on this link
  #asked = new Map<number, Seat>(); // unanswered, on this link
  #logs = new Map<number, { follower: Follower; turn: string }>(); // what a number of this link stands for
  #lastId = 0;
  #bye: Extract<Frame, { type: "bye" }> | undefined;

  #attempt = 0; // tries since the last connection that lasted
  #blocked = 0; // WebSockets in a row that did not open
  #heardAt = 0;
  #openedAt = 0;
  #retry: unknown; // timers: the next try,
  #watch: unknown; // the watchdog,
  #upgrade: unknown; // and the next try with a WebSocket
  #upgradeWait = firstUpgrade;
  #restarting = false;

  constructor(o: ConnectionOptions) {
    this.#o = o;
    this.#env = o.env;
    this.#token = new TokenSource(o.token, o.env);
    this.#requests = new Requests(o.env, (c) => this.#send(c));
  }

  get status(): Status {
    return this.#status;
  }

  /** Connects, unless that is under way. */
  start(): void {
    if (this.#status.state !== "idle") return;
    this.#unwake = this.#env.onWake((why) => this.#wake(why));
    void this.#connect();
  }

  /** Tries now rather than when the wait is over. */
  retryNow(): void {
    if (this.#status.state !== "waiting") return;
    void this.#connect();
  }

  /** Ends for good. */
  close(error?: KarezError): void {
    if (this.#status.state === "closed") return;
    this.#cut();
    this.#unwake();
    this.#set(error ? { state: "closed", error } : { state: "closed" });
    this.#requests.close(error ?? new KarezError({ code: "closed", message: "the client was closed" }));
  }

  /** Sends a command now or after the next reconnect, and waits for its answer. */
  request(c: Command, repeat: boolean, signal?: AbortSignal): Promise<Reply> {
    if (this.#status.state === "closed") {
      return Promise.reject(this.#status.error ?? new KarezError({ code: "closed", message: "the client was closed" }));
    }
    this.start();
    return this.#requests.add({ ...c, id: ++this.#lastId }, repeat, signal);
  }

  /** Sends what is worth nothing later; dropped unless there is a connection. */
  post(c: Command): void {
    this.#send(c);
  }

  /** Keeps what f.resume says followed, from now on and after every reconnect. */
  attach(f: Follower): void {
    this.#followers.set(f.channel, f);
    this.start();
    this.refollow(f);
  }

  detach(f: Follower): void {
    if (!this.#followers.delete(f.channel)) return;
    this.#forget(f, "");
    if (this.#link?.refollow) this.#restart();
    else this.#send({ type: "unfollow", channel: f.channel });
  }

  /** Sends f's follow anew, or only c, a follow of one of its turns. */
  refollow(f: Follower, c: Command | undefined = f.resume()): void {
    if (this.#status.state !== "open" || !c) return;
    if (this.#link?.refollow) this.#restart();
    else this.#send(this.#numbered(f, c));
  }

  /** Keeps what s.resume says asked for, from now on and after every reconnect. */
  sit(s: Seat): void {
    this.#seats.set(s.channel, s);
    this.start();
    const c = s.resume();
    if (this.#status.state !== "open" || !c) return;
    if (this.#link?.refollow) this.#restart();
    else this.#send(this.#numberedSeat(s, c));
  }

  stand(s: Seat): void {
    if (!this.#seats.delete(s.channel)) return;
    if (this.#link?.refollow) this.#restart();
    else this.#send({ type: "leave", channel: s.channel });
  }

  /** Changes the pace of what f follows; a stream begins anew with it. */
  repace(f: Follower, pace: Pace): void {
    if (this.#status.state !== "open") return; // the next follow says it
    if (this.#link?.refollow) this.#restart();
    else this.#send({ type: "pace", channel: f.channel, pace });
  }

  // --- the life of a link ---

  async #connect(): Promise<void> {
    this.#env.clearTimeout(this.#retry);
    const transport = this.#transport();
    const status: Status = { state: "connecting", transport, attempt: this.#attempt };
    this.#set(status);
    let token: string;
    try {
      token = await this.#token.get();
    } catch (e) {
      if (this.#status === status) this.#wait(asKarezError(e));
      return;
    }
    if (this.#status === status) this.#open(transport, token);
  }

  #transport(): Transport {
    if (this.#o.transport !== "auto") return this.#o.transport;
    return this.#blocked < maxBlocked && this.#env.WebSocket ? "ws" : "sse";
  }

  #open(transport: Transport, token: string): void {
    const host = this.#host();
    this.#heardAt = this.#env.now();
    if (transport === "ws") {
      this.#link = openSocket(this.#env, this.#socketURL(), token, this.#o.client, host);
    } else {
      this.#link = openStream(this.#env, this.#o.url, token, this.#numberedFollows(), host);
    }
    const link = this.#link;
    const other = transport === "ws" && this.#o.transport === "auto";
    this.#watch = this.#env.setTimeout(() => {
      if (this.#link !== link) return;
      if (other) this.#blocked = maxBlocked;
      this.#down(lost("the server does not answer"));
    }, other ? socketTime : openTime);
  }

  // A link that was closed tells nothing more, so there is only one to hear.
  #host(): LinkHost {
    return {
      frame: (f) => this.#frame(f),
      heard: () => void (this.#heardAt = this.#env.now()),
      down: (e) => this.#down(e),
    };
  }

  #socketURL(): string {
    return this.#o.url.replace(/^http/, "ws") + "/v1/ws";
  }

  #down(e: KarezError): void {
    const bye = this.#bye;
    if (bye?.error) e = new KarezError(bye.error);
    const wasOpen = this.#status.state === "open";
    const transport = this.#link?.transport;
    const lasted = wasOpen && this.#env.now() - this.#openedAt >= stable;
    this.#cut();
    if (lasted) this.#attempt = 0;
    if (!wasOpen && transport === "ws") this.#blocked++;
    if (!wasOpen && transport === "sse" && e.code === "connect") this.#blocked = 0; // it was not the WebSocket's fault
    this.#requests.lost();
    if (e.code === "unauthorized" || e.code === "expired") {
      if (!this.#token.renewable) return this.close(e);
      this.#token.drop();
    }
    this.#wait(e, Math.max(bye?.in ?? 0, e.retryIn));
  }

  // Ends the link and all that hangs on it.
  #cut(): void {
    const link = this.#link;
    this.#link = undefined;
    link?.close();
    this.#follows.clear();
    this.#asked.clear();
    this.#logs.clear();
    this.#bye = undefined;
    this.#env.clearTimeout(this.#retry);
    this.#env.clearTimeout(this.#watch);
    this.#env.clearTimeout(this.#upgrade);
  }

  #wait(error: KarezError, least = 0): void {
    const wait = least + backoff(this.#attempt++, this.#env.random);
    this.#retry = this.#env.setTimeout(() => void this.#connect(), wait);
    this.#set({ state: "waiting", in: wait, until: this.#env.now() + wait, attempt: this.#attempt, error });
  }

  #wake(why: Wake): void {
    const s = this.#status;
    if (s.state === "waiting" && why !== "offline") {
      void this.#connect();
    } else if (s.state === "connecting" && this.#link && this.#env.now() - this.#heardAt > probeTime && why !== "offline") {
      this.#cut(); // it was begun before the page slept
      void this.#connect();
    } else if (s.state === "open") {
      this.#probe();
    }
  }

  // After a sleep a dead socket still looks open.
  #probe(): void {
    const link = this.#link!;
    const before = this.#heardAt;
    if (!link.probe()) {
      if (this.#env.now() - before > silence / 2) this.#down(lost("the event stream has been silent"));
      return;
    }
    this.#env.setTimeout(() => {
      if (this.#link === link && this.#heardAt === before) this.#down(lost("the server does not answer"));
    }, probeTime);
  }

  #guard(): void {
    const left = silence - (this.#env.now() - this.#heardAt);
    if (left <= 0) return this.#down(lost("nothing was heard from the server"));
    this.#watch = this.#env.setTimeout(() => this.#guard(), left);
  }

  // --- frames ---

  #frame(f: Frame): void {
    switch (f.type) {
      case "welcome":
        return this.#welcomed(f);
      case "reply":
      case "error":
      case "pong":
        return this.#answered(f);
      case "log": {
        const follower = this.#followers.get(f.channel);
        if (!follower) return;
        this.#logs.set(f.n, { follower, turn: f.turn ?? "" });
        return follower.opened(f.turn ?? "", f.seq ?? 0);
      }
      case "event": {
        const log = this.#logs.get(f.n);
        return log?.follower.event(log.turn, f.event);
      }
      case "closed":
      case "reset": {
        const log = this.#logs.get(f.n);
        this.#logs.delete(f.n);
        return f.type === "closed" ? log?.follower.ended(log.turn, f.error) : log?.follower.reset(log.turn, f.error);
      }
      case "presence":
        return this.#seats.get(f.channel)?.presence(f.presence);
      case "signal":
        return f.channel ? this.#followers.get(f.channel)?.signal(f) : this.signals.emit(f);
      case "renew":
        return void this.#renew();
      case "bye":
        this.#bye = f;
        return this.#down(lost("the server closed the connection"));
    }
  }

  #welcomed(f: Extract<Frame, { type: "welcome" }>): void {
    const link = this.#link!;
    const again = this.#status.state === "open"; // a stream that was restarted
    this.#logs.clear();
    this.#openedAt = this.#env.now();
    this.#env.clearTimeout(this.#watch);
    if (f.session !== "") this.#guard(); // without one nothing is followed, and nothing is to be heard
    if (link.transport === "ws") {
      this.#blocked = 0;
      this.#upgradeWait = firstUpgrade;
      for (const c of this.#numberedFollows()) link.send(c);
    } else if (!again) {
      this.#planUpgrade();
    }
    this.#set({ state: "open", transport: link.transport, session: f.session, user: f.user ?? "" });
    this.#requests.flush();
  }

  #answered(f: Extract<Frame, { type: "reply" | "error" | "pong" }>): void {
    const follow = f.id === undefined ? undefined : this.#follows.get(f.id);
    if (follow && f.type !== "pong") {
      this.#follows.delete(f.id!);
      this.#forget(follow.follower, follow.sent.turn ?? "");
      if (f.type === "reply") return follow.follower.followed(follow.sent, f.history);
      return this.#notFollowed(follow.follower, follow.sent, f.error);
    }
    const seat = f.id === undefined ? undefined : this.#asked.get(f.id);
    if (seat && f.type !== "pong") {
      this.#asked.delete(f.id!);
      return f.type === "error" ? this.#notSeated(seat, f.error) : undefined;
    }
    const became = this.#requests.answer(f);
    if (became === "refused") return this.#down(new KarezError((f as { error: WireError }).error));
    if (became === undefined && f.type === "error") this.errors.emit(new KarezError(f.error));
  }

  #notFollowed(follower: Follower, sent: Command, e: WireError): void {
    const error = new KarezError(e);
    if (error.code === "unauthorized" || error.code === "expired" || error.code === "draining") return this.#down(error);
    if (error.retryIn === 0) return follower.refused(sent, error);
    const link = this.#link;
    this.#env.setTimeout(() => {
      if (this.#link === link && this.#followers.get(follower.channel) === follower) this.refollow(follower);
    }, error.retryIn + backoff(2, this.#env.random));
  }

  #notSeated(seat: Seat, e: WireError): void {
    const error = new KarezError(e);
    if (error.code === "unauthorized" || error.code === "expired" || error.code === "draining") return this.#down(error);
    if (error.retryIn === 0) return seat.refused(error);
    const link = this.#link;
    this.#env.setTimeout(() => {
      if (this.#link === link && this.#seats.get(seat.channel) === seat) this.sit(seat);
    }, error.retryIn + backoff(2, this.#env.random));
  }

  // Events under the numbers of an earlier follow may still be on their way.
  #forget(f: Follower, turn: string): void {
    for (const [n, log] of this.#logs) {
      if (log.follower === f && (turn === "" || log.turn === turn)) this.#logs.delete(n);
    }
  }

  async #renew(): Promise<void> {
    const link = this.#link;
    try {
      const token = await this.#token.fresh();
      if (this.#link !== link || !link) return;
      if (link.transport === "ws") await this.request({ type: "renew", token }, false);
      else this.#reopen(token); // a stream keeps the token that it began with
    } catch (e) {
      const error = asKarezError(e); // the server closes the connection in time, and we come back
      if (error.code !== "disconnected") this.errors.emit(error);
    }
  }

  // --- sending ---

  #send(c: Command): boolean {
    if (this.#status.state !== "open" || !this.#link) return false;
    this.#link.send(c);
    return true;
  }

  #numberedFollows(): Command[] {
    this.#follows.clear();
    this.#asked.clear();
    const out: Command[] = [];
    for (const f of this.#followers.values()) {
      const c = f.resume();
      if (c) out.push(this.#numbered(f, c));
    }
    for (const s of this.#seats.values()) {
      const c = s.resume();
      if (c) out.push(this.#numberedSeat(s, c));
    }
    return out;
  }

  #numbered(follower: Follower, c: Command): Command {
    const sent = { ...c, id: ++this.#lastId };
    this.#follows.set(sent.id, { follower, sent });
    return sent;
  }

  #numberedSeat(seat: Seat, c: Command): Command {
    const sent = { ...c, id: ++this.#lastId };
    this.#asked.set(sent.id, seat);
    return sent;
  }

  // Several changes at once make one new stream.
  #restart(): void {
    if (this.#restarting) return;
    this.#restarting = true;
    queueMicrotask(() => {
      this.#restarting = false;
      if (this.#status.state === "open") this.#link?.refollow?.(this.#numberedFollows());
    });
  }

  // --- back to a WebSocket ---

  #planUpgrade(): void {
    if (this.#o.transport !== "auto" || !this.#env.WebSocket) return;
    this.#upgrade = this.#env.setTimeout(() => void this.#tryUpgrade(), this.#upgradeWait);
    this.#upgradeWait = Math.min(this.#upgradeWait * 2, longestUpgrade);
  }

  // Opens a WebSocket beside the stream, and moves over when it is welcomed.
  async #tryUpgrade(): Promise<void> {
    const old = this.#link;
    const token = await this.#token.get().catch(() => undefined);
    if (this.#link !== old || token === undefined) return;
    const host = this.#host();
    let adopted = false;
    const fail = () => {
      this.#env.clearTimeout(late);
      next.close();
      if (this.#link === old) this.#planUpgrade();
    };
    const late = this.#env.setTimeout(fail, openTime);
    const next = openSocket(this.#env, this.#socketURL(), token, this.#o.client, {
      heard: () => void (adopted && host.heard()),
      down: (e) => (adopted ? host.down(e) : fail()),
      frame: (f) => {
        if (adopted) return host.frame(f);
        if (f.type !== "welcome") return;
        // Stay while an answer is on its way over the old one.
        if (this.#link !== old || this.#status.state !== "open" || this.#requests.busy) return fail();
        this.#env.clearTimeout(late);
        this.#cut();
        adopted = true;
        this.#link = next;
        host.heard();
        host.frame(f);
      },
    });
  }

  #reopen(token: string): void {
    this.#cut();
    this.#requests.lost();
    this.#set({ state: "connecting", transport: "sse", attempt: 0 });
    this.#open("sse", token);
  }

  #set(s: Status): void {
    this.#status = s;
    this.statuses.emit(s);
  }
}
