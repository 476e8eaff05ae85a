/** How soon a reflector may come again: at once after a good watch, and ever later while nothing works. */
import { backoffDelay, delayAfter } from './backoff.ts';
import type { ApiError } from './client.ts';

/** A watch that lived so long was a good one. */
const GOOD_WATCH_MS = 5_000;
/** After so many watches in a row that told nothing, the version from which we watch may be what is wrong. */
const MOST_SILENT_WATCHES = 5;
/** A kind whose CustomResourceDefinition is missing may come any moment, and asking for it is cheap. */
const LONGEST_WAIT_FOR_KIND_MS = 10_000;

/** Delays are in milliseconds. */
export interface Pace {
  /** A watch that had been opened is over, for whatever reason: to be said before anything is asked about it. */
  watched(livedMs: number, events: number): void;
  /** The server ended the watch, or it broke. */
  afterEnd(livedMs: number, events: number): number;
  /** Null: what was answered made no sense. */
  afterFailure(error: ApiError | null): number;
  /** The version from which we watched is forgotten. All agents learn that at the same time, so even the first waits. */
  afterExpiry(): number;
  /** True once when so many watches told nothing that a list is due. */
  takeSilence(): boolean;
}

export function openPace(random: () => number): Pace {
  let failures = 0;
  let expirations = 0;
  let shortWatches = 0;
  let silentWatches = 0;
  return {
    watched(livedMs, events) {
      const long = livedMs > GOOD_WATCH_MS;
      if (long || events > 0) failures = 0;
      if (long) expirations = 0;
      shortWatches = long ? 0 : shortWatches + 1;
      silentWatches = events > 0 ? 0 : silentWatches + 1;
    },
    afterEnd(livedMs, events) {
      if (livedMs > GOOD_WATCH_MS) return 0;
      if (events === 0) {
        failures += 1;
        return backoffDelay(failures, random());
      }
      // Events show that all is well, but a server that ends each watch after one event must not be asked without pause.
      return shortWatches > 1 ? backoffDelay(1, random()) : 0;
    },
    afterFailure(error) {
      failures += 1;
      if (error === null) return backoffDelay(failures, random());
      return error.status === 404
        ? delayAfter(error, failures, random(), LONGEST_WAIT_FOR_KIND_MS)
        : delayAfter(error, failures, random());
    },
    afterExpiry() {
      expirations += 1;
      return expirations === 1 ? random() * 1_000 : backoffDelay(expirations - 1, random());
    },
    takeSilence() {
      if (silentWatches < MOST_SILENT_WATCHES) return false;
      silentWatches = 0;
      return true;
    },
  };
}
