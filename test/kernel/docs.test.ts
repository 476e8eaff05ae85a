// Runs the pages of docs: each command on the director or the client that it is meant for, with the exit code and the
// lines of output that the page shows.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { CLIENT, DIRECTOR, makeScenario } from '../../lab/scenario.ts';
import type { Network } from '../../lab/topology.ts';
import { openPageRunner, type PageRunner, PROJECT, PAGE_ENVIRONMENT } from '../support/page-runner.ts';
import { needsCluster, pageBlocks } from '../support/pages.ts';
import { end, ipvs, lab } from './support.ts';

const DOCS = join(PROJECT, 'docs');

let network: Network;
let runner: PageRunner;

beforeAll(async () => {
  network = await makeScenario(lab());
  runner = await openPageRunner({ network, director: DIRECTOR, client: CLIENT });
});

afterAll(async () => {
  await runner.close();
  await network.remove();
});

// A page that failed half-way leaves things behind: the next one must not stumble over them.
afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') await runner.reset();
  else runner.forget();
});

const pages = readdirSync(DOCS)
  .filter((name) => name.endsWith('.md'))
  .map((name) => ({ name, blocks: pageBlocks(readFileSync(join(DOCS, name), 'utf8')) }))
  .filter(({ blocks }) => blocks.some(({ kind }) => kind === 'commands'))
  // Those with kubectl are carried out in a cluster: test/e2e.
  .filter(({ blocks }) => !needsCluster(blocks));

describe('a page of docs does what it says, and leaves nothing behind:', () => {
  it.each(pages)('$name', async ({ name, blocks }) => {
    for (const block of blocks) await runner.run(block, name);
    expect(await ipvs(network)).toEqual([]);
    const left = await network.run(DIRECTOR, runner.onDirector('ls -A /etc/lvs-director; nft list tables'));
    expect(left.stdout).toBe('');
  });
});

async function runReadmeLine(line: string): Promise<void> {
  if (line.startsWith('bin/lvs-director run ')) {
    const agent = await network.start(DIRECTOR, runner.onDirector(`exec ${line}`), { env: PAGE_ENVIRONMENT });
    await agent.waitFor(/"msg":"in sync"/);
    expect(await ipvs(network)).toHaveLength(3);
    await end(agent);
    return;
  }
  const { code, stdout, stderr } = await network.attempt(DIRECTOR, runner.onDirector(line), { env: PAGE_ENVIRONMENT });
  expect(code, `${line}\n${stdout}${stderr}`).toBe(line.startsWith('bin/lvs-director plan ') ? 2 : 0);
}

describe('the README', () => {
  it('has commands that work on a machine', async () => {
    const blocks = pageBlocks(readFileSync(join(PROJECT, 'README.md'), 'utf8'));
    const lines = blocks
      .flatMap((block) => (block.kind === 'development' ? [block.script] : []))
      // What is for a cluster is carried out in one: test/e2e.
      .filter((script) => !script.includes('kubectl'))
      .flatMap((script) => script.split('\n'))
      .filter((line) => /^(mkdir|cp|bin\/lvs-director) /.test(line));
    expect(lines.map((line) => /^\S+ +(init|plan|run|list|cleanup)\b/.exec(line)?.[1] ?? 'folder')).toEqual([
      'folder',
      'folder',
      'init',
      'plan',
      'run',
      'list',
      'cleanup',
    ]);
    for (const line of lines) await runReadmeLine(line);
    expect(await ipvs(network)).toEqual([]);
  });
});
