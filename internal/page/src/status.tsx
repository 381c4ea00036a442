// Where the connection stands, in words.

import { useEffect, useRef, useState } from "preact/hooks";
import type { Karez, Status } from "../../../client/ts/src/index.js";
import { Details } from "./details.js";
import { whyRefused } from "./errors.js";
import { useDoubt, useOnline } from "./hooks.js";

const grace = 1000; // milliseconds in which a connection may come up before it is spoken of

/** The line under the header, shown only while something is not as it should be. */
export function StatusLine({ karez, status }: { karez: Karez; status: Status }) {
  const online = useOnline();
  const slow = useSlow(status);
  const doubt = useDoubt(status);
  const was = useRef(false);
  if (status.state === "open") was.current = true;
  const lost = was.current ? "Connection lost. Reconnecting" : "Connecting";
  if (status.state === "closed") {
    return (
      <Line kind="bad" text={`Disconnected. ${whyRefused(status.error?.code ?? "closed")}`}>
        <button type="button" class="link" onClick={() => location.reload()}>Reload</button>
        <Details code={status.error?.code} message={status.error?.message} hint={status.error?.hint} />
      </Line>
    );
  }
  if (!online && status.state !== "open") return <Line kind="bad" text="You are offline. What you write is sent when the connection is back." />;
  if (doubt) return <Line kind="warn" text="Connection in doubt: this device says that it is offline. Checking…" />;
  if (slow && status.state === "waiting") {
    return (
      <Line kind="warn" text={lost} after={<Countdown until={status.until} />}>
        <button type="button" class="link" onClick={() => karez.retryNow()}>Try now</button>
      </Line>
    );
  }
  if (slow && status.state === "connecting") {
    if (status.transport === "ws") return <Line kind="warn" text={lost} after={<span aria-hidden="true">…</span>} />;
    return <Line kind="warn" text="WebSocket does not get through here. Falling back to HTTP streaming…" />;
  }
  return <Line kind="" text="" />;
}

/** How things stand, in a word beside the title. */
export function StatusDot({ status }: { status: Status }) {
  const online = useOnline();
  const doubt = useDoubt(status);
  const [kind, word] = status.state === "open"
    ? doubt ? ["warn", "In doubt"] : status.transport === "sse" ? ["ok other", "Connected over HTTP streaming"] : ["ok", "Connected"]
    : status.state === "closed" ? ["bad", "Disconnected"] : online ? ["warn", "Connecting"] : ["bad", "Offline"];
  return <span class={`dot ${kind}`} title={word}><span class="dot-word">{word}</span></span>;
}

// The region stays, so that a screen reader hears what comes into it; the
// countdown is not for its ears.
function Line({ kind, text, after, children }: { kind: string; text: string; after?: preact.ComponentChildren; children?: preact.ComponentChildren }) {
  return (
    <div class={text === "" ? "line" : `line shown ${kind}`}>
      <span role="status">{text}</span>{after}{children}
    </div>
  );
}

function Countdown({ until }: { until: number }) {
  const [now, set] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => set(Date.now()), 500);
    return () => clearInterval(timer);
  }, [until]);
  const left = Math.ceil((until - now) / 1000);
  return <span aria-hidden="true">{left > 0 ? ` in ${left} s` : "…"}</span>;
}

// Whether connecting takes longer than anybody should notice.
function useSlow(status: Status): boolean {
  const busy = status.state === "connecting" || status.state === "waiting";
  const [slow, set] = useState(false);
  useEffect(() => {
    if (!busy) return set(false);
    const timer = setTimeout(() => set(true), grace);
    return () => clearTimeout(timer);
  }, [busy]);
  return slow;
}
