/**
 * The long test run: `node scripts/test-full.ts [SHARD...]`. What passed on this commit is not run again, so a run that
 * was interrupted goes on where it stopped. Each finished shard leaves a line in test/evidence.
 */
import { randomInt } from 'node:crypto';
import { appendFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isGood } from './lib/counts.ts';
import { EVIDENCE_FOLDER, type Run } from './lib/evidence.ts';
import { runMutation } from './lib/mutation.ts';
import { currentCommit, passedShards, rememberPassed } from './lib/passed-shards.ts';
import { PROJECT } from './lib/project.ts';
import { SHARDS, selectShards, shardName, type Shard } from './lib/shards.ts';
import { runVitest } from './lib/vitest.ts';

interface Outcome {
  readonly passed: boolean;
  readonly seed: number | null;
  readonly count: number;
  readonly failures: number;
}

async function runShard(shard: Shard): Promise<Outcome> {
  if (shard.kind === 'mutation') {
    const { passed, count, survivors } = await runMutation();
    return { passed, seed: null, count, failures: passed ? survivors : Math.max(survivors, 1) };
  }
  const seed = randomInt(2 ** 31);
  const env = { ...shard.env, PROPERTY_SEED: String(seed) };
  const counts = await runVitest([...shard.args, `--sequence.seed=${seed}`], env);
  const count = counts.passed + counts.failed + counts.skipped;
  return { passed: isGood(counts), seed, count, failures: counts.failed + counts.skipped };
}

async function leaveEvidence(run: Run): Promise<void> {
  const folder = join(PROJECT, EVIDENCE_FOLDER);
  await mkdir(folder, { recursive: true });
  await appendFile(join(folder, `${run.id}.jsonl`), `${JSON.stringify(run)}\n`);
}

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

async function main(): Promise<number> {
  const commit = await currentCommit();
  if (!commit.isClean) say('The tree differs from the commit: every shard runs, and none is remembered as passed.');
  const selection = selectShards(
    SHARDS,
    process.argv.slice(2),
    commit.isClean ? await passedShards(commit.hash) : new Set(),
  );
  if (!selection.ok) {
    say(selection.message);
    return 2;
  }
  for (const shard of selection.done) say(`== ${shardName(shard)}: already passed on this commit`);
  const failed: string[] = [];
  for (const shard of selection.todo) {
    const name = shardName(shard);
    say(`== ${name}`);
    const start = performance.now();
    const { passed, ...numbers } = await runShard(shard);
    const seconds = Math.round((performance.now() - start) / 100) / 10;
    const hash = commit.isClean ? commit.hash : `${commit.hash}+changes`;
    await leaveEvidence({ id: shard.id, commit: hash, kernel: shard.kernel, ...numbers, seconds });
    if (!passed) failed.push(name);
    else if (commit.isClean) await rememberPassed(commit.hash, name);
    say(`== ${name}: ${passed ? 'passed' : 'FAILED'} (${numbers.count} run, ${numbers.failures} failed, ${seconds} s)`);
  }
  const total = selection.todo.length + selection.done.length;
  say(
    failed.length === 0
      ? `All ${total} shards passed.`
      : `${failed.length} of ${total} shards failed: ${failed.join(', ')}`,
  );
  return failed.length === 0 ? 0 : 1;
}

process.exitCode = await main();
