/**
 * Runs the tests, all or those that the arguments name (`node scripts/test.ts test/unit/crd`), and ends with one line
 * that says how many passed. A test that was skipped is a test that did not pass.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { addCounts, isGood, summaryLine } from './lib/counts.ts';
import { SCRATCH } from './lib/project.ts';
import { runVitest } from './lib/vitest.ts';

const args = process.argv.slice(2);
// End-to-end tests wait a lot, kernel tests compute: together they take little longer than the longer of them.
const runs =
  args.length > 0
    ? [runVitest(args)]
    : [runVitest(['--project=unit', '--project=kernel']), runVitest(['--project=e2e'], { apart: true })];
const counts = addCounts(await Promise.all(runs));
await mkdir(SCRATCH, { recursive: true });
await writeFile(join(SCRATCH, 'test-summary'), `${summaryLine(counts)}\n`);
process.stdout.write(`${summaryLine(counts)}\n`);
if (!isGood(counts)) process.exitCode = 1;
