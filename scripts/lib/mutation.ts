/** One run of the mutation tests, as numbers. */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { runChild } from './child.ts';
import { NODE, PROJECT } from './project.ts';

export interface MutationResult {
  /** Mutants that could be judged, and those that no test noticed. */
  readonly count: number;
  readonly survivors: number;
}

const Report = z.object({
  files: z.record(z.string(), z.object({ mutants: z.array(z.object({ status: z.string() })) })),
});

export function countMutants(report: unknown): MutationResult {
  const states = Object.values(Report.parse(report).files).flatMap((file) =>
    file.mutants.map((mutant) => mutant.status),
  );
  const count = (...wanted: string[]): number => states.filter((state) => wanted.includes(state)).length;
  const survivors = count('Survived', 'NoCoverage');
  return { count: count('Killed', 'Timeout') + survivors, survivors };
}

/** Passes when the score reaches what the configuration demands; survivors below that are known and allowed. */
export async function runMutation(): Promise<MutationResult & { readonly passed: boolean }> {
  const file = join(PROJECT, 'reports/mutation/mutation.json');
  await rm(file, { force: true });
  const { code } = await runChild(NODE, ['node_modules/@stryker-mutator/core/bin/stryker.js', 'run'], {
    output: 'inherit',
  });
  try {
    const counts = countMutants(JSON.parse(await readFile(file, 'utf8')));
    return { ...counts, passed: code === 0 && counts.count > 0 };
  } catch {
    return { count: 0, survivors: 0, passed: false };
  }
}
