// The list of conversations, kept in this browser and the same in all its
// tabs. The server keeps the conversations themselves.

/** A conversation as the list shows it. */
export interface Chat {
  readonly channel: string;
  readonly title: string;
  /** When it was last written in, as Date.now counts. */
  readonly at: number;
}

const key = "karez.chats";
const maxChats = 500; // in the list; an older one is still there under its address

const listeners = new Set<() => void>();
let cached: { text: string | null; chats: readonly Chat[] } = { text: null, chats: [] };

/** The list, newest first; the same array until it changes. */
export function chats(): readonly Chat[] {
  const text = read();
  if (text !== cached.text) cached = { text, chats: decode(text) };
  return cached.chats;
}

/** Calls fn when the list changes, here or in another tab. */
export function onChats(fn: () => void): () => void {
  const heard = (e: StorageEvent) => (e.key === key || e.key === null) && fn();
  addEventListener("storage", heard);
  listeners.add(fn);
  return () => {
    removeEventListener("storage", heard);
    listeners.delete(fn);
  };
}

/** Puts a conversation on top; a title that it has stays. */
export function noteChat(channel: string, title: string): void {
  const old = chats().find((c) => c.channel === channel);
  const rest = chats().filter((c) => c.channel !== channel);
  save([{ channel, title: old?.title || titleOf(title), at: Date.now() }, ...rest].slice(0, maxChats));
}

/** Adds a conversation that was opened by its address. */
export function foundChat(channel: string, title: string): void {
  if (!chats().some((c) => c.channel === channel)) noteChat(channel, title);
}

/** Gives a conversation in the list another title, at its place. */
export function nameChat(channel: string, title: string): void {
  if (titleIn(channel) === title) return;
  save(chats().map((c) => (c.channel === channel ? { ...c, title } : c)));
}

/** The title in the list, "" if it is not there. */
export function titleIn(channel: string): string {
  return chats().find((c) => c.channel === channel)?.title ?? "";
}

/** Takes a conversation off the list. */
export function forgetChat(channel: string): void {
  save(chats().filter((c) => c.channel !== channel));
}

/** A channel that nobody has used. */
export function freshChannel(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(10));
  return "chat:" + [...bytes].map((b) => (b % 32).toString(32)).join("");
}

/** The first line of a message, cut to what fits. */
export function titleOf(text: string): string {
  const line = text.trim().split("\n")[0] ?? "";
  const short = [...line].slice(0, 60).join("");
  return short.length < line.length ? short.trimEnd() + "…" : short;
}

function read(): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return cached.text; // forbidden: the list lives as long as the page
  }
}

function decode(text: string | null): Chat[] {
  try {
    const list = JSON.parse(text ?? "[]") as Chat[];
    return list.filter((c) => typeof c.channel === "string" && c.channel !== "" && typeof c.title === "string" && typeof c.at === "number");
  } catch {
    return [];
  }
}

function save(list: readonly Chat[]): void {
  const text = JSON.stringify(list);
  cached = { text, chats: list };
  try {
    localStorage.setItem(key, text);
  } catch {
    // Full or forbidden.
  }
  for (const fn of [...listeners]) fn();
}
