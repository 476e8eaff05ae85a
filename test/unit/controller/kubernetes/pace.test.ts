/** How soon a reflector comes again. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { backoffDelay, delayAfter, sleep } from '../../../../src/controller/kubernetes/backoff.ts';
import type { ApiError } from '../../../../src/controller/kubernetes/client.ts';
import { openPace } from '../../../../src/controller/kubernetes/pace.ts';

const error = (status: number | null, retryAfterMs: number | null = null): ApiError => ({
  status,
  reason: null,
  message: '',
  retryAfterMs,
});

describe('a backoff', () => {
  it('grows from 0.8 to 30 seconds, half of it at random', () => {
    const least = [1, 2, 3, 4, 5, 6, 7, 1_000].map((failures) => backoffDelay(failures, 0));
    expect(least).toEqual([800, 1_600, 3_200, 6_400, 12_800, 15_000, 15_000, 15_000]);
    const most = [1, 2, 3, 4, 5, 6, 7, 1_000].map((failures) => backoffDelay(failures, 1));
    expect(most).toEqual([1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000, 30_000]);
  });

  it('is what the server asks for, within two minutes, and up to a second more', () => {
    expect(delayAfter(error(503, 7_000), 9, 0)).toBe(7_000);
    expect(delayAfter(error(429, 7_000), 1, 0.5)).toBe(7_500);
    expect(delayAfter(error(503, 86_400_000), 1, 0)).toBe(120_000);
    expect(delayAfter(error(503), 1, 0)).toBe(800);
  });
});

describe('sleeping', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('takes its time', async () => {
    let over = false;
    const sleeping = sleep(1_000, new AbortController().signal).then(() => (over = true));
    await vi.advanceTimersByTimeAsync(999);
    expect(over).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(over).toBe(true);
    await sleeping;
  });

  it('ends when it is aborted and leaves no timer', async () => {
    const controller = new AbortController();
    const sleeping = sleep(1_000, controller.signal);
    controller.abort();
    await sleeping;
    await sleep(1_000, controller.signal);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('the pace of a reflector', () => {
  const LONG = 5_001;

  it('watches again at once after a watch that lived long or told something', () => {
    const pace = openPace(() => 0);
    pace.watched(LONG, 0);
    expect(pace.afterEnd(LONG, 0)).toBe(0);
    pace.watched(10, 1);
    expect(pace.afterEnd(10, 1)).toBe(0);
  });

  it('does not hurry after watches that each tell a little and end', () => {
    const pace = openPace(() => 0);
    const delays = [1, 2, 3].map(() => {
      pace.watched(10, 1);
      return pace.afterEnd(10, 1);
    });
    expect(delays).toEqual([0, 800, 800]);
  });

  it('waits longer and longer after watches that end at once without a word', () => {
    const pace = openPace(() => 0);
    const delays = [1, 2, 3].map(() => {
      pace.watched(10, 0);
      return pace.afterEnd(10, 0);
    });
    expect(delays).toEqual([800, 1_600, 3_200]);
  });

  it('forgets failures after a good watch only', () => {
    const pace = openPace(() => 0);
    expect(pace.afterFailure(error(null))).toBe(800);
    expect(pace.afterFailure(null)).toBe(1_600);
    pace.watched(10, 0);
    expect(pace.afterFailure(null)).toBe(3_200);
    pace.watched(10, 1);
    expect(pace.afterFailure(null)).toBe(800);
    pace.watched(LONG, 0);
    expect(pace.afterFailure(null)).toBe(800);
  });

  it('asks for a missing kind at least every ten seconds', () => {
    const pace = openPace(() => 1);
    const delays = Array.from({ length: 8 }, () => pace.afterFailure(error(404)));
    expect(Math.max(...delays)).toBe(10_000);
    expect(pace.afterFailure(error(503))).toBe(30_000);
  });

  it('spreads the first list after an expiry over a second, and backs off when it does not help', () => {
    const pace = openPace(() => 0.5);
    expect([pace.afterExpiry(), pace.afterExpiry(), pace.afterExpiry()]).toEqual([500, 1_200, 2_400]);
    pace.watched(10, 1);
    expect(pace.afterExpiry()).toBe(4_800);
    pace.watched(LONG, 0);
    expect(pace.afterExpiry()).toBe(500);
  });

  it('wants a list after five watches in a row that told nothing', () => {
    const pace = openPace(() => 0);
    const wants = [0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0].map((events) => {
      pace.watched(LONG, events);
      return pace.takeSilence();
    });
    expect(wants.indexOf(true)).toBe(9);
    expect(wants.filter(Boolean)).toHaveLength(1);
  });
});
