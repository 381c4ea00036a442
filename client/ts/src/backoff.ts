/** Bounds of the wait before the next try, in milliseconds. */
export const firstWait = 500;
export const longestWait = 10_000;

/**
 * How long to wait before try number n (0, 1, 2, …), as docs/protocol.md says:
 * first anything up to half a second, for a server that dies loses all its
 * clients at once; then half a second, doubled each time up to 10 s, times a
 * factor between 0.5 and 1.
 */
export function backoff(n: number, random: () => number): number {
  if (n === 0) return Math.round(random() * firstWait);
  return Math.round((0.5 + random() / 2) * Math.min(longestWait, firstWait * 2 ** Math.min(n - 1, 16)));
}
