// Runs the pages of docs: each command on the director or the client that it is meant for, with the exit code and the
// lines of output that the page shows.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { BUNDLED } from '../../lab/agent.ts';
import type { LabProcess } from '../../lab/process.ts';
import { CLIENT, DIRECTOR, makeScenario } from '../../lab/scenario.ts';
import type { Network } from '../../lab/topology.ts';
import { type Block, pageBlocks } from '../support/pages.ts';
import { end, ipvs, lab } from './support.ts';

const PROJECT = join(import.meta.dirname, '../..');
const DOCS = join(PROJECT, 'docs');
/** IPVS tells nobody of changes; the pages do not wait half a minute for the next look. */
const ENVIRONMENT = { NODE_COMPILE_CACHE: '/tmp/node-compile-cache', LVS_DIRECTOR_RESYNC_SECONDS: '2' };

/**
 * The director's folders, as on a machine of its own: other tests run in the same guest. The program is the bundled one,
 * which starts in half the time; that the one in bin starts is shown elsewhere.
 */
const MACHINE = `
for folder in /etc/lvs-director /var/lib/lvs-director /run/lvs-director; do mkdir -p "$folder"; mount -t tmpfs none "$folder"; done
printf '#!/bin/sh\\nexec "%s" "%s" "$@"\\n' "$1" "$2" >/run/lvs-director/program
chmod 755 /run/lvs-director/program
mount --bind /run/lvs-director/program bin/lvs-director
echo ready
exec sleep infinity
`;

let network: Network;
let machine: LabProcess;

beforeAll(async () => {
  network = await makeScenario(lab());
  const argv = ['unshare', '--mount', '--propagation', 'private', 'sh', '-euc', MACHINE, 'machine', ...BUNDLED];
  machine = await network.start(DIRECTOR, argv, { cwd: PROJECT });
  await machine.waitFor(/ready/);
});

afterAll(async () => {
  await end(machine, 'SIGKILL');
  await network.remove();
});

/** What goes on in the background of the page that runs. */
const background: LabProcess[] = [];

// A page that failed half-way leaves things behind: the next one must not stumble over them.
afterEach(async ({ task }) => {
  const left = background.splice(0);
  if (task.result?.state !== 'fail') return;
  for (const process of left) await end(process, 'SIGKILL');
  const script = `
    for pid in $(cat /run/lvs-director.pid); do kill -KILL "$pid" 2>/dev/null || :; done
    bin/lvs-director cleanup || :; ipvsadm -C; nft flush ruleset; rm -f /etc/lvs-director/*`;
  await network.run(DIRECTOR, onDirector(script), { env: ENVIRONMENT });
});

const onDirector = (script: string): readonly string[] => [
  'nsenter',
  `--target=${machine.pid}`,
  '--mount',
  `--wdns=${PROJECT}`,
  'sh',
  '-euc',
  script,
];

async function runBlock(block: Block, page: string): Promise<void> {
  if (block.kind === 'development') return;
  if (block.kind === 'file') {
    const argv = onDirector(
      `cat >/etc/lvs-director/.new && mv /etc/lvs-director/.new '/etc/lvs-director/${block.name}'`,
    );
    await network.run(DIRECTOR, argv, { input: block.text });
  } else if (block.kind === 'background') {
    background.push(await network.start(DIRECTOR, onDirector(block.script), { env: ENVIRONMENT }));
  } else {
    const argv = block.on === 'client' ? ['sh', '-euc', block.script] : onDirector(block.script);
    const node = block.on === 'client' ? CLIENT : DIRECTOR;
    const result = await network.attempt(node, argv, { env: ENVIRONMENT });
    const output = `${result.stdout}${result.stderr}`;
    expect(result.code, `${page}:${block.line}\n${output}`).toBe(block.exit);
    for (const line of block.output) expect(output, `${page}:${block.line}`).toMatch(line);
  }
}

const pages = readdirSync(DOCS)
  .filter((name) => name.endsWith('.md'))
  .map((name) => ({ name, blocks: pageBlocks(readFileSync(join(DOCS, name), 'utf8')) }))
  .filter(({ blocks }) => blocks.some(({ kind }) => kind === 'commands'));

describe('a page of docs does what it says, and leaves nothing behind:', () => {
  it.each(pages)('$name', async ({ name, blocks }) => {
    for (const block of blocks) await runBlock(block, name);
    expect(await ipvs(network)).toEqual([]);
    const left = await network.run(DIRECTOR, onDirector('ls -A /etc/lvs-director; nft list tables'));
    expect(left.stdout).toBe('');
  });
});

async function runReadmeLine(line: string): Promise<void> {
  if (line.startsWith('bin/lvs-director run ')) {
    const agent = await network.start(DIRECTOR, onDirector(`exec ${line}`), { env: ENVIRONMENT });
    await agent.waitFor(/"msg":"in sync"/);
    expect(await ipvs(network)).toHaveLength(3);
    await end(agent);
    return;
  }
  const { code, stdout, stderr } = await network.attempt(DIRECTOR, onDirector(line), { env: ENVIRONMENT });
  expect(code, `${line}\n${stdout}${stderr}`).toBe(line.startsWith('bin/lvs-director plan ') ? 2 : 0);
}

describe('the README', () => {
  it('has commands that work on a machine', async () => {
    const blocks = pageBlocks(readFileSync(join(PROJECT, 'README.md'), 'utf8'));
    const lines = blocks
      .flatMap((block) => (block.kind === 'development' ? block.script.split('\n') : []))
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
