/** How many tests passed, failed and were skipped, from the report that vitest writes as JSON. */
import { z } from 'zod';

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

const Report = z.object({
  testResults: z.array(
    z.object({
      status: z.string(),
      assertionResults: z.array(z.object({ status: z.string() })),
    }),
  ),
});

/** A file that could not be loaded counts as one failure, and whatever neither passed nor failed as skipped. */
export function countReport(report: unknown): Counts {
  const files = Report.parse(report).testResults;
  const states = files.flatMap((file) => {
    const tests = file.assertionResults.map((test) => test.status);
    return file.status === 'failed' && !tests.includes('failed') ? [...tests, 'failed'] : tests;
  });
  const passed = states.filter((state) => state === 'passed').length;
  const failed = states.filter((state) => state === 'failed').length;
  return { passed, failed, skipped: states.length - passed - failed };
}

/** A run that went wrong beside its tests, or that wrote no report, has one failure more than its tests tell of. */
export function countRun(code: number, report: unknown): Counts {
  if (report === null) return { passed: 0, failed: 1, skipped: 0 };
  const counts = countReport(report);
  const nothing = counts.passed + counts.skipped === 0;
  return counts.failed === 0 && (code !== 0 || nothing) ? { ...counts, failed: 1 } : counts;
}

/** Of several runs. One of which nothing is known has failed already. */
export const addCounts = (runs: readonly Counts[]): Counts =>
  runs.reduce((sum, { passed, failed, skipped }) => ({
    passed: sum.passed + passed,
    failed: sum.failed + failed,
    skipped: sum.skipped + skipped,
  }));

export const isGood = ({ passed, failed, skipped }: Counts): boolean => passed > 0 && failed === 0 && skipped === 0;

export const summaryLine = ({ passed, failed, skipped }: Counts): string =>
  `${passed} passed, ${failed} failed, ${skipped} skipped`;
