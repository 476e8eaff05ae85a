/**
 * What the demo prints: progress while it works, tables side by side, and what was expected when it is not so.
 */
import { isDeepStrictEqual } from 'node:util';

/** Say what is done, do it, say how long it took. On a terminal the seconds run. */
export async function progress<T>(what: string, work: () => Promise<T>): Promise<T> {
  const began = performance.now();
  const elapsed = (): string => `${((performance.now() - began) / 1000).toFixed(1)} s`;
  const terminal = process.stdout.isTTY;
  if (!terminal) process.stdout.write(`> ${what}\n`);
  const ticker = terminal ? setInterval(() => process.stdout.write(`\r> ${what} ... ${elapsed()}`), 200) : null;
  try {
    return await work();
  } finally {
    if (ticker !== null) clearInterval(ticker);
    process.stdout.write(terminal ? `\r> ${what} (${elapsed()})\u001b[K\n` : `  (${elapsed()})\n`);
  }
}

/** How often each answer came. */
export function counts(answers: readonly string[]): Record<string, number> {
  const found: Record<string, number> = {};
  for (const answer of answers) found[answer] = (found[answer] ?? 0) + 1;
  return found;
}

/** Throws with both values when they differ. */
export function expectEqual(what: string, actual: unknown, expected: unknown): void {
  if (isDeepStrictEqual(actual, expected)) return;
  throw new Error(`${what}: expected ${JSON.stringify(expected)}, but it is ${JSON.stringify(actual)}`);
}

export const indented = (lines: readonly string[]): string => lines.map((line) => `  ${line}\n`).join('');

/** Two texts, one beside the other where the terminal is wide enough, else one after the other. */
export function sideBySide(left: string, right: string): string {
  const lines = left.trimEnd().split('\n');
  const others = right.trimEnd().split('\n');
  const width = Math.max(...lines.map((line) => line.length));
  const widest = width + 3 + Math.max(...others.map((line) => line.length));
  if (widest > (process.stdout.columns ?? 200)) return indented([...lines, '', ...others]);
  return indented(
    Array.from({ length: Math.max(lines.length, others.length) }, (_, index) =>
      `${(lines[index] ?? '').padEnd(width)} | ${others[index] ?? ''}`.trimEnd(),
    ),
  );
}
