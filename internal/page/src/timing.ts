// How long a reader waited for the first token: from Enter to what was shown.
// Known only for what this tab sent and saw arrive without a reload between.

const key = "karez.waits";
const maxKept = 200;

const asked = new Map<string, number>(); // message → performance.now
const waits = new Map<string, number>(load()); // turn → milliseconds

/** A message was sent now. */
export function noteAsked(message: string): void {
  asked.set(message, performance.now());
}

/** The first token of a turn is there. */
export function noteFirst(message: string, turn: string): void {
  const from = asked.get(message);
  if (from === undefined || turn === "") return;
  asked.delete(message);
  waits.set(turn, performance.now() - from);
  for (const old of waits.keys()) {
    if (waits.size <= maxKept) break;
    waits.delete(old);
  }
  try {
    sessionStorage.setItem(key, JSON.stringify([...waits]));
  } catch {
    // Forgotten with the page.
  }
}

/** Milliseconds from asking a turn to its first token. */
export function waitOf(turn: string): number | undefined {
  return waits.get(turn);
}

/** 0.3 s, 12 s. */
export function seconds(ms: number): string {
  const s = ms / 1000;
  return s < 0.05 ? "under 0.1 s" : s < 10 ? `${s.toFixed(1)} s` : `${Math.round(s)} s`;
}

function load(): [string, number][] {
  try {
    return JSON.parse(sessionStorage.getItem(key) ?? "[]") as [string, number][];
  } catch {
    return [];
  }
}
