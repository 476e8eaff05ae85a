/** What a measurement prints: a table for people, JSON with `-o json`, and progress on a terminal. */
import { parseArgs } from 'node:util';

export interface Result {
  readonly name: string;
  /** Kernel and how it ran. */
  readonly machine: string;
  /** Milliseconds. */
  readonly rows: readonly { readonly what: string; readonly times: readonly number[] }[];
  readonly ratio: { readonly what: string; readonly value: number };
}

const { values } = parseArgs({ options: { output: { type: 'string', short: 'o', default: 'table' } } });

/** Of at least one number. */
export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}

export function printResult({ name, machine, rows, ratio }: Result): void {
  const summary = rows.map(({ what, times }) => ({
    what,
    runs: times.length,
    medianMs: Math.round(median(times)),
    worstMs: Math.round(Math.max(...times)),
  }));
  if (process.stderr.isTTY) process.stderr.write('\r\u001B[K');
  if (values.output === 'json') {
    const value = Number(ratio.value.toFixed(2));
    process.stdout.write(`${JSON.stringify({ name, machine, rows: summary, ratio: { ...ratio, value } })}\n`);
    return;
  }
  const width = Math.max(...summary.map(({ what }) => what.length));
  process.stdout.write(`${name}, ${machine}\n`);
  for (const { what, runs, medianMs, worstMs } of summary) {
    process.stdout.write(`  ${what.padEnd(width)}  ${runs} times  median ${medianMs} ms  worst ${worstMs} ms\n`);
  }
  process.stdout.write(`  ${ratio.what}: ${ratio.value.toFixed(2)}\n`);
}

export function progress(what: string, done: number, of: number): void {
  if (process.stderr.isTTY) process.stderr.write(`\r${what}: ${done}/${of}`);
}
