/** Messages that come again and again. */
import { describe, expect, it } from 'vitest';
import { repeatFilter } from '../../../src/controller/repeats.ts';

describe('a message that comes again', () => {
  it('is printed at first, then not before its interval is over, and then with how many were left out', () => {
    const filter = repeatFilter(1_000);
    expect(filter.admit('a', 5)).toEqual({ print: true, suppressed: 0 });
    expect(filter.admit('a', 6)).toEqual({ print: false, suppressed: 1 });
    expect(filter.admit('a', 1_004)).toEqual({ print: false, suppressed: 2 });
    expect(filter.admit('a', 1_005)).toEqual({ print: true, suppressed: 2 });
    expect(filter.admit('a', 2_004)).toEqual({ print: false, suppressed: 1 });
    expect(filter.admit('a', 3_000)).toEqual({ print: true, suppressed: 1 });
    expect(filter.admit('a', 9_000)).toEqual({ print: true, suppressed: 0 });
  });

  it('does not hold back another', () => {
    const filter = repeatFilter(1_000);
    filter.admit('a', 0);
    expect(filter.admit('b', 0)).toEqual({ print: true, suppressed: 0 });
    expect(filter.admit('a', 1)).toEqual({ print: false, suppressed: 1 });
  });

  it('is forgotten when a thousand others came after it, the one printed longest ago first', () => {
    const filter = repeatFilter(1_000_000);
    for (let index = 0; index < 1_000; index++) filter.admit(`message ${index}`, index);
    expect(filter.admit('message 0', 1_000)).toEqual({ print: false, suppressed: 1 });
    filter.admit('one more', 1_001);
    expect(filter.admit('message 1', 1_002)).toEqual({ print: false, suppressed: 1 });
    expect(filter.admit('message 0', 1_003)).toEqual({ print: true, suppressed: 0 });
  });

  it('counts as young again once it is printed again', () => {
    const filter = repeatFilter(1_000);
    filter.admit('old', 0);
    for (let index = 1; index < 1_000; index++) filter.admit(`message ${index}`, 0);
    filter.admit('old', 1_000);
    filter.admit('one more', 1_000);
    expect(filter.admit('old', 1_001)).toEqual({ print: false, suppressed: 1 });
  });
});
