/** Who lives, by our own clock. */
import { describe, expect, it } from 'vitest';
import { type LeaseReading, openRoll } from '../../../../src/controller/kubernetes/presence.ts';

const NOTHING = { virtualServices: null, realServers: null };
const lease = (node: string, renewTime: string | null, virtualServices: string | null = null): LeaseReading => ({
  node,
  renewTime,
  observed: { ...NOTHING, virtualServices },
});
/** `NAME live|dead SINCE`. */
const seen = (roll: ReturnType<typeof openRoll>): string[] =>
  [...roll.directors].map(([name, { live, sinceMs }]) => `${name} ${live ? 'live' : 'dead'} ${sinceMs}`);

describe('a director', () => {
  it('is live when it is seen for the first time, whatever its Lease says about the time', () => {
    const roll = openRoll(40);
    expect(roll.look([lease('a', '1999-01-01T00:00:00.000000Z')], 7)).toBe(true);
    expect(seen(roll)).toEqual(['a live 7']);
  });

  it('is dead when its Lease did not change for so long, and not before', () => {
    const roll = openRoll(40);
    roll.look([lease('a', '1')], 0);
    expect(roll.look([lease('a', '1')], 39)).toBe(false);
    expect(seen(roll)).toEqual(['a live 0']);
    expect(roll.look([lease('a', '1')], 40)).toBe(true);
    expect(seen(roll)).toEqual(['a dead 0']);
    expect(roll.look([lease('a', '1')], 90)).toBe(false);
  });

  it('that renews stays live since it came, even if the time in its Lease goes back', () => {
    const roll = openRoll(40);
    roll.look([lease('a', '2')], 0);
    expect(roll.look([lease('a', '1')], 30)).toBe(false);
    expect(roll.look([lease('a', '3')], 60)).toBe(false);
    roll.look([lease('a', '3')], 99);
    expect(seen(roll)).toEqual(['a live 0']);
    roll.look([lease('a', '3')], 100);
    expect(seen(roll)).toEqual(['a dead 0']);
  });

  it('that renews after it was dead is live since then', () => {
    const roll = openRoll(40);
    roll.look([lease('a', '1')], 0);
    roll.look([lease('a', '1')], 50);
    expect(roll.look([lease('a', '2')], 70)).toBe(true);
    expect(seen(roll)).toEqual(['a live 70']);
  });

  it('whose Lease was never renewed is not live', () => {
    const roll = openRoll(40);
    expect(roll.look([lease('a', null)], 5)).toBe(true);
    expect(seen(roll)).toEqual(['a dead 5']);
    expect(roll.look([lease('a', '1')], 6)).toBe(true);
    expect(seen(roll)).toEqual(['a live 6']);
  });

  it('whose Lease is gone is not there, and is new when it comes back', () => {
    const roll = openRoll(40);
    roll.look([lease('a', '1'), lease('b', '1')], 0);
    expect(roll.look([lease('b', '1')], 10)).toBe(true);
    expect(seen(roll)).toEqual(['b live 0']);
    roll.look([lease('a', '1'), lease('b', '1')], 20);
    expect(seen(roll)).toEqual(['a live 20', 'b live 0']);
  });
});

describe('a look', () => {
  it('tells that somebody came in place of another', () => {
    const roll = openRoll(40);
    roll.look([lease('a', '1')], 0);
    expect(roll.look([lease('b', '1')], 1)).toBe(true);
  });

  it('tells that somebody has followed newer versions, and keeps them', () => {
    const roll = openRoll(40);
    roll.look([lease('a', '1', '5')], 0);
    expect(roll.look([lease('a', '2', '5')], 1)).toBe(false);
    expect(roll.look([lease('a', '3', '6')], 2)).toBe(true);
    expect(roll.directors.get('a')?.observed).toEqual({ virtualServices: '6', realServers: null });
    const both = { ...lease('a', '3'), observed: { virtualServices: '6', realServers: '7' } };
    expect(roll.look([both], 3)).toBe(true);
    expect(roll.look([both], 4)).toBe(false);
  });

  it('at nobody tells nothing', () => {
    expect(openRoll(40).look([], 0)).toBe(false);
  });
});
