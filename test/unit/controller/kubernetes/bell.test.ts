/** Wakes one loop. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Bell, openBell } from '../../../../src/controller/kubernetes/bell.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const never = new AbortController().signal;

/** Whether a wait is over. */
function waiting(bell: Bell, ms: number | null, signal = never): () => Promise<boolean> {
  let over = false;
  void bell.wait(ms, signal).then(() => {
    over = true;
  });
  return async () => {
    await vi.advanceTimersByTimeAsync(0);
    return over;
  };
}

describe('a bell', () => {
  it('wakes who waits', async () => {
    const bell = openBell();
    const isOver = waiting(bell, null);
    expect(await isOver()).toBe(false);
    bell.ring();
    expect(await isOver()).toBe(true);
  });

  it('that rang before is heard once', async () => {
    const bell = openBell();
    bell.ring();
    bell.ring();
    expect(await waiting(bell, null)()).toBe(true);
    expect(await waiting(bell, null)()).toBe(false);
  });

  it('that rings between two waits is heard by the second', async () => {
    const bell = openBell();
    const first = waiting(bell, null);
    bell.ring();
    expect(await first()).toBe(true);
    bell.ring();
    expect(await waiting(bell, null)()).toBe(true);
  });

  it('that rings several times at once wakes once', async () => {
    const bell = openBell();
    const first = waiting(bell, null);
    bell.ring();
    bell.ring();
    expect(await first()).toBe(true);
    expect(await waiting(bell, null)()).toBe(false);
  });

  it('lets nobody wait longer than told', async () => {
    const isOver = waiting(openBell(), 50);
    await vi.advanceTimersByTimeAsync(49);
    expect(await isOver()).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(await isOver()).toBe(true);
  });

  it('can be waited for again after the time was over', async () => {
    const bell = openBell();
    const first = waiting(bell, 50);
    await vi.advanceTimersByTimeAsync(50);
    expect(await first()).toBe(true);
    const second = waiting(bell, null);
    expect(await second()).toBe(false);
    bell.ring();
    expect(await second()).toBe(true);
  });

  it('leaves no timer behind when it rings first', async () => {
    const bell = openBell();
    const isOver = waiting(bell, 50_000);
    bell.ring();
    expect(await isOver()).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('keeps nobody who is aborted, before or while waiting', async () => {
    const bell = openBell();
    const stopping = new AbortController();
    const during = waiting(bell, null, stopping.signal);
    expect(await during()).toBe(false);
    stopping.abort();
    expect(await during()).toBe(true);
    expect(await waiting(bell, null, stopping.signal)()).toBe(true);
  });
});
