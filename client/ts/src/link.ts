// What a connection needs of its transport. ws.ts and sse.ts are the two.

import { KarezError } from "./errors.js";
import type { Command, Frame, WireError } from "./wire.js";

/** How the bytes travel. */
export type Transport = "ws" | "sse";

/** Whoever owns a link. Nothing is called after the link's close, nor after down. */
export interface LinkHost {
  frame(f: Frame): void;
  /** Something came, be it only a sign of life. */
  heard(): void;
  /** The link is gone and will not come back. */
  down(e: KarezError): void;
}

/** One connection to the server. The server's welcome says that it works. */
export interface Link {
  readonly transport: Transport;
  send(c: Command): void;
  /** Asks for a sign of life; false when this transport cannot ask. */
  probe(): boolean;
  /** Replaces all that is followed; only a link whose follows are fixed at its start has it. */
  refollow?(follows: readonly Command[]): void;
  close(): void;
}

/** Error of a link that broke or could not be made. */
export function lost(message: string, cause?: unknown): KarezError {
  return new KarezError({ code: "connect", message }, { cause });
}

/** Reads an error frame out of an HTTP answer that is no success. */
export function httpError(status: number, body: string): KarezError {
  try {
    const f = JSON.parse(body) as { error?: WireError };
    if (typeof f.error?.code === "string") return new KarezError(f.error);
  } catch {
    // Not our server's answer: a proxy's page, or nothing.
  }
  return lost(`the server answered HTTP ${status}`);
}
