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
