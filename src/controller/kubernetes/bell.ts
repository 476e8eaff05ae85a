/** Wakes one loop: rings before it waits are not lost, and many become one. */

export interface Bell {
  ring(): void;
  /** Resolves at the next ring (at once if there was one), when aborted, or after so many milliseconds; null: no limit. */
  wait(ms: number | null, signal: AbortSignal): Promise<void>;
}

export function openBell(): Bell {
  let rung = false;
  let wake = (): void => undefined;
  return {
    ring() {
      rung = true;
      wake();
    },
    async wait(ms, signal) {
      if (!rung && !signal.aborted) {
        await new Promise<void>((resolve) => {
          const timer = ms === null ? undefined : setTimeout(resolve, ms);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
          signal.addEventListener('abort', wake);
        });
        signal.removeEventListener('abort', wake);
        wake = () => undefined;
      }
      rung = false;
    },
  };
}
