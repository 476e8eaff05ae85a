/** One signal for everything that can end a call: its caller, the client, and its deadline. */

export interface Cancel {
  readonly signal: AbortSignal;
  /** What ended the call. */
  readonly why: 'aborted' | 'late' | null;
  /** Give it so many milliseconds from now on; null: without limit. */
  limit(ms: number | null): void;
  /** The call is over: nothing is listened to any more. */
  end(): void;
}

export function openCancel(parents: readonly (AbortSignal | undefined)[]): Cancel {
  const controller = new AbortController();
  let why: Cancel['why'] = null;
  let timer: NodeJS.Timeout | undefined;
  const stop = (cause: 'aborted' | 'late'): void => {
    why ??= cause;
    controller.abort();
  };
  const aborted = (): void => stop('aborted');
  for (const parent of parents) {
    if (parent?.aborted === true) aborted();
    else parent?.addEventListener('abort', aborted);
  }
  return {
    signal: controller.signal,
    get why() {
      return why;
    },
    limit(ms) {
      clearTimeout(timer);
      if (ms !== null) timer = setTimeout(() => stop('late'), ms);
    },
    end() {
      clearTimeout(timer);
      for (const parent of parents) parent?.removeEventListener('abort', aborted);
    },
  };
}

/** The promise, or null as soon as the signal is aborted; what the promise does then is nobody's business. */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | null> {
  let aborted: (() => void) | undefined;
  const end = new Promise<null>((resolve) => {
    aborted = () => resolve(null);
    if (signal.aborted) resolve(null);
    else signal.addEventListener('abort', aborted);
  });
  try {
    return await Promise.race([promise, end]);
  } finally {
    if (aborted !== undefined) signal.removeEventListener('abort', aborted);
  }
}
