import type { WireError } from "./wire.js";

/**
 * Codes of KarezError: those of docs/protocol.md, and four of the client's
 * own: disconnected (the connection broke before the answer came, and
 * repeating might do it twice), aborted (by the caller's AbortSignal), closed
 * (by close), connect (no connection could be made).
 */
export type ErrorCode =
  | "bad_frame" | "bad_request" | "unknown_command" | "unauthorized" | "expired" | "forbidden" | "not_found"
  | "too_large" | "too_many" | "busy" | "conflict" | "unavailable" | "draining" | "slow_down" | "trimmed" | "ended"
  | "internal" | "disconnected" | "aborted" | "closed" | "connect" | (string & {});

/** What went wrong. A program decides by code; a person reads message and hint. */
export class KarezError extends Error {
  override readonly name = "KarezError";
  readonly code: ErrorCode;
  readonly hint: string;
  /** Milliseconds after which trying again makes sense; 0: it does not. */
  readonly retryIn: number;
  /** The turn it is about, or "". */
  readonly turn: string;

  constructor(e: WireError, options?: { cause?: unknown }) {
    super(e.message, options);
    this.code = e.code;
    this.hint = e.hint ?? "";
    this.retryIn = e.retry_in ?? 0;
    this.turn = e.turn ?? "";
  }
}

/** Makes a KarezError of whatever was thrown. */
export function asKarezError(e: unknown, code: ErrorCode = "internal"): KarezError {
  if (e instanceof KarezError) return e;
  return new KarezError({ code, message: e instanceof Error ? e.message : String(e) }, { cause: e });
}
