/**
 * Waiting for a program to be ready: it is asked again and again, because it tells nobody; when it ends, the wait ends.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Child } from './child.ts';

const DEADLINE_MS = 60_000;
const BETWEEN_MS = 25;

/** `isReady` may reject as long as nobody listens. Kills the child when it was not ready in time. */
export async function awaitReady(child: Child, isReady: () => Promise<boolean>): Promise<void> {
  const end = new AbortController();
  const late = AbortSignal.timeout(DEADLINE_MS);
  const ended = child.gone.then((how) => {
    throw new Error(`${child.name} ended with ${how}:\n${child.lastLines()}`);
  });
  const poll = async (): Promise<void> => {
    let last = 'it did not answer';
    while (!end.signal.aborted) {
      try {
        if (await isReady()) return;
        last = 'it says that it is not ready';
      } catch (error) {
        last = error instanceof Error ? error.message : String(error);
      }
      if (late.aborted) {
        throw new Error(`${child.name} was not ready after ${DEADLINE_MS / 1000} s (${last}):\n${child.lastLines()}`);
      }
      await delay(BETWEEN_MS);
    }
  };
  try {
    await Promise.race([poll(), ended]);
  } catch (error) {
    await child.kill();
    throw error;
  } finally {
    end.abort();
  }
}
