// Several directors: who answers for a VIP on the LAN, whose own address is served where, and who writes the status.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AuditedRequest } from '../../lab/cluster/audit.ts';
import { netnsProvider } from '../../lab/cluster/netns.ts';
import type { Cluster } from '../../lab/cluster/provider.ts';
import type { LabProcess } from '../../lab/process.ts';
import { ask } from '../../lab/servers.ts';
import { awaitConditions, awaitTable, eventually, ipvs, lab, type StatusCondition, waitProgrammed } from './support.ts';

const RBAC = join(import.meta.dirname, '../../deploy/rbac.yaml');
const FIRST = 'director-151';
const SECOND = 'director-152';
const VIP = '192.168.112.205';

let cluster: Cluster;
const agents = new Map<string, LabProcess>();

const virtualService = (name: string, spec: object): object => ({
  apiVersion: 'lvs-director.io/v1alpha1',
  kind: 'VirtualService',
  metadata: { name, namespace: 'default' },
  spec: {
    ports: [{ port: 80, targetPort: 10_000 }],
    scheduler: 'rr',
    backends: [{ realServers: { matchLabels: { app: 'web' } } }],
    ...spec,
  },
});
const realServer = {
  apiVersion: 'lvs-director.io/v1alpha1',
  kind: 'RealServer',
  metadata: { name: 'web-153', namespace: 'default', labels: { app: 'web' } },
  spec: { address: '192.168.112.153', port: 10_000 },
};
const table = (address: string, scheduler = 'rr'): string[] => [
  `-A -t ${address}:80 -s ${scheduler}`,
  `-a -t ${address}:80 -r 192.168.112.153:10000 -m -w 1`,
];
const apply = (...objects: readonly object[]): Promise<unknown> =>
  cluster.controlPlane.apply(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
const start = async (director: string): Promise<void> => void agents.set(director, await cluster.startAgent(director));

beforeAll(async () => {
  cluster = await netnsProvider(lab()).start({
    directors: 2,
    directorLabels: { [FIRST]: { 'example.org/zone': 'a' }, [SECOND]: { 'example.org/zone': 'b' } },
  });
  await Promise.all([start(FIRST), start(SECOND)]);
  await apply(realServer);
});

afterAll(async () => {
  for (const agent of agents.values()) agent.signal('SIGTERM');
  await Promise.all([...agents.values()].map(({ finished }) => finished));
  await cluster.stop();
});

/** Whether anybody answers an ARP request of the client for the address. */
async function isAnswered(address: string): Promise<boolean> {
  const probe = ['busybox', 'arping', '-I', 'eth0', '-c', '2', '-w', '3', '-f', address];
  return (await cluster.network.attempt(cluster.client.name, probe)).code === 0;
}

/** What a client gets that has a route to the VIP by this director. */
async function askVia(director: string, address: string): Promise<string> {
  const { client, network, directors } = cluster;
  const via = directors.find(({ name }) => name === director)?.address ?? '';
  await network.run(client.name, ['ip', 'route', 'replace', `${address}/32`, 'via', via]);
  try {
    return await ask(network, client.name, `http://${address}/`);
  } finally {
    await network.run(client.name, ['ip', 'route', 'delete', `${address}/32`]);
  }
}

describe('a VIP of several directors', () => {
  it('is silent on the LAN, says so, and is reached by route through each', async () => {
    await apply(virtualService('both', { addresses: [VIP] }));
    await waitProgrammed(cluster, 'lvs/both');
    expect(await Promise.all([ipvs(cluster, FIRST), ipvs(cluster, SECOND)])).toEqual([table(VIP), table(VIP)]);
    const conditions = await awaitConditions(cluster, 'virtualservices', 'both', {
      Announced: 'False SeveralDirectors',
    });
    expect(conditions['Announced']?.message).toContain(`several directors have ${VIP}`);
    expect(await isAnswered(VIP)).toBe(false);
    expect(await askVia(FIRST, VIP)).toBe('153');
    expect(await askVia(SECOND, VIP)).toBe('153');
    const { stdout } = await cluster.controlPlane.kubectl([
      'get',
      'lvs',
      'both',
      '--output=jsonpath={.status.directors}',
    ]);
    expect(JSON.parse(stdout)).toEqual({ programmed: 2, total: 2 });
  });

  it('is announced when only one matches, and not when the other does again', async () => {
    await apply(virtualService('both', { addresses: [VIP], directors: { nodeSelector: { 'example.org/zone': 'a' } } }));
    await awaitConditions(cluster, 'virtualservices', 'both', { Programmed: 'True', Announced: 'True' });
    await awaitTable(cluster, SECOND, []);
    expect(await isAnswered(VIP)).toBe(true);
    expect(await ask(cluster.network, cluster.client.name, `http://${VIP}/`)).toBe('153');
    await apply(virtualService('both', { addresses: [VIP] }));
    await awaitConditions(cluster, 'virtualservices', 'both', {
      Programmed: 'True',
      Announced: 'False SeveralDirectors',
    });
    expect(await isAnswered(VIP)).toBe(false);
  });
});

describe("a director's own address as VIP", () => {
  it('is served there, NotHere on the other, and programmed', async () => {
    const own = cluster.directors.find(({ name }) => name === FIRST)?.address ?? '';
    await apply(virtualService('own', { addresses: [own] }));
    await waitProgrammed(cluster, 'lvs/own');
    expect(await ipvs(cluster, FIRST)).toEqual([...table(own), ...table(VIP)].toSorted());
    expect(await ipvs(cluster, SECOND)).toEqual(table(VIP));
    await awaitConditions(cluster, 'virtualservices', 'own', {
      Accepted: 'True',
      Programmed: 'True',
      Announced: 'True',
    });
    const { stdout } = await cluster.controlPlane.kubectl([
      'get',
      'lvs',
      'own',
      '--output=jsonpath={.status.directors}',
    ]);
    expect(JSON.parse(stdout)).toEqual({ programmed: 1, total: 1 });
    const exceptions = async (director: string): Promise<{ name: string; reason: string }[]> => {
      const path = `/apis/lvs-director.io/v1alpha1/directors/${director}`;
      const { status } = await cluster.controlPlane.api<{ status: { exceptions: { name: string; reason: string }[] } }>(
        'GET',
        path,
      );
      return status.exceptions;
    };
    expect(await exceptions(FIRST)).toEqual([]);
    await eventually(
      () => exceptions(SECOND),
      (found) => found.length === 1,
    );
    expect(await exceptions(SECOND)).toMatchObject([{ name: 'own', reason: 'NotHere' }]);
    expect(await ask(cluster.network, cluster.client.name, `http://${own}/`)).toBe('153');
    await cluster.controlPlane.kubectl(['delete', 'lvs', 'own']);
    await awaitTable(cluster, FIRST, table(VIP));
  });
});

describe('who sums up', () => {
  const LEASE = '/apis/coordination.k8s.io/v1/namespaces/lvs-director/leases/summariser.lvs-director.io';
  const leader = async (): Promise<string> => {
    const { spec } = await cluster.controlPlane.api<{ spec: { holderIdentity: string } }>('GET', LEASE);
    return spec.holderIdentity.split('_')[0] ?? '';
  };

  it('is killed: another one takes over, and no status flaps', async () => {
    const killed = await leader();
    expect([FIRST, SECOND]).toContain(killed);
    const survivor = killed === FIRST ? SECOND : FIRST;
    const zone = survivor === FIRST ? 'a' : 'b';
    const address = '192.168.112.206';
    const alone = (scheduler: string): object =>
      virtualService('alone', {
        scheduler,
        addresses: [address],
        directors: { nodeSelector: { 'example.org/zone': zone } },
      });
    await apply(alone('rr'));
    await waitProgrammed(cluster, 'lvs/alone');
    const seen = watchProgrammed();
    const agent = agents.get(killed);
    agent?.signal('SIGKILL');
    await agent?.finished;
    await apply(alone('wlc'));
    await waitProgrammed(cluster, 'lvs/alone');
    expect(await ipvs(cluster, survivor)).toEqual([...table(VIP), ...table(address, 'wlc')].toSorted());
    expect(await leader()).toBe(survivor);
    // The one that was killed left its kernel as it was, so what was programmed there is.
    expect(await ipvs(cluster, killed)).toEqual(table(VIP));
    expect(await askVia(killed, VIP)).toBe('153');
    // Started anew, it takes up where it was, and the kernel is not touched.
    await start(killed);
    await agents.get(killed)?.waitFor(/"steps":0,"msg":"in sync"/);
    await apply(virtualService('both', { addresses: [VIP], scheduler: 'wlc' }));
    await waitProgrammed(cluster, 'lvs/both');
    expect(await ipvs(cluster, killed)).toEqual(table(VIP, 'wlc'));
    const told = await seen.stop();
    expect(told['alone']).toEqual(['True 1', 'True 2']);
    expect(told['both']?.every((text) => text.startsWith('True'))).toBe(true);
  });

  /** The states of Programmed of all VirtualServices, with the generation that was observed, in the order in which they came. */
  function watchProgrammed(): { stop(): Promise<Readonly<Record<string, string[]>>> } {
    const told: Record<string, string[]> = {};
    const ending = new AbortController();
    const onLine = (line: string): void => {
      const { object } = JSON.parse(line) as {
        object: { metadata: { name: string }; status?: { conditions?: StatusCondition[] } };
      };
      const condition = object.status?.conditions?.find(({ type }) => type === 'Programmed');
      if (condition === undefined) return;
      const list = (told[object.metadata.name] ??= []);
      const text = `${condition.status} ${condition.observedGeneration}`;
      if (list.at(-1) !== text) list.push(text);
    };
    const path = '/apis/lvs-director.io/v1alpha1/namespaces/default/virtualservices?watch=true';
    const watching = cluster.controlPlane.lines(path, onLine, ending.signal).catch(() => undefined);
    return {
      async stop() {
        ending.abort();
        await watching;
        return told;
      },
    };
  }
});

describe('the rights of an agent', () => {
  interface Rule {
    readonly apiGroups: readonly string[];
    readonly resources: readonly string[];
    readonly resourceNames?: readonly string[];
    readonly verbs: readonly string[];
  }
  const rules = parseAllDocuments(readFileSync(RBAC, 'utf8')).flatMap(
    (document) => (document.toJS() as { rules?: readonly Rule[] }).rules ?? [],
  );
  const granted = rules.flatMap(({ apiGroups, resources, resourceNames = [null], verbs }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) =>
        resourceNames.flatMap((name) => verbs.map((verb) => right({ verb, group, resource, name }))),
      ),
    ),
  );

  function right({
    verb,
    group,
    resource,
    name,
  }: Pick<AuditedRequest, 'verb' | 'group' | 'resource' | 'name'>): string {
    const of = group === 'apiextensions.k8s.io' ? ` ${name}` : '';
    return `${verb} ${resource}.${group}${of}`;
  }

  it('are all used, and nothing was refused', async () => {
    await cluster.controlPlane.kubectl(['delete', 'lvs,lrs', '--all']);
    await Promise.all([awaitTable(cluster, FIRST, []), awaitTable(cluster, SECOND, [])]);
    const asked = async (): Promise<readonly AuditedRequest[]> =>
      (await cluster.controlPlane.audited()).filter(
        ({ user }) => user === 'system:serviceaccount:lvs-director:lvs-director',
      );
    // The last question, about the kind of the RealServer, may come after the tables are empty.
    const requests = await eventually(asked, (all) => new Set(all.map(right)).size >= granted.length);
    expect(requests.filter(({ status }) => status === 403)).toEqual([]);
    expect([...new Set(requests.map(right))].toSorted()).toEqual(granted.toSorted());
  });
});
