/** Evidence: one line of JSON for each finished run of a shard, and the sums over them. */
import { z } from 'zod';

export const EVIDENCE_FOLDER = 'test/evidence';

const Run = z.object({
  id: z.string().min(1),
  commit: z.string().min(1),
  kernel: z.string().nullable(),
  seed: z.number().nullable(),
  count: z.number().int().nonnegative(),
  failures: z.number().int().nonnegative(),
  seconds: z.number().nonnegative(),
});

export type Run = z.infer<typeof Run>;

export interface EvidenceSum {
  readonly id: string;
  readonly kernel: string | null;
  readonly runs: number;
  readonly commits: number;
  readonly seeds: number;
  readonly count: number;
  readonly failures: number;
  readonly seconds: number;
}

export function parseEvidence(file: string, text: string): Run[] {
  return text.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return [];
    try {
      return [Run.parse(JSON.parse(line))];
    } catch (cause) {
      throw new Error(`${file}:${index + 1}: this is no evidence`, { cause });
    }
  });
}

export function sumEvidence(runs: readonly Run[]): EvidenceSum[] {
  const groups = Map.groupBy(runs, ({ id, kernel }) => JSON.stringify([id, kernel]));
  const sums = [...groups.values()].flatMap((group): EvidenceSum[] => {
    const [first] = group;
    if (first === undefined) return [];
    const total = (field: 'count' | 'failures' | 'seconds'): number => group.reduce((sum, run) => sum + run[field], 0);
    return [
      {
        id: first.id,
        kernel: first.kernel,
        runs: group.length,
        commits: new Set(group.map((run) => run.commit)).size,
        seeds: new Set(group.flatMap((run) => run.seed ?? [])).size,
        count: total('count'),
        failures: total('failures'),
        seconds: Math.round(total('seconds') * 10) / 10,
      },
    ];
  });
  // A kernel is a version: 6.1 comes before 6.12.
  const byVersion = (a: string | null, b: string | null): number =>
    (a ?? '').localeCompare(b ?? '', 'en', { numeric: true });
  return sums.toSorted((a, b) => a.id.localeCompare(b.id, 'en') || byVersion(a.kernel, b.kernel));
}

const HEADINGS = ['ID', 'KERNEL', 'RUNS', 'COMMITS', 'SEEDS', 'COUNT', 'FAILURES', 'SECONDS'];

export function evidenceTable(sums: readonly EvidenceSum[]): string {
  const rows = sums.map((sum) =>
    [sum.id, sum.kernel ?? '-', sum.runs, sum.commits, sum.seeds, sum.count, sum.failures, sum.seconds].map(String),
  );
  const table = [HEADINGS, ...rows];
  const widths = HEADINGS.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  return table
    .map((row) => {
      const cells = row.map((cell, column) =>
        column < 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      );
      return `${cells.join('  ').trimEnd()}\n`;
    })
    .join('');
}
