/** The part of the browser's WebSocket that the client uses. */
export interface Socket {
  onopen: ((ev: any) => void) | null;
  onmessage: ((ev: any) => void) | null;
  onclose: ((ev: any) => void) | null;
  onerror: ((ev: any) => void) | null;
  send(data: string): void;
  close(code?: number, reason?: string): void;
}

/** Makes a Socket; the browser's WebSocket is one, and so is the package ws. */
export type SocketConstructor = new (url: string, protocols: string[]) => Socket;

/** What happened around the page that bears on its connection. */
export type Wake = "online" | "offline" | "shown";

/** What the client needs of the place where it runs. */
export interface Env {
  WebSocket: SocketConstructor | undefined;
  fetch: typeof fetch;
  setTimeout(fn: () => void, ms: number): unknown;
  clearTimeout(timer: unknown): void;
  /** Milliseconds, growing. */
  now(): number;
  /** 0 ≤ random() < 1 */
  random(): number;
  /** A new id that no other client has. */
  uuid(): string;
  /** Calls fn when the network or the page comes or goes; returns what stops it. */
  onWake(fn: (why: Wake) => void): () => void;
}

/** The real one: a browser, Node, Deno or Bun. */
export function hostEnv(): Env {
  const g = globalThis as {
    WebSocket?: SocketConstructor;
    addEventListener?: typeof addEventListener;
    removeEventListener?: typeof removeEventListener;
    document?: Document;
  };
  return {
    WebSocket: g.WebSocket,
    fetch: (input, init) => fetch(input, init),
    setTimeout: (fn, ms) => setTimeout(fn, ms),
    clearTimeout: (t) => clearTimeout(t as number),
    now: () => Date.now(),
    random: Math.random,
    uuid,
    onWake(fn) {
      if (!g.addEventListener || !g.removeEventListener) return () => {};
      const online = () => fn("online");
      const offline = () => fn("offline");
      const shown = () => {
        if (g.document === undefined || g.document.visibilityState !== "hidden") fn("shown");
      };
      g.addEventListener("online", online);
      g.addEventListener("offline", offline);
      g.addEventListener("pageshow", shown);
      g.document?.addEventListener("visibilitychange", shown);
      return () => {
        g.removeEventListener!("online", online);
        g.removeEventListener!("offline", offline);
        g.removeEventListener!("pageshow", shown);
        g.document?.removeEventListener("visibilitychange", shown);
      };
    },
  };
}

// crypto.randomUUID exists in secure contexts only; a page served over plain
// HTTP to an address other than localhost has just getRandomValues.
function uuid(): string {
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  const hex = [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
}
