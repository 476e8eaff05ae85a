/** Tells a reflector's owner what happened: together what came together, and so that no exception of his gets back. */
import type { ReflectorOptions } from './reflector.ts';
import { messageOf } from './values.ts';

export interface Notices {
  /** Something came; `changed` when it matters. Told as soon as everything that came with it is taken in. */
  happened(changed: boolean): void;
  trouble(trouble: string | null): void;
  note(message: string): void;
}

type Listeners = Pick<ReflectorOptions, 'onChange' | 'onEvent' | 'onTrouble' | 'onNote'>;

/** Nothing is told any more once the signal is aborted. */
export function openNotices(listeners: Listeners, signal: AbortSignal): Notices {
  let waiting: { changed: boolean } | null = null;
  const guarded = (call: () => void): void => {
    if (signal.aborted) return;
    try {
      call();
    } catch (error) {
      note(`a listener threw: ${messageOf(error)}`);
    }
  };
  const note = (message: string): void => {
    if (signal.aborted) return;
    try {
      listeners.onNote?.(message);
    } catch {
      // Whoever keeps the log cannot be told.
    }
  };
  const flush = (): void => {
    const told = waiting;
    waiting = null;
    if (told?.changed === true) guarded(() => listeners.onChange());
    guarded(() => listeners.onEvent?.());
  };
  return {
    happened(changed) {
      if (waiting !== null) {
        waiting.changed ||= changed;
        return;
      }
      waiting = { changed };
      // All lines of one chunk of bytes are taken in before any microtask runs.
      queueMicrotask(flush);
    },
    trouble: (trouble) => guarded(() => listeners.onTrouble?.(trouble)),
    note,
  };
}
