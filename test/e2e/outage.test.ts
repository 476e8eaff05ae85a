// What goes wrong with an API server: it is away, it has forgotten, it is silent, its kinds are removed by mistake. The
// client is answered all the time.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { applyDeploy } from '../../lab/cluster/deploy.ts';
import { netnsProvider } from '../../lab/cluster/netns.ts';
import type { Cluster } from '../../lab/cluster/provider.ts';
import type { LabProcess } from '../../lab/process.ts';
import { ask } from '../../lab/servers.ts';
import { awaitTable, eventually, ipvs, lab, waitProgrammed } from './support.ts';

const EXAMPLE = join(import.meta.dirname, '../../deploy/examples/own-vip/web.yaml');
const DIRECTOR = 'director-151';
const VIP = '192.168.112.200';
const table = (scheduler: string): string[] => [
  `-A -t ${VIP}:80 -s ${scheduler}`,
  `-a -t ${VIP}:80 -r 192.168.112.153:10000 -m -w 1`,
  `-a -t ${VIP}:80 -r 192.168.112.154:10000 -m -w 1`,
];

let cluster: Cluster;
let agent: LabProcess;

beforeAll(async () => {
  cluster = await netnsProvider(lab()).start({ directors: 1 });
  agent = await cluster.startAgent(DIRECTOR);
  await cluster.controlPlane.kubectl(['apply', '--filename', EXAMPLE]);
  await waitProgrammed(cluster);
});

afterAll(async () => {
  agent.signal('SIGTERM');
  await agent.finished;
  await cluster.stop();
});

const expectServed = async (scheduler: string): Promise<void> => {
  expect(await ipvs(cluster, DIRECTOR)).toEqual(table(scheduler));
  expect(await ask(cluster.network, cluster.client.name, `http://${VIP}/`)).toMatch(/^15[34]$/);
};
const setScheduler = (scheduler: string): Promise<unknown> =>
  cluster.controlPlane.kubectl([
    'patch',
    'lvs',
    'web',
    '--type=merge',
    `--patch={"spec":{"scheduler":"${scheduler}"}}`,
  ]);

it('the API server is away and comes back: what was changed at once arrives', async () => {
  const since = agent.mark();
  await cluster.controlPlane.apiServer.stop();
  await agent.waitFor(/"reason":"SourceIncomplete"/, { since });
  await expectServed('wrr');
  await cluster.controlPlane.apiServer.start();
  await setScheduler('rr');
  await awaitTable(cluster, DIRECTOR, table('rr'));
  await waitProgrammed(cluster);
  await expectServed('rr');
});

it('etcd has forgotten the version from which it was watched: all is listed again', async () => {
  await setScheduler('lc');
  await awaitTable(cluster, DIRECTOR, table('lc'));
  await cluster.controlPlane.compact();
  await expectServed('lc');
  await setScheduler('wlc');
  await awaitTable(cluster, DIRECTOR, table('wlc'));
  await waitProgrammed(cluster);
});

it('the network swallows everything: it is noticed, and what was changed meanwhile arrives', async () => {
  const { network } = cluster;
  const since = agent.mark();
  const nft = (text: string): Promise<unknown> => network.run(DIRECTOR, ['nft', '-f', '-'], { input: text });
  const host = '10.0.2.2';
  await nft(`table ip hole {
    chain in { type filter hook input priority -300; ip saddr ${host} drop; }
    chain out { type filter hook output priority -300; ip daddr ${host} drop; }
  }`);
  await setScheduler('sed');
  await agent.waitFor(/"reason":"SourceIncomplete"/, { since, deadlineMs: 60_000 });
  await expectServed('wlc');
  await nft('delete table ip hole');
  await awaitTable(cluster, DIRECTOR, table('sed'));
  await waitProgrammed(cluster);
});

it('the kinds are removed by mistake: tables stay, it is said, and objects that come back change nothing', async () => {
  const { controlPlane, network } = cluster;
  // Connections so far, by destination. The kernel adds them up every two seconds; who is made anew begins at 0.
  const connections = async (): Promise<number[]> =>
    (await network.run(DIRECTOR, ['ipvsadm', '-Ln', '--stats'])).stdout
      .split('\n')
      .filter((line) => line.includes('-> 192.'))
      .map((line) => Number(line.trim().split(/\s+/)[2]));
  const expectNoLess = async (before: readonly number[]): Promise<void> => {
    const now = await connections();
    expect(now.map((count, index) => count >= (before[index] ?? Infinity))).toEqual([true, true]);
  };
  await expectServed('sed');
  const before = await eventually(connections, (counts) => counts.every((count) => count > 0));
  const since = agent.mark();
  await controlPlane.kubectl(['delete', 'crd', 'virtualservices.lvs-director.io', 'realservers.lvs-director.io']);
  await agent.waitFor(/are not to be seen, but nobody is known to have deleted them/, { since });
  await expectNoLess(before);
  await expectServed('sed');
  const synced = async (): Promise<string> => {
    const path = `/apis/lvs-director.io/v1alpha1/directors/${DIRECTOR}`;
    const { status } = await controlPlane.api<{
      status: { conditions: { type: string; status: string; message: string }[] };
    }>('GET', path);
    const condition = status.conditions.find(({ type }) => type === 'Synced');
    return `${condition?.status} ${condition?.message}`;
  };
  await eventually(synced, (text) => text.startsWith('False') && text.includes('CustomResourceDefinition'));
  await applyDeploy(controlPlane);
  // Nobody has applied the objects yet.
  await eventually(synced, (text) => text.includes('made anew'));
  await expectServed('sed');
  const counted = await connections();
  await controlPlane.apply(readFileSync(EXAMPLE, 'utf8').replace('scheduler: wrr', 'scheduler: sed'));
  await waitProgrammed(cluster);
  await eventually(synced, (text) => text.startsWith('True'));
  // Nothing was made anew: counters would have begun at 0 again.
  await expectNoLess(counted);
  expect(agent.output().stderr.slice(since.stderr)).not.toMatch(/"step":"(ipvs|link) /);
  // And what is deleted now is deleted.
  await controlPlane.kubectl(['delete', '--filename', EXAMPLE]);
  await awaitTable(cluster, DIRECTOR, []);
});
