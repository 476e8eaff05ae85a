/** Remembers which shards passed on a commit, so that a long run that was interrupted goes on where it stopped. */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { CACHE } from '../../lab/cache.ts';
import { runChild } from './child.ts';

const Passed = z.array(z.string());

export interface Commit {
  readonly hash: string;
  /** Nothing differs from the commit, except the evidence that the run itself writes. */
  readonly isClean: boolean;
}

async function git(...args: string[]): Promise<string> {
  const { code, output } = await runChild('git', args, { output: 'keep' });
  if (code !== 0) throw new Error(`git ${args.join(' ')} failed: ${output}`);
  return output.trim();
}

export async function currentCommit(): Promise<Commit> {
  const [hash, changes] = await Promise.all([
    git('rev-parse', 'HEAD'),
    git('status', '--porcelain', '--', '.', ':(exclude)test/evidence'),
  ]);
  return { hash, isClean: changes === '' };
}

const fileOf = (commit: string): string => join(CACHE, 'test-full', `${commit}.json`);

export async function passedShards(commit: string): Promise<Set<string>> {
  try {
    return new Set(Passed.parse(JSON.parse(await readFile(fileOf(commit), 'utf8'))));
  } catch {
    // Nothing is remembered, or it cannot be read: run everything.
    return new Set();
  }
}

export async function rememberPassed(commit: string, shard: string): Promise<void> {
  const file = fileOf(commit);
  const passed = await passedShards(commit);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(`${file}.new`, JSON.stringify([...passed, shard]));
  await rename(`${file}.new`, file);
}
