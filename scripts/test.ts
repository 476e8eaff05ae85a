/**
 * Runs the tests, all or those that the arguments name (`node scripts/test.ts test/unit/crd`), and ends with one line
 * that says how many passed. A test that was skipped is a test that did not pass.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { addCounts, type Counts, isGood, summaryLine } from './lib/counts.ts';
import { SCRATCH } from './lib/project.ts';
import { runVitest } from './lib/vitest.ts';

const args = process.argv.slice(2);
// One after the other: two emulated guests at once on two processors take longer than one after the other.
const runs = args.length > 0 ? [args] : [['--project=unit', '--project=kernel'], ['--project=e2e']];
const results: Counts[] = [];
for (const run of runs) results.push(await runVitest(run));
const counts = addCounts(results);
await mkdir(SCRATCH, { recursive: true });
await writeFile(join(SCRATCH, 'test-summary'), `${summaryLine(counts)}\n`);
process.stdout.write(`${summaryLine(counts)}\n`);
if (!isGood(counts)) process.exitCode = 1;
