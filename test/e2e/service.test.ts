// A Service as back end, with the real EndpointSlice controller: Pods become ready, unready and terminating; several slices,
// and both families.
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { WORKER } from '../../lab/cluster/layout.ts';
import { netnsProvider } from '../../lab/cluster/netns.ts';
import { makePod, removePod, setPodReady, terminatePod } from '../../lab/cluster/pods.ts';
import type { Cluster } from '../../lab/cluster/provider.ts';
import type { LabProcess } from '../../lab/process.ts';
import { ask, askMany } from '../../lab/servers.ts';
import { awaitConditions, awaitTable, lab, waitProgrammed } from './support.ts';

const EXAMPLE = join(import.meta.dirname, '../../deploy/examples/service/web.yaml');
const DIRECTOR = 'director-151';
const VIP = '192.168.112.201';
const VIP6 = 'fd00:112::201';

let cluster: Cluster;
let agent: LabProcess;

beforeAll(async () => {
  cluster = await netnsProvider(lab()).start({ directors: 1 });
  agent = await cluster.startAgent(DIRECTOR);
  await cluster.controlPlane.kubectl(['apply', '--filename', EXAMPLE]);
});

afterAll(async () => {
  agent.signal('SIGTERM');
  await agent.finished;
  await cluster.stop();
});

/** The Pod of a real server: `web-153`. */
async function pod(number: number, ready = true): Promise<void> {
  const server = cluster.realServers.find((each) => each.number === number);
  if (server === undefined) throw new Error(`there is no real server ${number}`);
  await makePod(cluster.controlPlane, {
    namespace: 'default',
    name: `web-${number}`,
    labels: { app: 'web' },
    node: WORKER,
    addresses: [server.podAddress, server.podAddress6],
    ready,
  });
}

const table = (...destinations: readonly string[]): Promise<void> =>
  awaitTable(cluster, DIRECTOR, [
    `-A -t ${VIP}:80 -s wrr`,
    ...destinations.map((destination) => `-a -t ${VIP}:80 -r ${destination}`),
  ]);

const backends = async (total: number, healthy: number): Promise<void> => {
  for (const [name, value] of Object.entries({ total, healthy })) {
    const isSo = `--for=jsonpath={.status.backends.${name}}=${value}`;
    await cluster.controlPlane.kubectl(['wait', 'lvs/web', isSo, '--timeout=120s'], { deadlineMs: 150_000 });
  }
};

it('without endpoints refuses clients, and says so', async () => {
  await waitProgrammed(cluster);
  const conditions = await awaitConditions(cluster, 'virtualservices', 'web', { ResolvedRefs: 'False NoEndpoints' });
  expect(conditions['ResolvedRefs']?.message).toContain('web');
  await table();
});

it('a Pod that becomes ready, unready and ready again comes, goes and comes', async () => {
  await pod(153, false);
  await pod(154);
  await table('10.244.0.154:10000 -m -w 1');
  await setPodReady(cluster.controlPlane, 'default', 'web-153', true);
  await table('10.244.0.153:10000 -m -w 1', '10.244.0.154:10000 -m -w 1');
  await awaitConditions(cluster, 'virtualservices', 'web', { ResolvedRefs: 'True', Programmed: 'True' });
  const answers = await askMany(cluster.network, cluster.client.name, `http://${VIP}/`, 4);
  expect(answers.toSorted()).toEqual(['153', '153', '154', '154']);
  await backends(2, 2);
  await setPodReady(cluster.controlPlane, 'default', 'web-153', false);
  await table('10.244.0.154:10000 -m -w 1');
  await setPodReady(cluster.controlPlane, 'default', 'web-153', true);
  await table('10.244.0.153:10000 -m -w 1', '10.244.0.154:10000 -m -w 1');
});

it('a Pod that terminates gets nothing new, and goes when it is gone', async () => {
  await terminatePod(cluster.controlPlane, 'default', 'web-154');
  await table('10.244.0.153:10000 -m -w 1', '10.244.0.154:10000 -m -w 0');
  await backends(2, 1);
  expect(await askMany(cluster.network, cluster.client.name, `http://${VIP}/`, 3)).toEqual(['153', '153', '153']);
  await removePod(cluster.controlPlane, 'default', 'web-154');
  await table('10.244.0.153:10000 -m -w 1');
  await backends(1, 1);
});

it('serves both families from a Service that has both', async () => {
  await cluster.controlPlane.kubectl([
    'patch',
    'service',
    'web',
    '--type=merge',
    '--patch={"spec":{"ipFamilyPolicy":"RequireDualStack","ipFamilies":["IPv4","IPv6"]}}',
  ]);
  await cluster.controlPlane.kubectl([
    'patch',
    'lvs',
    'web',
    '--type=merge',
    `--patch={"spec":{"addresses":["${VIP}","${VIP6}"]}}`,
  ]);
  await awaitTable(cluster, DIRECTOR, [
    `-A -t ${VIP}:80 -s wrr`,
    `-a -t ${VIP}:80 -r 10.244.0.153:10000 -m -w 1`,
    `-A -t [${VIP6}]:80 -s wrr`,
    `-a -t [${VIP6}]:80 -r [fd00:244::153]:10000 -m -w 1`,
  ]);
  const conditions = await awaitConditions(cluster, 'virtualservices', 'web', {
    Programmed: 'True',
    Announced: 'False NoNeighbourDiscovery',
  });
  expect(conditions['Announced']?.message).toContain(VIP6);
  // Nobody answers for it by neighbour discovery: it is reached by route.
  const via = cluster.directors[0]?.address6 ?? '';
  await cluster.network.run(cluster.client.name, ['ip', '-6', 'route', 'add', `${VIP6}/128`, 'via', via]);
  expect(await ask(cluster.network, cluster.client.name, `http://[${VIP6}]/`)).toBe('153');
  expect(await ask(cluster.network, cluster.client.name, `http://${VIP}/`)).toBe('153');
  await cluster.controlPlane.kubectl([
    'patch',
    'lvs',
    'web',
    '--type=merge',
    `--patch={"spec":{"addresses":["${VIP}"]}}`,
  ]);
  await table('10.244.0.153:10000 -m -w 1');
});

it('gathers the endpoints of all slices, those that a person wrote among them', async () => {
  const slice = (name: string, address: string): object => ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name, namespace: 'default', labels: { 'kubernetes.io/service-name': 'web' } },
    addressType: 'IPv4',
    ports: [{ name: 'http', protocol: 'TCP', port: 10_000 }],
    endpoints: [{ addresses: [address], conditions: { ready: true } }],
  });
  const { controlPlane } = cluster;
  await controlPlane.apply(JSON.stringify(slice('by-hand-1', '192.168.112.153')));
  await controlPlane.apply(JSON.stringify(slice('by-hand-2', '192.168.112.154')));
  // A Pod's address may only come from the controller.
  await controlPlane.apply(JSON.stringify(slice('by-hand-3', '10.244.0.154')));
  await table('10.244.0.153:10000 -m -w 1', '192.168.112.153:10000 -m -w 1', '192.168.112.154:10000 -m -w 1');
  const wanted = { ResolvedRefs: 'False DestinationNotAllowed' };
  const conditions = await awaitConditions(cluster, 'virtualservices', 'web', wanted);
  expect(conditions['ResolvedRefs']?.message).toContain('10.244.0.154');
  await controlPlane.kubectl(['delete', 'endpointslice', 'by-hand-1', 'by-hand-2', 'by-hand-3']);
  await table('10.244.0.153:10000 -m -w 1');
  await awaitConditions(cluster, 'virtualservices', 'web', { ResolvedRefs: 'True' });
});
