/** Writes the newest of many states now and then, and the last one at the end. */
import { messageOf } from './values.ts';

export interface Saver<T> {
  /** This is the state now. The first is written at once. */
  save(state: T): void;
  /** Resolves when the last state is written. */
  close(): Promise<void>;
}

/** @param everyMs between two writes, and until one that failed is tried again */
export function openSaver<T>(
  write: (state: T) => Promise<void>,
  everyMs: number,
  onNote: (message: string) => void,
): Saver<T> {
  let waiting: { readonly state: T } | null = null;
  let timer: NodeJS.Timeout | null = null;
  let writing: Promise<void> = Promise.resolve();
  const flush = async (): Promise<void> => {
    const now = waiting;
    if (now === null) return;
    waiting = null;
    try {
      await write(now.state);
    } catch (error) {
      waiting ??= now;
      onNote(`what was accepted cannot be saved: ${messageOf(error)}`);
    }
  };
  const turn = (): void => {
    timer = setTimeout(() => {
      timer = null;
      if (waiting !== null) turn();
    }, everyMs);
    writing = writing.then(flush);
  };
  return {
    save(state) {
      waiting = { state };
      if (timer === null) turn();
    },
    async close() {
      if (timer !== null) clearTimeout(timer);
      writing = writing.then(flush);
      await writing;
    },
  };
}
