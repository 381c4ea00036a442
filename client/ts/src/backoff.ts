/** Bounds of the wait before the next try, in milliseconds. */
export const firstWait = 250;
export const longestWait = 15_000;

/**
 * How long to wait before try number n (0, 1, 2, …): anything up to a bound
 * that doubles from a quarter of a second to 15 s. Full jitter, so that a
 * crowd that lost its server does not come back as one.
 */
export function backoff(n: number, random: () => number): number {
  return Math.round(random() * Math.min(longestWait, firstWait * 2 ** Math.min(n, 16)));
}
