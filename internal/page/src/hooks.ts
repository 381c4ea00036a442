// Small hooks that tie the client's state to the page.

import { useEffect, useLayoutEffect, useReducer, useState } from "preact/hooks";
import type { Conversation, ConversationState, Karez, Status } from "../../../client/ts/src/index.js";

/** The conversation now. */
export function useConversation(c: Conversation): ConversationState {
  const [, again] = useReducer((n: number) => n + 1, 0);
  useLayoutEffect(() => c.subscribe(() => again(undefined)), [c]);
  return c.getSnapshot();
}

/** Where the connection stands. */
export function useStatus(karez: Karez): Status {
  const [status, set] = useState(karez.status);
  useEffect(() => {
    set(karez.status);
    return karez.on("status", set);
  }, [karez]);
  return status;
}

/** Whether the browser believes that there is a network. */
export function useOnline(): boolean {
  const [online, set] = useState(navigator.onLine);
  useEffect(() => {
    const changed = () => set(navigator.onLine);
    addEventListener("online", changed);
    addEventListener("offline", changed);
    return () => {
      removeEventListener("online", changed);
      removeEventListener("offline", changed);
    };
  }, []);
  return online;
}

// The client asks the server for a sign of life when the browser says that it
// is offline, and waits five seconds for it. A stream cannot be asked: there
// the server speaks by itself every 15 seconds.
const settles = { ws: 6_000, sse: 20_000 };

/**
 * Whether a connection that seems to stand may be gone: the browser says that
 * there is no network. It need not be so, for the server may be on this
 * machine, so the doubt ends when the connection outlasts it.
 */
export function useDoubt(status: Status): boolean {
  const online = useOnline();
  const open = status.state === "open";
  const [settled, settle] = useState(!online); // it was made without a network
  useEffect(() => {
    if (online) return settle(false);
    if (!open) return settle(true); // if it opens now it is known to stand
    const timer = setTimeout(() => settle(true), settles[status.transport]);
    return () => clearTimeout(timer);
  }, [online, open]);
  return open && !online && !settled;
}
