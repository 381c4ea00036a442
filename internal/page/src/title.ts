// The title of the tab says how things stand.

import { useEffect, useRef } from "preact/hooks";
import type { ConversationState, Status } from "../../../client/ts/src/index.js";
import { useOnline } from "./hooks.js";

export function useTitle(state: ConversationState, title: string, status: Status): void {
  const online = useOnline();
  const ready = useRef(false); // an answer came while nobody looked
  const was = useRef(false);
  const live = state.live !== undefined;
  if (was.current && !live && document.hidden) ready.current = true;
  if (live) ready.current = false;
  was.current = live;

  const name = title === "" ? "Karez" : `${title} – Karez`;
  const broken = status.state === "waiting" || status.state === "closed";
  const word = !online && status.state !== "open" ? "Offline" : broken ? "Reconnecting" : live ? "Answering…" : ready.current ? "Answer ready" : "";
  useEffect(() => {
    document.title = word === "" ? name : `${word} · ${name}`;
  }, [word, name]);
  useEffect(() => {
    const seen = () => {
      if (document.hidden || !ready.current) return;
      ready.current = false;
      document.title = name;
    };
    document.addEventListener("visibilitychange", seen);
    return () => document.removeEventListener("visibilitychange", seen);
  }, [name]);
}
