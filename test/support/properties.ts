/**
 * PROPERTY_RUNS sets how many inputs each property gets, PROPERTY_SEED which: a failure is seen again with its seed. A
 * property that says nothing of its own gets fast-check's hundred without them.
 */
import fc from 'fast-check';
import { vi } from 'vitest';

const number = (name: string): number | undefined => {
  const text = process.env[name];
  return text === undefined ? undefined : Number(text);
};

const runs = number('PROPERTY_RUNS');
const seed = number('PROPERTY_SEED');
fc.configureGlobal({
  ...(runs === undefined ? {} : { numRuns: runs }),
  ...(seed === undefined ? {} : { seed }),
});
// The long run takes its time.
if (runs !== undefined) vi.setConfig({ testTimeout: 3_600_000 });
