/** Writes the newest of many states, now and then, and the last one at the end. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { openSaver } from '../../../../src/controller/kubernetes/saver.ts';

const EVERY_MS = 1_000;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function start() {
  const written: string[] = [];
  const notes: string[] = [];
  const failing = { message: '' };
  const write = (state: string): Promise<void> => {
    if (failing.message !== '') return Promise.reject(new Error(failing.message));
    written.push(state);
    return Promise.resolve();
  };
  const saver = openSaver(write, EVERY_MS, (message) => notes.push(message));
  return { saver, written, notes, failing };
}

it('writes the first at once, and of those that follow the newest, once in a while', async () => {
  const { saver, written } = start();
  saver.save('1');
  await vi.advanceTimersByTimeAsync(0);
  expect(written).toEqual(['1']);
  for (const state of ['2', '3', '4']) saver.save(state);
  await vi.advanceTimersByTimeAsync(EVERY_MS - 1);
  expect(written).toEqual(['1']);
  await vi.advanceTimersByTimeAsync(1);
  expect(written).toEqual(['1', '4']);
  await vi.advanceTimersByTimeAsync(10 * EVERY_MS);
  saver.save('5');
  await vi.advanceTimersByTimeAsync(0);
  expect(written).toEqual(['1', '4', '5']);
});

it('writes the last one when it is closed, and nothing when there is none', async () => {
  const { saver, written } = start();
  saver.save('1');
  saver.save('2');
  await saver.close();
  expect(written.at(-1)).toBe('2');
  const other = start();
  await other.saver.close();
  expect(other.written).toEqual([]);
});

it('tries again what could not be written, and says so', async () => {
  const { saver, written, notes, failing } = start();
  failing.message = 'the disk is full';
  saver.save('1');
  await vi.advanceTimersByTimeAsync(0);
  expect([written, notes]).toEqual([[], ['what was accepted cannot be saved: the disk is full']]);
  failing.message = '';
  await vi.advanceTimersByTimeAsync(EVERY_MS);
  expect(written).toEqual(['1']);
});
