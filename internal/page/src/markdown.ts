// Markdown as models write it, into a tree. Pure, and safe by construction:
// the tree has no HTML in it, only text. What is not understood is shown as it
// was written, so the half of a construct that has not arrived yet is text too.
//
// inline.ts is the other half; markdown_view.tsx shows the tree.

export type Align = "left" | "center" | "right" | undefined;

export type Block =
  | { readonly kind: "paragraph"; readonly text: string }
  | { readonly kind: "heading"; readonly level: number; readonly text: string }
  | { readonly kind: "code"; readonly lang: string; readonly text: string }
  | { readonly kind: "quote"; readonly blocks: readonly Block[] }
  | { readonly kind: "list"; readonly start: number | undefined; readonly items: readonly (readonly Block[])[] }
  | { readonly kind: "table"; readonly align: readonly Align[]; readonly head: readonly string[]; readonly rows: readonly (readonly string[])[] }
  | { readonly kind: "rule" };

const maxDepth = 12; // of quotes and lists in one another; below it all is text

const fencePattern = /^ {0,3}(`{3,}|~{3,})([^`]*)$/;
const headingPattern = /^ {0,3}(#{1,6})(?: |\t|$)/;
const markerPattern = /^( {0,3})([-*+]|\d{1,9}[.)])( {1,4}|\t|$)/;
const quotePattern = /^ {0,3}> ?/;

/**
 * Cuts a text into stretches that can be parsed by themselves. While a text
 * grows only its last stretch changes, so a viewer parses no more than that.
 */
export function stretches(text: string): string[] {
  const out: string[] = [];
  let current: string[] = [];
  let fence = "";
  let blank = false;
  for (const line of text.split("\n")) {
    if (fence === "" && line.trim() === "") {
      blank = true;
      current.push(line);
      continue;
    }
    const inList = markerPattern.test(current.find((l) => l.trim() !== "") ?? "");
    const belongs = /^\s/.test(line) || (inList && markerPattern.test(line));
    if (blank && fence === "" && !belongs && current.length > 0) {
      out.push(current.join("\n"));
      current = [];
    }
    blank = false;
    fence = fenceAfter(fence, line);
    current.push(line);
  }
  if (current.some((l) => l.trim() !== "")) out.push(current.join("\n"));
  return out;
}

/** The fence that is open after a line, "" if none. */
function fenceAfter(open: string, line: string): string {
  if (open !== "") return closes(line.trim(), open) ? "" : open;
  return fencePattern.exec(line.trimStart())?.[1] ?? "";
}

function closes(line: string, fence: string): boolean {
  return line.length >= fence.length && line === fence[0]!.repeat(line.length);
}

/** Parses one stretch, or a whole text. */
export function parse(text: string): Block[] {
  return blocks(text.split("\n"), 0);
}

function blocks(lines: readonly string[], depth: number): Block[] {
  const out: Block[] = [];
  let i = 0;
  while (i < lines.length) {
    const line = lines[i]!;
    if (line.trim() === "") {
      i++;
      continue;
    }
    const [block, next] =
      code(lines, i) ?? indented(lines, i) ?? heading(line, i) ?? rule(line, i) ??
      (depth < maxDepth ? (quote(lines, i, depth) ?? list(lines, i, depth)) : undefined) ??
      table(lines, i) ?? paragraph(lines, i);
    out.push(block);
    i = next;
  }
  return out;
}

/** A block, and the line after it. */
type Found = [Block, number] | undefined;

function code(lines: readonly string[], i: number): Found {
  const m = fencePattern.exec(lines[i]!);
  if (!m) return undefined;
  const indent = lines[i]!.length - lines[i]!.trimStart().length;
  const body: string[] = [];
  let end = i + 1;
  for (; end < lines.length && !closes(lines[end]!.trim(), m[1]!); end++) body.push(dedent(lines[end]!, indent));
  return [{ kind: "code", lang: m[2]!.trim().split(/\s/)[0] ?? "", text: body.join("\n") }, end + 1];
}

// Code that is marked by its indent alone; it cannot interrupt a paragraph.
function indented(lines: readonly string[], i: number): Found {
  const inside = (l: string) => l.startsWith("    ") || l.startsWith("\t");
  if (!inside(lines[i]!)) return undefined;
  let end = i;
  for (let n = i; n < lines.length && (inside(lines[n]!) || lines[n]!.trim() === ""); n++) if (inside(lines[n]!)) end = n + 1;
  const text = lines.slice(i, end).map((l) => (l.startsWith("\t") ? l.slice(1) : dedent(l, 4))).join("\n");
  return [{ kind: "code", lang: "", text }, end];
}

function heading(line: string, i: number): Found {
  const m = headingPattern.exec(line);
  if (!m) return undefined;
  let text = line.slice(m[0].length).trim();
  let end = text.length;
  while (end > 0 && text[end - 1] === "#") end--;
  if (end === 0 || text[end - 1] === " ") text = text.slice(0, end).trimEnd();
  return [{ kind: "heading", level: m[1]!.length, text }, i + 1];
}

function isRule(line: string): boolean {
  const marks = line.replaceAll(" ", "").replaceAll("\t", "");
  const c = marks[0];
  return marks.length >= 3 && (c === "-" || c === "*" || c === "_") && marks === c.repeat(marks.length) && !line.startsWith("    ");
}

function rule(line: string, i: number): Found {
  return isRule(line) ? [{ kind: "rule" }, i + 1] : undefined;
}

function quote(lines: readonly string[], i: number, depth: number): Found {
  if (!quotePattern.test(lines[i]!)) return undefined;
  const inner: string[] = [];
  let end = i;
  for (; end < lines.length && quotePattern.test(lines[end]!); end++) inner.push(lines[end]!.replace(quotePattern, ""));
  return [{ kind: "quote", blocks: blocks(inner, depth + 1) }, end];
}

function list(lines: readonly string[], i: number, depth: number): Found {
  const first = markerPattern.exec(lines[i]!);
  if (!first) return undefined;
  const sort = sortOf(first[2]!);
  const items: string[][] = [];
  let indent = 0;
  let end = i;
  for (; end < lines.length; end++) {
    const line = lines[end]!;
    const m = markerPattern.exec(line);
    const item = items.at(-1);
    const space = line.length - line.trimStart().length;
    if (line.trim() === "") {
      if (!continues(lines, end, sort)) break;
      item?.push("");
    } else if (item && space >= Math.min(indent, 2) && space > 0) {
      item.push(dedent(line, indent));
    } else if (m && sortOf(m[2]!) === sort && !isRule(line)) {
      indent = m[0].length;
      items.push([line.slice(m[0].length)]);
    } else if (item && lines[end - 1]!.trim() !== "" && !begins(line)) {
      item.push(line); // a paragraph's next line, written without its indent
    } else {
      break;
    }
  }
  const start = sort === "ordered" ? Number.parseInt(first[2]!, 10) : undefined;
  return [{ kind: "list", start, items: items.map((l) => blocks(l, depth + 1)) }, end];
}

function sortOf(marker: string): string {
  return marker.length > 1 ? "ordered" : marker;
}

// Whether the list goes on after the blank line i.
function continues(lines: readonly string[], i: number, sort: string): boolean {
  let next = i;
  while (next < lines.length && lines[next]!.trim() === "") next++;
  const line = lines[next];
  if (line === undefined) return false;
  const m = markerPattern.exec(line);
  return line.startsWith("  ") || (m !== null && sortOf(m[2]!) === sort && !isRule(line));
}

function dedent(line: string, max: number): string {
  let n = 0;
  while (n < max && (line[n] === " " || line[n] === "\t")) n++;
  return line.slice(n);
}

function table(lines: readonly string[], i: number): Found {
  const rule = lines[i + 1];
  if (!lines[i]!.includes("|") || rule === undefined || !rule.includes("-") || !/^[\s|:-]+$/.test(rule)) return undefined;
  const head = cells(lines[i]!);
  const align = cells(rule).map(alignOf);
  if (align.length !== head.length) return undefined;
  const rows: string[][] = [];
  let end = i + 2;
  for (; end < lines.length && lines[end]!.trim() !== "" && lines[end]!.includes("|"); end++) {
    const row = cells(lines[end]!);
    rows.push(head.map((_, c) => row[c] ?? ""));
  }
  return [{ kind: "table", align, head, rows }, end];
}

function alignOf(rule: string): Align {
  const right = rule.endsWith(":");
  if (rule.startsWith(":")) return right ? "center" : "left";
  return right ? "right" : undefined;
}

function cells(line: string): string[] {
  let s = line.trim();
  if (s.startsWith("|")) s = s.slice(1);
  if (s.endsWith("|") && !s.endsWith("\\|")) s = s.slice(0, -1);
  return s.split(/(?<!\\)\|/).map((c) => c.trim().replaceAll("\\|", "|"));
}

// Whether a line begins another block than a paragraph.
function begins(line: string): boolean {
  const m = markerPattern.exec(line);
  return fencePattern.test(line) || headingPattern.test(line) || quotePattern.test(line) || isRule(line) ||
    (m !== null && line.length > m[0].length && (sortOf(m[2]!) !== "ordered" || /^1[.)]$/.test(m[2]!)));
}

function paragraph(lines: readonly string[], i: number): [Block, number] {
  let end = i + 1;
  while (end < lines.length && lines[end]!.trim() !== "" && !begins(lines[end]!)) end++;
  const text = lines.slice(i, end).map((l) => l.trim() + (l.endsWith("  ") ? "  " : "")).join("\n"); // inline.ts reads the two spaces
  return [{ kind: "paragraph", text: text.trimEnd() }, end];
}
