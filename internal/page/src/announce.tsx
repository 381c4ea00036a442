// Tells a screen reader of an answer while it streams: finished sentences,
// now and then, and how it ended. The log itself is not live, for it would be
// read token by token.

import { useEffect, useRef, useState } from "preact/hooks";
import type { TurnView } from "../../../client/ts/src/index.js";
import { whyFailed, whyRefused } from "./errors.js";
import { plain, spoken } from "./sentences.js";
import { isOver, textOfView } from "./turn_state.js";

const pause = 1500; // milliseconds between two announcements
const maxKept = 4;

interface Heard {
  from: number; // how much of the text was told
  over: boolean;
}

/** A region that nobody sees. */
export function Announcer({ turns, ready }: { turns: readonly TurnView[]; ready: boolean }) {
  const [lines, setLines] = useState<readonly { id: number; text: string }[]>([]);
  const heard = useRef(new Map<string, Heard>());
  const told = useRef({ at: -Infinity, id: 0 });
  const started = useRef(false);
  const [, wake] = useState(0);

  useEffect(() => {
    if (!ready) return;
    const out: string[] = [];
    let late = false;
    for (const v of turns.slice(-3)) {
      const text = textOfView(v);
      const known = heard.current.get(v.key);
      // What stood there when it came into sight is read like any text.
      if (!known) heard.current.set(v.key, { from: started.current ? 0 : text.length, over: isOver(v) });
      const h = heard.current.get(v.key)!;
      if (h.over) continue;
      if (isOver(v)) {
        out.push(plain(text.slice(h.from)), ending(v));
        h.over = true;
        continue;
      }
      const end = spoken(text, h.from);
      if (end <= h.from) continue;
      if (performance.now() - told.current.at < pause) {
        late = true;
        continue;
      }
      out.push(plain(text.slice(h.from, end)));
      h.from = end;
    }
    started.current = true;
    const said = out.filter((s) => s !== "").map((text) => ({ id: ++told.current.id, text }));
    if (said.length > 0) {
      told.current.at = performance.now();
      setLines((old) => [...old, ...said].slice(-maxKept));
    }
    if (!late) return;
    const timer = setTimeout(() => wake((n) => n + 1), pause);
    return () => clearTimeout(timer);
  });
  return <div class="sr" role="status" aria-live="polite" aria-atomic="false" id="announcer">{lines.map((l) => <p key={l.id}>{l.text}</p>)}</div>;
}

function ending(v: TurnView): string {
  switch (v.state) {
    case "completed":
      return "Answer finished.";
    case "cancelled":
      return "Answer stopped.";
    case "failed":
      return `The answer failed. ${whyFailed(v.failure?.code)}`;
    default:
      return `Not sent. ${whyRefused(v.error?.code)}`;
  }
}
