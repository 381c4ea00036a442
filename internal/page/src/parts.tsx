// The parts of an answer. Kinds that are not known show nothing.

import type { Json, Part } from "../../../client/ts/src/index.js";
import { safeAddress } from "./inline.js";
import { Markdown } from "./markdown_view.js";

/** All parts of an answer, in order. */
export function Parts({ parts, live }: { parts: readonly Part[]; live: boolean }) {
  const sources = parts.filter((p) => p.kind === "source");
  return (
    <>
      {parts.map((p, i) => <One key={i} part={p} live={live && i === parts.length - 1} />)}
      {sources.length > 0 && <ul class="sources" aria-label="Sources">{sources.map((p, i) => <li key={i}><Address data={p.data} /></li>)}</ul>}
    </>
  );
}

function One({ part, live }: { part: Part; live: boolean }) {
  switch (part.kind) {
    case "text":
      return <Markdown text={part.text ?? ""} live={live} />;
    case "reasoning":
      return <Fold name={live ? "Thinking…" : "Thoughts"}><Markdown text={part.text ?? ""} /></Fold>;
    case "tool":
    case "tool_input":
      return <Fold name={`Used ${part.name || "a tool"}`}><pre><code>{part.text ?? show(part.data)}</code></pre></Fold>;
    case "tool_output":
      return <Fold name={`Result${part.name ? ` of ${part.name}` : ""}`}><pre><code>{part.text ?? show(part.data)}</code></pre></Fold>;
    case "tool_error":
      return <p class="note">The tool failed: {part.text}</p>;
    case "file":
      return <p class="note">File: <Address data={part.data} /></p>;
    default:
      return null;
  }
}

function Fold({ name, children }: { name: string; children: preact.ComponentChildren }) {
  return <details class="fold"><summary>{name}</summary><div>{children}</div></details>;
}

function Address({ data }: { data: Json | undefined }) {
  const o = typeof data === "object" && data !== null && !Array.isArray(data) ? (data as { readonly [key: string]: Json }) : {};
  const href = typeof o["url"] === "string" ? safeAddress(o["url"]) : undefined;
  const name = [o["title"], o["name"], href].find((v) => typeof v === "string" && v !== "") as string | undefined;
  return href ? <a href={href} target="_blank" rel="noopener noreferrer nofollow">{name}</a> : <>{name ?? "without an address"}</>;
}

function show(v: Json | undefined): string {
  return v === undefined ? "" : JSON.stringify(v, null, 2);
}
