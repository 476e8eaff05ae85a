/** Shows what the long test runs have shown so far: `node scripts/evidence.ts [-o json]`. */
import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { EVIDENCE_FOLDER, evidenceTable, parseEvidence, sumEvidence, type Run } from './lib/evidence.ts';
import { PROJECT } from './lib/project.ts';

const { output } = new Command('evidence')
  .addOption(new Option('-o, --output <format>', 'form of the answer').choices(['table', 'json']).default('table'))
  .parse()
  .opts<{ output: 'table' | 'json' }>();

const runs: Run[] = [];
for await (const file of glob(`${EVIDENCE_FOLDER}/*.jsonl`, { cwd: PROJECT })) {
  runs.push(...parseEvidence(file, await readFile(join(PROJECT, file), 'utf8')));
}
const sums = sumEvidence(runs);
if (output === 'json') process.stdout.write(`${JSON.stringify(sums, null, 2)}\n`);
else process.stdout.write(sums.length === 0 ? 'There is no evidence yet: make test-full\n' : evidenceTable(sums));
