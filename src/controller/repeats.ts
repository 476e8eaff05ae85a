/**
 * A message that comes again and again is printed now and then, with the number of those left out.
 */

export interface RepeatFilter {
  /** Whether to print it now, and how many of its like were left out since it was printed last. */
  admit(message: string, now: number): { readonly print: boolean; readonly suppressed: number };
}

/** Most different messages that are remembered; the oldest is forgotten first. */
const MOST_MESSAGES = 1_000;

/** `intervalMs`: least time between two prints of one message. `now` counts milliseconds. */
export function repeatFilter(intervalMs: number): RepeatFilter {
  const seen = new Map<string, { printed: number; suppressed: number }>();
  return {
    admit(message, now) {
      const entry = seen.get(message);
      if (entry !== undefined && now - entry.printed < intervalMs) {
        entry.suppressed++;
        return { print: false, suppressed: entry.suppressed };
      }
      seen.delete(message);
      seen.set(message, { printed: now, suppressed: 0 });
      const [oldest] = seen.keys();
      if (seen.size > MOST_MESSAGES && oldest !== undefined) seen.delete(oldest);
      return { print: true, suppressed: entry?.suppressed ?? 0 };
    },
  };
}
