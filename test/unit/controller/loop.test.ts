/** When the loop takes a turn, with a clock of our own. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Loop, retryDelay, startLoop } from '../../../src/controller/loop.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(async () => {
  vi.useRealTimers();
});

const RESYNC_MS = 100_000;

/** A loop whose turns are recorded as `TIME: REASONS`; `work` says how each goes. */
function recorded(work: (turn: number) => Promise<boolean> = async () => true, random = 0.5) {
  const turns: string[] = [];
  const errors: unknown[] = [];
  const begin = Date.now();
  const loop = startLoop({
    resyncMs: RESYNC_MS,
    random: () => random,
    onError: (error) => errors.push(error),
    work: (reasons) => {
      turns.push(`${Date.now() - begin}: ${reasons.join(', ')}`);
      return work(turns.length);
    },
  });
  return { loop, turns, errors };
}

/** A promise that the test fulfils when it likes. */
function pending(): { promise: Promise<boolean>; resolve: (good: boolean) => void } {
  let resolve: (good: boolean) => void = () => undefined;
  const promise = new Promise<boolean>((fulfil) => {
    resolve = fulfil;
  });
  return { promise, resolve };
}

const pass = (milliseconds: number): Promise<unknown> => vi.advanceTimersByTimeAsync(milliseconds);

describe('the loop', () => {
  it('does nothing until it is asked', async () => {
    const { turns } = recorded();
    await pass(10 * RESYNC_MS);
    expect(turns).toEqual([]);
  });

  it('takes one turn for all that is asked before it starts', async () => {
    const { loop, turns } = recorded();
    loop.request('start');
    loop.request('folder');
    loop.request('folder');
    await pass(0);
    expect(turns).toEqual(['0: start, folder']);
  });

  it('takes one turn at a time, and what comes meanwhile is done next, together', async () => {
    const first = pending();
    const { loop, turns } = recorded((turn) => (turn === 1 ? first.promise : Promise.resolve(true)));
    loop.request('start');
    await pass(0);
    loop.request('folder');
    loop.request('ipvs');
    await pass(5_000);
    expect(turns).toHaveLength(1);
    first.resolve(true);
    await pass(0);
    expect(turns).toEqual(['0: start', '5000: folder, ipvs']);
  });

  it.each([
    [0, 90_000],
    [0.5, 100_000],
    [1, 110_000],
  ])('looks again after a quiet time that random %d makes %d ms', async (random, delay) => {
    const { loop, turns } = recorded(undefined, random);
    loop.request('start');
    await pass(delay - 1);
    expect(turns).toHaveLength(1);
    await pass(1);
    expect(turns).toEqual(['0: start', `${delay}: resync`]);
  });

  it('tries again later and later while it fails, and starts anew after a success', async () => {
    const { loop, turns } = recorded(async (turn) => turn === 4, 1);
    loop.request('start');
    await pass(7_000);
    expect(turns).toEqual(['0: start', '1000: resync', '3000: resync', '7000: resync']);
    loop.request('folder');
    await pass(0);
    expect(turns.at(-1)).toBe('7000: folder');
    await pass(1_000);
    expect(turns.at(-1)).toBe('8000: resync');
  });

  it('reports a rejection and takes it for a failure', async () => {
    const error = new Error('no');
    const { loop, turns, errors } = recorded((turn) => (turn === 1 ? Promise.reject(error) : Promise.resolve(true)), 1);
    loop.request('start');
    await pass(1_000);
    expect(turns).toEqual(['0: start', '1000: resync']);
    expect(errors).toEqual([error]);
  });

  it('is not driven faster than once a second by requests while it fails', async () => {
    const { loop, turns } = recorded(async () => false, 1);
    loop.request('start');
    await pass(31_000);
    expect(turns.at(-1)).toBe('31000: resync');
    loop.request('noise');
    await pass(999);
    expect(turns.at(-1)).toBe('31000: resync');
    await pass(1);
    expect(turns.at(-1)).toBe('32000: noise');
  });

  it('does not put off a retry that is due sooner than a request would be', async () => {
    const { loop, turns } = recorded(async () => false, 1);
    loop.request('start');
    await pass(900);
    loop.request('noise');
    await pass(100);
    expect(turns).toEqual(['0: start', '1000: noise']);
  });

  it('keeps at most twenty reasons', async () => {
    const { loop, turns } = recorded();
    for (let index = 1; index <= 30; index++) loop.request(`r${index}`);
    await pass(0);
    expect(turns[0]).toMatch(/r20$/);
  });

  it('stops once the running turn is over, and starts none after it', async () => {
    const first = pending();
    const { loop, turns } = recorded(() => first.promise);
    loop.request('start');
    await pass(0);
    loop.request('folder');
    const stopped = vi.fn();
    void loop.stop().then(stopped);
    await pass(1_000);
    expect(stopped).not.toHaveBeenCalled();
    first.resolve(true);
    await pass(RESYNC_MS * 2);
    expect(stopped).toHaveBeenCalledOnce();
    loop.request('late');
    await pass(RESYNC_MS * 2);
    expect(turns).toHaveLength(1);
  });

  it('stops at once while it is idle', async () => {
    const { loop, turns } = recorded();
    loop.request('start');
    await loop.stop();
    await pass(RESYNC_MS * 2);
    expect(turns).toEqual([]);
  });
});

describe('silence', () => {
  const silence = (loop: Loop): number => loop.silence(Date.now());

  it('is nothing while the loop is idle, and grows while a turn does not end', async () => {
    const second = pending();
    const { loop } = recorded((turn) => (turn === 2 ? second.promise : Promise.resolve(true)));
    loop.request('start');
    await pass(10);
    expect(silence(loop)).toBe(0);
    await pass(RESYNC_MS - 10);
    await pass(200_000);
    expect(silence(loop)).toBe(200_000);
    second.resolve(true);
    await pass(0);
    expect(silence(loop)).toBe(0);
  });

  it('is nothing in a loop that was just made', () => {
    expect(silence(recorded().loop)).toBe(0);
  });
});

describe('the delay of a retry', () => {
  it.each([
    [1, 1, 1_000],
    [1, 0, 500],
    [2, 1, 2_000],
    [3, 0.5, 3_000],
    [5, 1, 16_000],
    [6, 1, 30_000],
    [5_000, 1, 30_000],
    [5_000, 0, 15_000],
  ])('after %d failures with random %d is %d ms', (failures, random, delay) => {
    expect(retryDelay(failures, random)).toBe(delay);
  });
});
