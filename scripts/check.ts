/**
 * Every check that needs no kernel, at once; one line each, and the output of those that fail. The end names what
 * failed.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runChild } from './lib/child.ts';
import { NODE, SCRATCH } from './lib/project.ts';

interface Check {
  readonly name: string;
  readonly what: string;
  readonly args: readonly string[];
}

const CHECKS: readonly Check[] = [
  { name: 'format', what: 'oxfmt --check', args: ['node_modules/oxfmt/bin/oxfmt', '--check'] },
  {
    name: 'lint',
    what: 'oxlint --type-aware',
    args: ['node_modules/oxlint/bin/oxlint', '--type-aware', '--deny-warnings', '--report-unused-disable-directives'],
  },
  { name: 'types', what: 'tsc --noEmit', args: ['node_modules/typescript/bin/tsc', '--noEmit'] },
  { name: 'boundaries', what: 'which folder imports what', args: ['scripts/checks/boundaries.ts'] },
  { name: 'suppressions', what: 'no check is switched off in src', args: ['scripts/checks/suppressions.ts'] },
  { name: 'dead code', what: 'knip', args: ['node_modules/knip/bin/knip.js', '--no-progress', '--no-config-hints'] },
  { name: 'licences', what: 'licences and reasons of dependencies', args: ['scripts/checks/licences.ts'] },
  { name: 'generated', what: 'generated files are up to date', args: ['scripts/checks/generated.ts'] },
];

const running = CHECKS.map(async (check) => {
  const start = performance.now();
  const result = await runChild(NODE, check.args, { output: 'keep' });
  return { check, result, seconds: (performance.now() - start) / 1000 };
});

const failed: string[] = [];
for (const each of running) {
  const { check, result, seconds } = await each;
  const mark = result.code === 0 ? 'ok  ' : 'FAIL';
  process.stdout.write(`${mark} ${check.name.padEnd(13)} ${check.what} (${seconds.toFixed(1)} s)\n`);
  if (result.code === 0) continue;
  failed.push(check.name);
  process.stdout.write(`${result.output.trimEnd().replaceAll(/^/gm, '     ')}\n`);
}
await mkdir(SCRATCH, { recursive: true });
await writeFile(join(SCRATCH, 'checks-failed'), `${failed.length}\n`);
if (failed.length > 0) {
  process.stdout.write(`${failed.length} of ${CHECKS.length} checks failed: ${failed.join(', ')}\n`);
  process.exitCode = 1;
}
