// Carries out the pages of docs that need a cluster, as they are written.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { netnsProvider } from '../../lab/cluster/netns.ts';
import type { Cluster } from '../../lab/cluster/provider.ts';
import { HOST_IN_LAB } from '../../lab/expose.ts';
import { openPageRunner, type PageRunner, PROJECT } from '../support/page-runner.ts';
import { needsCluster, pageBlocks } from '../support/pages.ts';
import { ipvs, lab } from './support.ts';

/** The director of the pages. The other one is none. */
const DIRECTOR = 'director-152';
const DOCS = join(PROJECT, 'docs');

let cluster: Cluster;
let runner: PageRunner;

beforeAll(async () => {
  cluster = await netnsProvider(lab()).start();
  const { controlPlane, network, client } = cluster;
  await controlPlane.kubectl(['label', 'nodes', 'director-151', DIRECTOR, 'lvs-director.io/director-']);
  runner = await openPageRunner({
    network,
    director: DIRECTOR,
    client: client.name,
    kubectl: { program: controlPlane.endpoint.kubectlProgram, kubeconfig: controlPlane.adminKubeconfig },
  });
  // The one thing that the pages cannot do here: the lab reaches the API server by another address.
  const token = await controlPlane.token('lvs-director', 'lvs-director');
  const script = 'umask 077; cat >/etc/lvs-director/kubeconfig';
  const input = controlPlane.kubeconfig({ token }, HOST_IN_LAB);
  await network.run(DIRECTOR, runner.onDirector(script), { input });
});

afterAll(async () => {
  await runner.close();
  await cluster.stop();
});

/** Lines of the README that are meant for a cluster. */
const readme = pageBlocks(readFileSync(join(PROJECT, 'README.md'), 'utf8'))
  .flatMap((block) => (block.kind === 'development' && block.script.includes('kubectl') ? [block.script] : []))
  .flatMap((script) => script.split('\n'))
  .filter((line) => line !== '' && !line.startsWith('#'));

it('the README has commands that work in a cluster', async () => {
  expect(readme).toHaveLength(9);
  for (const line of readme) {
    if (line.startsWith('bin/lvs-director run ')) {
      const script = `${line} & echo $! >/run/lvs-director.pid; wait`;
      await runner.run({ kind: 'background', line: 0, script }, 'README.md');
    } else {
      const on = line.startsWith('kubectl ') ? 'kubectl' : 'director';
      await runner.run({ kind: 'commands', line: 0, on, exit: 0, script: line, output: [] }, 'README.md');
    }
  }
  expect(await ipvs(cluster, DIRECTOR)).toHaveLength(3);
  const end = `
    kill "$(cat /run/lvs-director.pid)"
    while kill -0 "$(cat /run/lvs-director.pid)" 2>/dev/null; do sleep 1; done
    bin/lvs-director cleanup`;
  await runner.run({ kind: 'commands', line: 0, on: 'director', exit: 0, script: end, output: [] }, 'README.md');
  await cluster.controlPlane.kubectl(['delete', '--filename', join(PROJECT, 'deploy/examples/own-vip/web.yaml')]);
  expect(await ipvs(cluster, DIRECTOR)).toEqual([]);
});

const pages = readdirSync(DOCS)
  .filter((name) => name.endsWith('.md'))
  .map((name) => ({ name, blocks: pageBlocks(readFileSync(join(DOCS, name), 'utf8')) }))
  .filter(({ blocks }) => needsCluster(blocks));

it.each(pages)('$name does what it says, and leaves nothing behind', async ({ name, blocks }) => {
  for (const block of blocks) await runner.run(block, name);
  expect(await ipvs(cluster, DIRECTOR)).toEqual([]);
  const left = await cluster.network.run(DIRECTOR, runner.onDirector('ls -A /etc/lvs-director; nft list tables'));
  expect(left.stdout).toBe('');
});
