// The provider `netns`: what a cluster has before anything is applied to it.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { WORKER } from '../../lab/cluster/layout.ts';
import { netnsProvider } from '../../lab/cluster/netns.ts';
import { awaitSlices, makePod } from '../../lab/cluster/pods.ts';
import type { Cluster } from '../../lab/cluster/provider.ts';
import { ask } from '../../lab/servers.ts';
import { lab } from './support.ts';

let cluster: Cluster;

beforeAll(async () => {
  cluster = await netnsProvider(lab()).start({
    directors: 3,
    realServers: 3,
    nodes: [{ name: 'other', addresses: ['192.168.112.99'] }],
    directorLabels: { 'director-150': { 'example.org/zone': 'b' } },
  });
});

afterAll(async () => {
  await cluster.stop();
});

it('has Node objects of directors, of the worker, and of those that were asked for', async () => {
  const { items } = await cluster.controlPlane.api<{
    items: {
      metadata: { name: string; uid: string; labels: Record<string, string> };
      spec: { podCIDRs?: string[] };
      status: { addresses: { type: string; address: string }[] };
    }[];
  }>('GET', '/api/v1/nodes');
  const names = items.map(({ metadata }) => metadata.name);
  expect(names).toEqual(['director-150', 'director-151', 'director-152', 'other', 'worker']);
  const [director, , , other] = items;
  expect(director?.metadata.labels).toMatchObject({
    'lvs-director.io/director': 'true',
    'kubernetes.io/hostname': 'director-150',
    'example.org/zone': 'b',
  });
  expect(director?.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
  expect(director?.spec.podCIDRs).toEqual(['10.244.150.0/24', 'fd00:244:0:150::/64']);
  expect(director?.status.addresses).toEqual([
    { type: 'InternalIP', address: '192.168.112.150' },
    { type: 'InternalIP', address: 'fd00:112::150' },
    { type: 'Hostname', address: 'director-150' },
  ]);
  expect(other?.metadata.labels).not.toHaveProperty('lvs-director.io/director');
});

it('has real servers that answer, on the LAN and as Pods', async () => {
  const { client, network, directors, realServers } = cluster;
  expect(realServers.map(({ number }) => number)).toEqual([153, 154, 155]);
  const [server] = realServers.slice(-1);
  const node = directors[0]?.name ?? '';
  expect(await ask(network, node, `http://${server?.address}:10000/`)).toBe('155');
  expect(await ask(network, node, `http://[${server?.address6}]:10000/`)).toBe('155');
  expect(await ask(network, node, `http://${server?.podAddress}:10000/`)).toBe('155');
  expect(await ask(network, client.name, `http://[${server?.podAddress6}]:10000/`)).toBe('155');
});

it('has a place for Pods that answer', async () => {
  const { client, controlPlane, network, realServers } = cluster;
  const [server] = realServers;
  const addresses = server === undefined ? [] : [server.podAddress, server.podAddress6];
  await controlPlane.kubectl(['create', 'service', 'clusterip', 'web', '--tcp=80:10000']);
  await makePod(controlPlane, { namespace: 'default', name: 'web', labels: { app: 'web' }, node: WORKER, addresses });
  const [address] = await awaitSlices(controlPlane, 'default', 'web', (slices) => slices[0]?.endpoints?.[0]?.addresses);
  expect(await ask(network, client.name, `http://${address}:10000/`)).toBe('153');
});

it('runs commands of lvs-director', async () => {
  expect(await cluster.command('director-151', 'list')).toMatchObject({ code: 0, signal: null });
  expect(await cluster.command('director-151', 'no-such-command')).toMatchObject({ code: 3 });
});

it('gives each director a kubeconfig with the rights of an agent', async () => {
  const { controlPlane, network, directors } = cluster;
  const { kubectlProgram } = controlPlane.endpoint;
  const script = 'KUBECONFIG="/tmp/$1/kubeconfig" exec "$2" auth can-i --list --namespace lvs-director';
  for (const { name } of directors.slice(0, 1)) {
    const argv = ['sh', '-euc', script, 'list', network.namespace(name), kubectlProgram];
    const { stdout } = await network.run(name, argv, { deadlineMs: 120_000 });
    expect(stdout).toMatch(/virtualservices\.lvs-director\.io +\[\] +\[\] +\[list watch\]/);
  }
});

it('has directors that init has prepared', async () => {
  for (const { name } of cluster.directors) {
    const { stdout } = await cluster.network.run(name, ['sysctl', '--values', 'net.ipv4.ip_forward']);
    expect(stdout).toBe('1\n');
  }
});
