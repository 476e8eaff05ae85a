/** How long to wait before the next try, and waiting itself. */
import type { ApiError } from './client.ts';

const SHORTEST_MS = 800;
const LONGEST_MS = 30_000;
/** A server that says "in an hour" is asked sooner: the answer may have come from something in between. */
const LONGEST_RETRY_AFTER_MS = 120_000;

/** From 0.8 s on twice as long for each failure in a row, up to `longestMs`; the upper half of it at random. */
export function backoffDelay(failures: number, random: number, longestMs = LONGEST_MS): number {
  const full = Math.min(longestMs, 2 * SHORTEST_MS * 2 ** Math.min(Math.max(0, failures - 1), 10));
  return full * (0.5 + random / 2);
}

/** What the server asks for, plus up to a second so that not all come back together; a backoff when it asks nothing. */
export function delayAfter(error: ApiError, failures: number, random: number, longestMs = LONGEST_MS): number {
  if (error.retryAfterMs === null) return backoffDelay(failures, random, longestMs);
  return Math.min(error.retryAfterMs, LONGEST_RETRY_AFTER_MS) + random * 1_000;
}

/** Resolves after so many milliseconds, or as soon as it is aborted. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
