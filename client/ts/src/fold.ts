// How events become the answer that a person sees. Pure: the same events give
// the same answer, on any device, whether they came one by one or merged. The
// Go package turn is the other implementation (fold.go).

import { fromBase64 } from "./wire.js";
import type { HistoryPart, HistoryTurn, Json, LogEvent, Prompt, TurnState, Usage } from "./wire.js";

/** One piece of an answer as a reader shows it. */
export interface Part {
  /** text, reasoning, tool, tool_output, audio, file, source, data, … */
  readonly kind: string;
  /** "" for the main part; the call's id for tools. */
  readonly id: string;
  readonly name?: string;
  readonly media?: string;
  /** text, reasoning, tool (arguments as they arrive), tool_error, and whatever else came as text. */
  readonly text?: string;
  readonly data?: Json;
  /** Audio and files: the pieces in the order in which they came. */
  readonly bytes?: readonly Uint8Array[];
}

/**
 * The fold of a prefix of a turn's log: what a viewer shows. Answers are
 * never changed: add returns a new one that shares what stayed the same.
 */
export interface Answer {
  /** The last place folded in; 0 before the first. */
  readonly at: number;
  readonly state: TurnState;
  readonly prompt?: Prompt;
  readonly parts: readonly Part[];
  readonly usage?: Usage;
  /** Payload of the terminal event: {reason}, {by}, or {code, message, retryable}. */
  readonly outcome?: Json;
}

/** The answer of an empty log. */
export const emptyAnswer: Answer = Object.freeze({ at: 0, state: "pending", parts: Object.freeze([]) });

/** Why a turn failed. */
export interface Failure {
  code: string;
  message: string;
  retryable?: boolean;
}

interface Kept {
  kind: string;
  part?: string;
  bytes: number;
}

/** Reports whether nothing can follow. */
export function isTerminal(s: TurnState): boolean {
  return s === "completed" || s === "cancelled" || s === "failed";
}

/** Reports whether the payloads of neighbouring events of this kind join by concatenation. */
export function isMergeable(kind: string): boolean {
  return kind === "text" || kind === "reasoning" || kind === "tool" || kind === "audio";
}

/**
 * Folds in the next event. One at or below a.at, or after the end, changes
 * nothing and returns a itself. A payload that cannot be understood counts as
 * absent: what a foreign producer wrote must not stop a reader.
 */
export function add(a: Answer, ev: LogEvent): Answer {
  if (ev.seq <= a.at || isTerminal(a.state)) return a;
  const at = ev.seq;
  const data = record(ev.data);
  switch (ev.kind) {
    case "prompt":
      return { ...a, at, state: "pending", prompt: (data as Prompt | undefined) ?? { text: ev.text ?? "" } };
    case "epoch":
      if (!data || data["all"] === true) return { ...a, at, state: "streaming" };
      return { ...a, at, state: "streaming", parts: cut(a.parts, keptOf(data["parts"])) };
    case "usage":
      return data ? { ...a, at, state: "streaming", usage: data as unknown as Usage } : { ...a, at, state: "streaming" };
    case "suspended":
      return { ...a, at, state: "suspended", parts: addPart(a.parts, ev) };
    case "end":
      return { ...a, at, state: "completed", outcome: ev.data ?? null };
    case "cancelled":
      return { ...a, at, state: "cancelled", outcome: ev.data ?? null };
    case "error":
      return { ...a, at, state: "failed", outcome: ev.data ?? null };
    default:
      return { ...a, at, state: "streaming", parts: addPart(a.parts, ev) };
  }
}

/** Folds a whole log, or a prefix of it. */
export function fold(events: Iterable<LogEvent>, from: Answer = emptyAnswer): Answer {
  let a = from;
  for (const ev of events) a = add(a, ev);
  return a;
}

/** Returns the answer that a page of history holds; events go on from its at. */
export function fromHistory(t: HistoryTurn): Answer {
  return {
    at: t.at,
    state: t.state,
    parts: (t.parts ?? []).map(partOf),
    ...(t.prompt && { prompt: t.prompt }),
    ...(t.usage && { usage: t.usage }),
    ...(t.outcome !== undefined && { outcome: t.outcome }),
  };
}

/** All text parts in order, joined by nothing. */
export function textOf(a: Answer): string {
  let out = "";
  for (const p of a.parts) if (p.kind === "text") out += p.text ?? "";
  return out;
}

/** Why the turn failed; undefined unless it did. */
export function failureOf(a: Answer): Failure | undefined {
  if (a.state !== "failed") return undefined;
  const o = record(a.outcome);
  const text = (v: Json | undefined, or: string) => (typeof v === "string" && v !== "" ? v : or);
  return {
    code: text(o?.["code"], "internal"),
    message: text(o?.["message"], "The answer failed."),
    retryable: o?.["retryable"] === true,
  };
}

function addPart(parts: readonly Part[], ev: LogEvent): readonly Part[] {
  const id = ev.part ?? "";
  if (isMergeable(ev.kind)) {
    for (let i = parts.length - 1; i >= 0; i--) {
      const p = parts[i]!;
      if (p.kind !== ev.kind || p.id !== id) continue;
      const out = parts.slice();
      out[i] = joined(p, ev);
      return out;
    }
  }
  return [...parts, newPart(ev, id)];
}

function newPart(ev: LogEvent, id: string): Part {
  return {
    kind: ev.kind,
    id,
    ...(ev.name && { name: ev.name }),
    ...(ev.media && { media: ev.media }),
    ...payload(ev),
  };
}

function payload(ev: LogEvent): Pick<Part, "text" | "data" | "bytes"> {
  if (ev.bytes) return { bytes: [ev.bytes] };
  if (ev.data !== undefined) return { data: ev.data };
  if (ev.text !== undefined || isMergeable(ev.kind)) return ev.kind === "audio" ? { bytes: [] } : { text: ev.text ?? "" };
  return {};
}

function joined(p: Part, ev: LogEvent): Part {
  const name = p.name ?? ev.name;
  return {
    ...p,
    ...(name && { name }),
    ...(ev.bytes && { bytes: [...(p.bytes ?? []), ev.bytes] }),
    ...(ev.text && { text: (p.text ?? "") + ev.text }),
  };
}

/**
 * Shortens the parts to what an epoch keeps. kept is in the order of the
 * parts; a part that it passes over is dropped.
 */
function cut(parts: readonly Part[], kept: readonly Kept[]): readonly Part[] {
  const out: Part[] = [];
  let k = 0;
  for (const p of parts) {
    const keep = kept[k];
    if (!keep || keep.kind !== p.kind || (keep.part ?? "") !== p.id) continue;
    out.push(shortened(p, Math.max(keep.bytes, 0)));
    k++;
  }
  return out;
}

function keptOf(v: Json | undefined): readonly Kept[] {
  return Array.isArray(v) ? (v as unknown as Kept[]) : [];
}

function shortened(p: Part, bytes: number): Part {
  if (p.text !== undefined) return { ...p, text: cutText(p.text, bytes) };
  if (p.bytes) return { ...p, bytes: cutBytes(p.bytes, bytes) };
  return p;
}

/** Returns the longest prefix of s, in whole characters, whose UTF-8 has at most max bytes. */
export function cutText(s: string, max: number): string {
  let bytes = 0;
  for (let i = 0; i < s.length; ) {
    const c = s.codePointAt(i)!;
    bytes += c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    if (bytes > max) return s.slice(0, i);
    i += c < 0x10000 ? 1 : 2;
  }
  return s;
}

function cutBytes(chunks: readonly Uint8Array[], max: number): readonly Uint8Array[] {
  const out: Uint8Array[] = [];
  for (const c of chunks) {
    if (max <= 0) break;
    out.push(c.length <= max ? c : c.subarray(0, max));
    max -= c.length;
  }
  return out;
}

function partOf(p: HistoryPart): Part {
  const ev: LogEvent = {
    seq: 1,
    kind: p.kind,
    ...(p.name && { name: p.name }),
    ...(p.media && { media: p.media }),
    ...(p.text !== undefined && { text: p.text }),
    ...(p.json !== undefined && { data: p.json }),
    ...(p.bytes !== undefined && { bytes: fromBase64(p.bytes) }),
  };
  return newPart(ev, p.part ?? "");
}

function record(v: Json | undefined): { readonly [key: string]: Json } | undefined {
  return typeof v === "object" && v !== null && !Array.isArray(v) ? (v as { readonly [key: string]: Json }) : undefined;
}
