/** One run of vitest: its output goes on to the terminal, its result comes back as numbers. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runChild } from './child.ts';
import { countRun, type Counts } from './counts.ts';
import { NODE } from './project.ts';

async function readReport(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch {
    return null;
  }
}

export async function runVitest(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Counts> {
  const folder = await mkdtemp(join(tmpdir(), 'lvs-director-test-'));
  try {
    const file = join(folder, 'report.json');
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
    const vitest = ['node_modules/vitest/vitest.mjs', 'run', ...reporters, ...args];
    const { code } = await runChild(NODE, vitest, { output: 'inherit', env });
    return countRun(code, await readReport(file));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
