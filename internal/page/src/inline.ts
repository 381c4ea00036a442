// The inside of a paragraph: emphasis, code, links. Pure. Every search that
// finds nothing is remembered, so the work grows with the text and not with
// its square, whatever somebody makes a model write.

export type Inline =
  | string
  | { readonly kind: "strong" | "em" | "del"; readonly inner: readonly Inline[] }
  | { readonly kind: "code"; readonly text: string }
  | { readonly kind: "link"; readonly href: string; readonly inner: readonly Inline[] }
  | { readonly kind: "break" };

const maxDepth = 8;
const maxLabel = 1000; // characters of a link's text, and of its address
const maxAddress = 2000;

/** Parses the text of one block. */
export function inline(text: string): Inline[] {
  return new Scanner(text, 0, true).run();
}

/** The address if it may be opened: http and https, nothing else. */
export function safeAddress(s: string): string | undefined {
  try {
    const u = new URL(s);
    return u.protocol === "https:" || u.protocol === "http:" ? u.href : undefined;
  } catch {
    return undefined;
  }
}

class Scanner {
  #s: string;
  #depth: number;
  #links: boolean; // a link in a link is text
  #i = 0;
  #text = "";
  #out: Inline[] = [];
  #dead = new Set<string>(); // marks that nothing ahead closes
  #unclosed = 0; // up to here there is no ]

  constructor(s: string, depth: number, links: boolean) {
    this.#s = s;
    this.#depth = depth;
    this.#links = links;
  }

  run(): Inline[] {
    while (this.#i < this.#s.length) {
      if (!this.#step()) this.#text += this.#s[this.#i++]!;
    }
    this.#flush();
    return this.#out;
  }

  #step(): boolean {
    switch (this.#s[this.#i]) {
      case "\\":
        return this.#escape();
      case "\n":
        return this.#newline();
      case "`":
        return this.#code();
      case "*":
        return this.#emphasis("***") || this.#emphasis("**") || this.#emphasis("*");
      case "_":
        return this.#emphasis("__") || this.#emphasis("_");
      case "~":
        return this.#emphasis("~~");
      case "!":
        return this.#s[this.#i + 1] === "[" && this.#link(this.#i + 1); // nothing is loaded from elsewhere
      case "[":
        return this.#link(this.#i);
      case "<":
      case "h":
        return this.#address();
    }
    return false;
  }

  #flush(): void {
    if (this.#text !== "") this.#out.push(this.#text);
    this.#text = "";
  }

  #emit(node: Inline, next: number): true {
    this.#flush();
    this.#out.push(node);
    this.#i = next;
    return true;
  }

  // A line ends where the writer's editor wrapped it; two spaces or a backslash
  // before its end say that it is meant to end there.
  #newline(): true {
    const hard = this.#text.endsWith("  ");
    this.#text = this.#text.trimEnd();
    if (hard) return this.#emit({ kind: "break" }, this.#i + 1);
    this.#text += " ";
    this.#i++;
    return true;
  }

  #escape(): boolean {
    const next = this.#s[this.#i + 1];
    if (next === "\n") return this.#emit({ kind: "break" }, this.#i + 2);
    if (next === undefined || !/[!-/:-@[-`{-~]/.test(next)) return false;
    this.#text += next;
    this.#i += 2;
    return true;
  }

  #code(): boolean {
    let n = 1;
    while (this.#s[this.#i + n] === "`") n++;
    const mark = "`".repeat(n);
    const from = this.#i + n;
    let at = this.#dead.has(mark) ? -1 : this.#s.indexOf(mark, from);
    while (at >= 0 && this.#s[at + n] === "`") {
      let past = at + n;
      while (this.#s[past] === "`") past++;
      at = this.#s.indexOf(mark, past);
    }
    if (at < 0) {
      this.#dead.add(mark);
      this.#text += mark;
      this.#i = from;
      return true;
    }
    let text = this.#s.slice(from, at).replace(/ *\n/g, " ");
    if (text.startsWith(" ") && text.endsWith(" ") && text.trim() !== "") text = text.slice(1, -1);
    return this.#emit({ kind: "code", text }, at + n);
  }

  #emphasis(mark: string): boolean {
    const s = this.#s;
    const from = this.#i + mark.length;
    if (this.#depth >= maxDepth || this.#dead.has(mark) || !s.startsWith(mark, this.#i) || isSpace(s[from])) return false;
    if (mark[0] === "_" && isWord(s[this.#i - 1])) return false;
    const end = this.#closing(mark, from);
    if (end < 0) {
      this.#dead.add(mark);
      return false;
    }
    const inner = new Scanner(s.slice(from, end), this.#depth + 1, this.#links).run();
    const node: Inline = mark === "***" ? { kind: "strong", inner: [{ kind: "em", inner }] }
      : { kind: mark === "~~" ? "del" : mark.length === 2 ? "strong" : "em", inner };
    return this.#emit(node, end + mark.length);
  }

  // Where mark closes what it opened before from, or -1.
  #closing(mark: string, from: number): number {
    const s = this.#s;
    const c = mark[0]!;
    for (let i = from; i < s.length; i++) {
      if (s[i] === "\\") {
        i++;
      } else if (s[i] === "`") {
        const end = s.indexOf("`", i + 1);
        if (end > 0) i = end;
      } else if (s[i] === c) {
        let n = 1;
        while (s[i + n] === c) n++;
        const fits = n === mark.length || (n === 3 && mark.length < 3) || (n > 3 && mark.length === 3);
        const at = n === 3 && mark.length === 1 ? i + 2 : n === 3 && mark.length === 2 ? i + 1 : i;
        if (fits && at > from && !isSpace(s[i - 1]) && !(c === "_" && isWord(s[i + n]))) return at;
        i += n - 1;
      }
    }
    return -1;
  }

  #link(open: number): boolean {
    const s = this.#s;
    if (!this.#links || open < this.#unclosed) return false;
    let depth = 0;
    let close = -1;
    let seen = false;
    for (let i = open; i < s.length && i < open + maxLabel; i++) {
      if (s[i] === "\\") i++;
      else if (s[i] === "[") depth++;
      else if (s[i] === "]") {
        seen = true;
        if (--depth > 0) continue;
        close = i;
        break;
      }
    }
    if (!seen) this.#unclosed = open + maxLabel;
    if (close < 0 || s[close + 1] !== "(") return false;
    const end = endOfAddress(s, close + 2);
    if (end < 0) return false;
    const target = s.slice(close + 2, end).trim();
    const href = safeAddress((target.split(/\s/)[0] ?? "").replace(/^<|>$/g, ""));
    const label = s.slice(open + 1, close);
    if (!href) return false;
    const inner = new Scanner(label === "" ? href : label, this.#depth + 1, false).run();
    return this.#emit({ kind: "link", href, inner }, end + 1);
  }

  // An address that stands in the text as itself, in angle brackets or bare.
  #address(): boolean {
    const s = this.#s;
    const angle = s[this.#i] === "<";
    const from = this.#i + (angle ? 1 : 0);
    if (!this.#links || !(s.startsWith("https://", from) || s.startsWith("http://", from)) || isWord(s[this.#i - 1])) return false;
    let end = from;
    while (end < s.length && end < from + maxAddress && !/[\s<>"`]/.test(s[end]!)) end++;
    if (angle && s[end] !== ">") return false;
    if (!angle) while (end > from && /[.,:;!?'*_~)\]]/.test(s[end - 1]!) && !balanced(s.slice(from, end))) end--;
    const text = s.slice(from, end);
    const href = safeAddress(text);
    return href !== undefined && this.#emit({ kind: "link", href, inner: [text] }, angle ? end + 1 : end);
  }
}

// Where the parenthesis closes that was open before from, or -1.
function endOfAddress(s: string, from: number): number {
  let depth = 0;
  for (let i = from; i < s.length && i < from + maxAddress && s[i] !== "\n"; i++) {
    if (s[i] === "(") depth++;
    else if (s[i] === ")" && depth-- === 0) return i;
  }
  return -1;
}

// Whether an address ends with a parenthesis of its own.
function balanced(s: string): boolean {
  return s.endsWith(")") && s.split("(").length === s.split(")").length;
}

function isSpace(c: string | undefined): boolean {
  return c === undefined || c.trim() === "";
}

function isWord(c: string | undefined): boolean {
  return c !== undefined && /[\p{L}\p{N}_]/u.test(c);
}
