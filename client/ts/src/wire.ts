// The frames of Karez's native protocol in JSON: what a server sends and what
// a client sends, and how bytes become values. Pure. docs/protocol.md is the
// specification; the Go package wire is the other implementation.

/** Any JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Where a turn stands. The last three are terminal. */
export type TurnState = "pending" | "streaming" | "suspended" | "completed" | "cancelled" | "failed";

/** One part of a message beside its text. */
export interface Content {
  type: "text" | "image" | "audio" | "file" | (string & {});
  text?: string;
  /** May be a data URL. */
  url?: string;
  media_type?: string;
  name?: string;
}

/** What a person, or a program for them, asked. */
export interface Prompt {
  /** The client's own id of the message: the same id is the same turn. */
  message?: string;
  user?: string;
  text?: string;
  content?: Content[];
  /** The turn that this one follows in its conversation. */
  parent?: string;
  /** The turn that this one replaces; it stays as a branch. */
  supersedes?: string;
  system?: string;
  model?: string;
  params?: { [key: string]: Json };
}

/** Tokens as the provider counted them. */
export interface Usage {
  input_tokens: number;
  output_tokens: number;
  cached_tokens?: number;
  reasoning_tokens?: number;
  model?: string;
  /** The provider said nothing; the server counted. */
  estimated?: boolean;
}

/** One entry of a log, or several neighbouring ones merged into one. */
export interface LogEvent {
  /** The last place that this event covers: 1, 2, 3, … */
  readonly seq: number;
  /** text, reasoning, tool, …; on a timeline turn, turn_end, custom. Unknown kinds may come. */
  readonly kind: string;
  /** Which part of the answer it belongs to; absent for the main one. */
  readonly part?: string;
  readonly name?: string;
  readonly media?: string;
  readonly attrs?: { readonly [key: string]: string };
  /** The payload is one of these three, or none of them. */
  readonly text?: string;
  readonly data?: Json;
  readonly bytes?: Uint8Array;
}

/** One part of an answer in a page of history. */
export interface HistoryPart {
  kind: string;
  part?: string;
  media?: string;
  name?: string;
  text?: string;
  json?: Json;
  /** base64 */
  bytes?: string;
}

/** One turn as it stood when the page was read. */
export interface HistoryTurn {
  turn: string;
  /** The page has the turn through this place: follow it after here. */
  at: number;
  /** Its place on the timeline. */
  timeline: number;
  state: TurnState;
  /** All turns at this place of the conversation, oldest first; absent when it is the only one. */
  branches?: string[];
  prompt?: Prompt;
  parts?: HistoryPart[];
  usage?: Usage;
  outcome?: Json;
}

/** A page of a conversation, oldest turn first. */
export interface History {
  /** Follow the timeline from here. */
  after: number;
  /** Ask again with before set to this; 0 or absent: that was all. */
  more?: number;
  /** The turn that the next prompt follows. */
  leaf?: string;
  turns: HistoryTurn[];
}

/** An error as it travels. A program decides by code, a person reads message and hint. */
export interface WireError {
  code: string;
  message: string;
  hint?: string;
  /** Milliseconds; absent or 0: trying again will not help. */
  retry_in?: number;
  turn?: string;
}

/** How fast a reader wants text. */
export interface Pace {
  mode?: "live" | "smooth" | "fixed";
  /** Characters a second, for fixed. */
  rate?: number;
}

/** One who is present on a channel, however many connections they have there. kind and id name it. */
export interface Member {
  readonly id: string;
  readonly kind?: "person" | "agent" | (string & {});
  /** Of an agent waiting, thinking or streaming; else the application's word. */
  readonly state?: string;
  /** What the application shows of it. */
  readonly info?: Json;
}

/** Who is on a channel, or what has changed since the last one. */
export interface PresenceChange {
  /** here is everybody, and what was told before is void. */
  readonly full?: boolean;
  readonly here?: readonly Member[];
  readonly joined?: readonly Member[];
  readonly left?: readonly Member[];
  readonly changed?: readonly Member[];
}

/** What a client sends. Which fields count depends on the type. */
export interface Command {
  id?: number;
  type:
    | "hello" | "follow" | "unfollow" | "prompt" | "regenerate" | "edit" | "cancel" | "history"
    | "publish" | "signal" | "join" | "presence" | "leave" | "pace" | "ack" | "renew" | "ping";
  token?: string;
  client?: string;
  channel?: string;
  turn?: string;
  message?: string;
  after?: number;
  from?: "now" | "snapshot";
  turns?: { [turn: string]: number };
  n?: number;
  prompt?: Prompt;
  name?: string;
  data?: Json;
  pace?: Pace;
  before?: number;
  limit?: number;
  state?: string;
}

/** What a server sends, after decode. */
export type Frame =
  | { type: "welcome"; session: string; user?: string; ping?: number; limits?: { command: number; signal: number; follows: number } }
  | { type: "reply"; id?: number; turn?: string; seq?: number; history?: History; presence?: PresenceChange }
  | { type: "error"; id?: number; error: WireError }
  | { type: "log"; n: number; channel: string; turn?: string; seq?: number }
  | { type: "event"; n: number; event: LogEvent }
  | { type: "reset"; n: number; error?: WireError }
  | { type: "closed"; n: number; error?: WireError }
  | { type: "presence"; channel: string; presence: PresenceChange }
  | { type: "signal"; channel?: string; name: string; data?: Json; from?: string }
  | { type: "renew"; in?: number }
  | { type: "bye"; error?: WireError; in?: number }
  | { type: "ping" }
  | { type: "pong"; id?: number }
  | { type: "unknown" };

const known = new Set(["welcome", "reply", "error", "log", "reset", "closed", "presence", "signal", "renew", "bye", "ping", "pong"]);

/**
 * Reads one frame. A type that this client does not know becomes
 * { type: "unknown" }, which changes nothing; text that is no frame at all
 * throws a SyntaxError.
 */
export function decode(text: string): Frame {
  const v: unknown = JSON.parse(text);
  if (Array.isArray(v)) return decodeEvent(v);
  if (typeof v !== "object" || v === null || typeof (v as { type?: unknown }).type !== "string") {
    throw new SyntaxError("a frame is an object with a type, or an event's array");
  }
  const f = v as { type: string; n?: unknown; error?: unknown };
  if (!known.has(f.type)) return { type: "unknown" };
  if ((f.type === "log" || f.type === "closed" || f.type === "reset") && typeof f.n !== "number") {
    throw new SyntaxError(`a ${f.type} frame has no number`);
  }
  if (f.type === "presence" && (typeof (f as { presence?: unknown }).presence !== "object" || (f as { presence?: unknown }).presence === null)) {
    throw new SyntaxError("a presence frame says nothing");
  }
  if (f.type === "error" && (typeof f.error !== "object" || f.error === null)) {
    throw new SyntaxError("an error frame has no error");
  }
  return f as Frame;
}

function decodeEvent(v: readonly unknown[]): Frame {
  const [n, seq, content] = v;
  if (typeof n !== "number" || typeof seq !== "number" || seq < 1) {
    throw new SyntaxError("an event is [log number, seq, content]");
  }
  if (typeof content === "string") return { type: "event", n, event: { seq, kind: "text", text: content } };
  if (typeof content !== "object" || content === null || typeof (content as { kind?: unknown }).kind !== "string") {
    throw new SyntaxError("an event has no kind");
  }
  const { bytes, ...rest } = content as Omit<LogEvent, "seq" | "bytes"> & { bytes?: string };
  const event: LogEvent = bytes === undefined ? { seq, ...rest } : { seq, ...rest, bytes: fromBase64(bytes) };
  return { type: "event", n, event };
}

/** Decodes standard base64. */
export function fromBase64(s: string): Uint8Array {
  const binary = atob(s);
  const out = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) out[i] = binary.charCodeAt(i);
  return out;
}
