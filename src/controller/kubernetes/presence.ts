/** Which directors live, by what their Leases do on our own clock: nobody else's clock is believed. */
import type { KindVersions } from '../source.ts';

/** What a Lease says. */
export interface LeaseReading {
  /** The Node. */
  readonly node: string;
  /** Changes with each renewal. */
  readonly renewTime: string | null;
  readonly observed: KindVersions;
}

export interface Presence {
  readonly live: boolean;
  /** Since when, in milliseconds of the clock that is passed. */
  readonly sinceMs: number;
  readonly observed: KindVersions;
}

export interface Roll {
  readonly directors: ReadonlyMap<string, Presence>;
  /** Take a look. True when somebody came or went, or told of newer versions. */
  look(leases: Iterable<LeaseReading>, nowMs: number): boolean;
}

interface Entry extends Presence {
  readonly renewTime: string | null;
  readonly changedMs: number;
}

/** @param durationMs after so long without a renewal a director is not live; one that is seen for the first time is */
export function openRoll(durationMs: number): Roll {
  let directors: ReadonlyMap<string, Entry> = new Map();
  return {
    get directors() {
      return directors;
    },
    look(leases, nowMs) {
      const next = new Map<string, Entry>();
      let differs = false;
      for (const { node, renewTime, observed } of leases) {
        const before = directors.get(node);
        const renewed = before?.renewTime !== renewTime;
        const changedMs = renewed ? nowMs : (before?.changedMs ?? nowMs);
        const live = renewTime !== null && nowMs - changedMs < durationMs;
        const sinceMs = before?.live === true || !live ? (before?.sinceMs ?? nowMs) : nowMs;
        next.set(node, { renewTime, changedMs, live, sinceMs, observed });
        if (before?.live !== live || !isSame(before.observed, observed)) differs = true;
      }
      if (next.size !== directors.size) differs = true;
      directors = next;
      return differs;
    },
  };
}

const isSame = (a: KindVersions, b: KindVersions): boolean =>
  a.virtualServices === b.virtualServices && a.realServers === b.realServers;
