// Shows a Markdown tree. A stretch that has not changed is not drawn again.

import { Component } from "preact";
import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import { CheckIcon, CopyIcon } from "./icons.js";
import { inline } from "./inline.js";
import type { Inline } from "./inline.js";
import { parse, stretches } from "./markdown.js";
import type { Block } from "./markdown.js";

/** An answer's text; live while more of it comes. */
export function Markdown({ text, live = false }: { text: string; live?: boolean }) {
  return <div class={live ? "prose live" : "prose"}>{stretches(text).map((s, i) => <Stretch key={i} text={s} />)}</div>;
}

class Stretch extends Component<{ text: string }> {
  override shouldComponentUpdate(next: { text: string }): boolean {
    return next.text !== this.props.text;
  }

  override render() {
    return <>{parse(this.props.text).map(block)}</>;
  }
}

function block(b: Block, key: number): ComponentChildren {
  switch (b.kind) {
    case "paragraph":
      return <p key={key}>{spans(b.text)}</p>;
    case "heading": {
      const H = `h${Math.min(b.level + 2, 6)}` as "h3"; // below the page's and the message's own
      return <H key={key} class={`h${b.level}`}>{spans(b.text)}</H>;
    }
    case "code":
      return <Code key={key} lang={b.lang} text={b.text} />;
    case "quote":
      return <blockquote key={key}>{b.blocks.map(block)}</blockquote>;
    case "list": {
      const items = b.items.map((item, i) => <li key={i}>{listItem(item)}</li>);
      return b.start === undefined ? <ul key={key}>{items}</ul> : <ol key={key} start={b.start}>{items}</ol>;
    }
    case "table":
      return <Table key={key} b={b} />;
    case "rule":
      return <hr key={key} />;
  }
}

// An item that is one paragraph stands without it; [ ] and [x] are boxes.
function listItem(item: readonly Block[]): ComponentChildren {
  const [first, ...rest] = item;
  if (first?.kind !== "paragraph") return item.map(block);
  const box = /^\[([ xX])\] /.exec(first.text);
  const body = spans(box ? first.text.slice(4) : first.text);
  const lead = box
    ? <><span class="box" role="img" aria-label={box[1] === " " ? "not done" : "done"}>{box[1] === " " ? "☐" : "☑"}</span> {body}</>
    : body;
  if (rest.every((b) => b.kind === "list")) return <>{lead}{rest.map(block)}</>;
  return <><p>{lead}</p>{rest.map(block)}</>;
}

function Table({ b }: { b: Extract<Block, { kind: "table" }> }) {
  const cell = (c: number) => (b.align[c] ? { class: `to-${b.align[c]}` } : {});
  return (
    <div class="scroll" role="group" aria-label="Table" tabIndex={0}>
      <table>
        <thead><tr>{b.head.map((t, c) => <th key={c} scope="col" {...cell(c)}>{spans(t)}</th>)}</tr></thead>
        <tbody>{b.rows.map((row, r) => <tr key={r}>{row.map((t, c) => <td key={c} {...cell(c)}>{spans(t)}</td>)}</tr>)}</tbody>
      </table>
    </div>
  );
}

function Code({ lang, text }: { lang: string; text: string }) {
  return (
    <div class="code">
      <div class="code-head">
        <span class="code-lang">{lang || "code"}</span>
        <CopyButton text={() => text} label="Copy code" />
      </div>
      <pre tabIndex={0} aria-label={lang ? `Code, ${lang}` : "Code"} role="group"><code>{text}</code></pre>
    </div>
  );
}

/** Copies what text returns, and says so. */
export function CopyButton({ text, label }: { text: () => string; label: string }) {
  const [said, say] = useState<"" | "Copied" | "Copying is not allowed here">("");
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text());
      say("Copied");
    } catch {
      say("Copying is not allowed here");
    }
    clearTimeout(timer.current);
    timer.current = setTimeout(() => say(""), 2000);
  };
  return (
    <button type="button" class="quiet" onClick={() => void copy()} aria-label={label} title={label}>
      {said === "Copied" ? <CheckIcon /> : <CopyIcon />}
      <span class="sr" role="status">{said}</span>
    </button>
  );
}

function spans(text: string): ComponentChildren {
  return inline(text).map(span);
}

function span(n: Inline, key: number): ComponentChildren {
  if (typeof n === "string") return n;
  switch (n.kind) {
    case "break":
      return <br key={key} />;
    case "code":
      return <code key={key}>{n.text}</code>;
    case "link":
      return <a key={key} href={n.href} target="_blank" rel="noopener noreferrer nofollow">{n.inner.map(span)}</a>;
    default: {
      const T = n.kind;
      return <T key={key}>{n.inner.map(span)}</T>;
    }
  }
}
