/**
 * When to reconcile: at once after a change or interference, after a while without either, and later and later while it
 * fails. One reconciliation at a time; what comes meanwhile is done next, together.
 */

export interface LoopOptions {
  /** One reconciliation. False when it should be tried again soon. It must not reject; if it does, it failed. */
  readonly work: (reasons: readonly string[]) => Promise<boolean>;
  /** Quiet time until a full look is taken without a cause. A fifth of it is spread at random over directors. */
  readonly resyncMs: number;
  readonly onError: (error: unknown) => void;
  readonly random?: () => number;
}

export interface Loop {
  /** Ask for a reconciliation; several before it starts become one. */
  request(reason: string): void;
  /** Milliseconds since the loop last finished a turn or, while idle, since it was due. For health checks. */
  silence(now: number): number;
  /** Resolves when the running turn is over; none starts after it. */
  stop(): Promise<void>;
}

const SHORTEST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 30_000;
/** Reasons are for the log; a storm of them must not grow without bound. */
const MOST_REASONS = 20;

export function startLoop(options: LoopOptions): Loop {
  const random = options.random ?? Math.random;
  let reasons = new Set<string>();
  let timer: NodeJS.Timeout | null = null;
  let running: Promise<void> | null = null;
  let stopped = false;
  let failures = 0;
  let due = Date.now();

  const schedule = (delay: number): void => {
    if (stopped) return;
    if (timer !== null) clearTimeout(timer);
    due = Date.now() + delay;
    timer = setTimeout(start, delay);
  };
  const start = (): void => {
    if (running !== null || stopped) return;
    const taken = [...reasons];
    reasons = new Set();
    running = turn(taken.length === 0 ? ['resync'] : taken).finally(() => {
      running = null;
      schedule(nextDelay());
    });
  };
  const turn = async (taken: readonly string[]): Promise<void> => {
    let good = false;
    try {
      good = await options.work(taken);
    } catch (error) {
      options.onError(error);
    }
    failures = good ? 0 : failures + 1;
  };
  const nextDelay = (): number => {
    if (failures > 0) return retryDelay(failures, random());
    if (reasons.size > 0) return 0;
    return options.resyncMs * (0.9 + 0.2 * random());
  };

  return {
    request(reason) {
      if (reasons.size < MOST_REASONS) reasons.add(reason);
      if (running === null) schedule(failures === 0 ? 0 : Math.min(Math.max(0, due - Date.now()), SHORTEST_RETRY_MS));
    },
    silence: (now) => (running === null ? Math.max(0, now - due) : now - due),
    async stop() {
      stopped = true;
      if (timer !== null) clearTimeout(timer);
      await running;
    },
  };
}

/** Exponential, at most 30 s, half of it at random. */
export function retryDelay(failures: number, random: number): number {
  const full = Math.min(LONGEST_RETRY_MS, SHORTEST_RETRY_MS * 2 ** Math.min(failures - 1, 10));
  return full * (0.5 + random / 2);
}
