/** Whatever directors report, and whenever, what is said about an object is true, and it is not taken back. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GRACE_MS } from '../../../src/controller/summary.ts';
import type { VirtualServiceStatus } from '../../../src/crd/status.ts';
import { changeOf, directorView, exception, summaryOf } from '../../support/summing.ts';
import { realServerObject, virtualServiceObject } from '../../support/objects.ts';
import { node } from '../../support/site.ts';

const NAMES = ['a', 'b', 'c'] as const;
type Name = (typeof NAMES)[number];
const nodes = Object.fromEntries(NAMES.map((name, index) => [name, node(`192.168.112.${index + 1}`)]));
const web = virtualServiceObject({ addresses: ['192.168.112.200'] });
const rs = realServerObject('rs', { address: '192.168.112.153', port: 10_000 });

type Outcome = 'good' | 'KernelRefused' | 'NotHere' | 'Pending';

type Event =
  /** The object changes; each director needs so long to report. */
  | { readonly kind: 'edit'; readonly needMs: Readonly<Record<Name, number>> }
  /** Something else changes. */
  | { readonly kind: 'other' }
  | { readonly kind: 'report'; readonly name: Name; readonly outcome: Outcome }
  /** Its Lease ends. */
  | { readonly kind: 'leave'; readonly name: Name }
  | { readonly kind: 'come'; readonly name: Name; readonly needMs: number }
  | { readonly kind: 'pass'; readonly ms: number };

const name = fc.constantFrom(...NAMES);
const needMs = fc.integer({ min: 1, max: GRACE_MS - 1 });
const event: fc.Arbitrary<Event> = fc.oneof(
  fc.record({ kind: fc.constant('edit' as const), needMs: fc.record({ a: needMs, b: needMs, c: needMs }) }),
  fc.record({ kind: fc.constant('other' as const) }),
  fc.record({
    kind: fc.constant('report' as const),
    name,
    outcome: fc.constantFrom<Outcome>('good', 'good', 'KernelRefused', 'NotHere', 'Pending'),
  }),
  fc.record({ kind: fc.constant('leave' as const), name }),
  fc.record({ kind: fc.constant('come' as const), name, needMs }),
  fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 2 * GRACE_MS }) }),
);

interface Director {
  live: boolean;
  liveSinceMs: number;
  /** Null before its first report. */
  upTo: number | null;
  outcome: Outcome;
  /** By then it has reported what came of the object. */
  dueMs: number | null;
}

/** The object and its directors, summed up after each event. */
function openHistory() {
  const directors = new Map<Name, Director>(
    NAMES.map((each) => [each, { live: false, liveSinceMs: 0, upTo: null, outcome: 'good', dueMs: null }]),
  );
  let nowMs = 0;
  let version = 1;
  let generation = 1;
  let since = 1;
  let seenMs = 0;
  let status: VirtualServiceStatus | null = null;

  const of = (each: Name): Director => directors.get(each) as Director;
  const knows = ({ upTo, outcome }: Director): boolean => upTo !== null && upTo >= since && outcome !== 'Pending';
  /** Those that count. */
  const eligible = (): Director[] => [...directors.values()].filter(({ outcome }) => outcome !== 'NotHere');
  const living = (): Director[] => eligible().filter(({ live }) => live);
  const programmed = () => status?.conditions.find(({ type }) => type === 'Programmed');

  const sum = () => {
    const summary = summaryOf({
      objects: [{ data: web, generation, since: String(since), seenMs, status }, rs],
      nodes,
      directors: Object.fromEntries(
        [...directors].map(([each, { live, liveSinceMs, upTo, outcome }]) => [
          each,
          directorView({
            live,
            liveSinceMs,
            silent: upTo === null,
            upTo: String(upTo ?? 0),
            exceptions: outcome === 'good' ? [] : [exception(web, outcome)],
          }),
        ]),
      ),
      now: new Date(nowMs).toISOString(),
      nowMs,
    });
    const change = changeOf(summary, 'VirtualService', 'web');
    if (change !== null) {
      status = change;
      judge();
    }
    return { change, againMs: summary.againMs };
  };
  /** What was said is so. */
  const judge = (): void => {
    const said = programmed();
    expect(said?.observedGeneration).toBe(generation);
    switch (said?.status) {
      case 'True':
        expect(living().length).toBeGreaterThan(0);
        expect(living().filter((each) => !knows(each) || each.outcome !== 'good')).toEqual([]);
        break;
      case 'False':
        if (eligible().length > 0) expect(living().some((each) => knows(each) && each.outcome !== 'good')).toBe(true);
        break;
      case 'Unknown':
      case undefined:
        // All that live report in time, so it is only unknown when there are none: what was true is not taken back.
        expect(living()).toEqual([]);
    }
  };
  const report = (director: Director, outcome: Outcome): void => {
    // That the kernel does not have it yet is said of a change, and not for long.
    if (outcome === 'Pending' && director.dueMs === null) return;
    director.upTo = version;
    director.outcome = outcome;
    if (outcome !== 'Pending') director.dueMs = null;
  };
  const pass = (ms: number): void => {
    const end = nowMs + ms;
    for (;;) {
      const dues = [...directors.values()].filter(({ dueMs }) => dueMs !== null && dueMs <= end);
      const next = dues.toSorted((x, y) => (x.dueMs ?? 0) - (y.dueMs ?? 0))[0];
      if (next === undefined) break;
      nowMs = next.dueMs ?? nowMs;
      sum();
      report(next, next.outcome === 'Pending' ? 'good' : next.outcome);
      sum();
    }
    nowMs = end;
  };
  return {
    happen(what: Event): void {
      switch (what.kind) {
        case 'edit':
          version += 1;
          generation += 1;
          since = version;
          seenMs = nowMs;
          for (const [each, director] of directors) if (director.live) director.dueMs = nowMs + what.needMs[each];
          break;
        case 'other':
          version += 1;
          break;
        case 'report':
          if (of(what.name).live) report(of(what.name), what.outcome);
          break;
        case 'leave':
          of(what.name).live = false;
          of(what.name).dueMs = null;
          break;
        case 'come': {
          const director = of(what.name);
          if (director.live) break;
          director.live = true;
          director.liveSinceMs = nowMs;
          if (!knows(director)) director.dueMs = nowMs + what.needMs;
          break;
        }
        case 'pass':
          pass(what.ms);
      }
      sum();
    },
    /** All that live report, and then nothing happens. */
    settle(): void {
      pass(GRACE_MS);
      sum();
      expect(sum()).toEqual({ change: null, againMs: null });
      const expected =
        eligible().length === 0
          ? 'False NotHere'
          : living().some(({ outcome }) => outcome === 'KernelRefused')
            ? 'False KernelRefused'
            : living().length === 0
              ? 'Unknown DirectorsUnknown'
              : 'True Programmed';
      expect(`${programmed()?.status} ${programmed()?.reason}`).toBe(expected);
      expect(programmed()?.observedGeneration).toBe(generation);
      const has = living().filter(({ outcome }) => outcome === 'good').length;
      expect(status?.directors).toEqual({ programmed: has, total: eligible().length });
    },
  };
}

describe('what is said about an object while directors report in time', () => {
  it('is always so, is never taken back, and in the end is all there is to say', () => {
    const histories = fc.property(fc.array(event, { maxLength: 40 }), (events) => {
      const history = openHistory();
      for (const each of events) history.happen(each);
      history.settle();
    });
    expect(() => fc.assert(histories)).not.toThrow();
  });
});
