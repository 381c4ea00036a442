// What a screen reader is told of an answer while it streams: finished
// sentences, not tokens. Pure.

import { inline } from "./inline.js";
import type { Inline } from "./inline.js";
import { parse } from "./markdown.js";
import type { Block } from "./markdown.js";

/** The place in text, at or after from, behind the last sentence that has ended. */
export function spoken(text: string, from: number): number {
  let end = from;
  for (const m of text.slice(from).matchAll(/[.!?…:](?=\s)|[。！？]|\n/g)) end = from + m.index + m[0].length;
  // Not in the middle of a code block or a table: they are told when they are
  // whole.
  const said = text.slice(from, end);
  if (said.split("```").length % 2 === 0) return from + said.lastIndexOf("```");
  const table = openTable(text);
  return table < 0 ? end : Math.max(from, Math.min(end, table));
}

// Where the table begins with which text ends, or -1.
function openTable(text: string): number {
  let at = -1;
  let end = text.length;
  while (end >= 0) {
    const begin = text.lastIndexOf("\n", end - 1) + 1;
    const line = text.slice(begin, end);
    if (!line.startsWith("|") && !(at < 0 && line === "")) break;
    if (line !== "") at = begin;
    if (begin === 0) break;
    end = begin - 1;
  }
  return at;
}

/** Text without the marks that are for the eye. */
export function plain(markdown: string): string {
  return parse(markdown).map(block).join(" ").replace(/\s+/g, " ").trim();
}

function block(b: Block): string {
  switch (b.kind) {
    case "paragraph":
      return spans(b.text);
    case "heading":
      return ended(spans(b.text));
    case "code":
      return "Code block.";
    case "quote":
      return b.blocks.map(block).join(" ");
    case "list":
      return b.items.map((item, i) => (b.start === undefined ? "" : `${b.start + i}. `) + ended(item.map(block).join(" "))).join(" ");
    case "table":
      return b.rows.map((row) => ended(row.map((cell, c) => named(spans(b.head[c] ?? ""), spans(cell))).filter((s) => s !== "").join(", "))).join(" ");
    case "rule":
      return "";
  }
}

// A cell under its column's name, as there is no eye that looks up.
function named(head: string, cell: string): string {
  return head === "" || cell === "" ? cell : `${head}: ${cell}`;
}

function ended(s: string): string {
  return s === "" || /[.!?…:。！？]$/.test(s) ? s : s + ".";
}

function spans(text: string): string {
  return inline(text).map(span).join("");
}

function span(n: Inline): string {
  if (typeof n === "string") return unmarked(n);
  if (n.kind === "break") return " ";
  if (n.kind === "code") return n.text;
  return n.inner.map(span).join("");
}

// Marks whose other half stands in another sentence. An underscore inside a
// word is part of it.
function unmarked(s: string): string {
  return s.replace(/\*{2,3}|~~|`+|\*(?=\S)|(?<=\S)\*|(?<![\p{L}\p{N}_])_{1,3}(?=\S)|(?<=\S)_{1,3}(?![\p{L}\p{N}_])/gu, "");
}
