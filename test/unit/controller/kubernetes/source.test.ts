/** An API server as a source: when it says something, and what it never concludes. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ClusterMemory } from '../../../../src/controller/kubernetes/memory.ts';
import type { KnownKinds } from '../../../../src/controller/kubernetes/interpret.ts';
import {
  ENDPOINT_SLICES,
  NODES,
  REAL_SERVERS,
  SERVICE_CIDRS,
  VIRTUAL_SERVICES,
} from '../../../../src/controller/kubernetes/records.ts';
import { type ClusterSource, openClusterSource } from '../../../../src/controller/kubernetes/source.ts';
import { firstState } from '../../../../src/controller/source.ts';
import { vipRefusal } from '../../../../src/controller/policy.ts';
import { trustedRanges } from '../../../../src/net/ranges.ts';
import { apiError, type ModelApi, openModelApi } from '../../../support/model-api.ts';
import { realServerObject, virtualServiceObject } from '../../../support/objects.ts';

const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const KINDS = {
  [VIRTUAL_SERVICES.path]: 'VirtualService',
  [REAL_SERVERS.path]: 'RealServer',
  [ENDPOINT_SLICES.path]: 'EndpointSlice',
  [NODES.path]: 'Node',
  [SERVICE_CIDRS.path]: 'ServiceCIDR',
  [CRDS]: 'CustomResourceDefinition',
};
const VIP = '192.168.112.200';
const OLD = '2026-01-01T00:00:00Z';
const NEWER = '2026-01-01T01:00:00Z';
const NEWEST = '2026-01-01T02:00:00Z';
const RECHECK_MS = 1_000;

const ends: (() => Promise<unknown>)[] = [];
beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(async () => {
  await Promise.all(ends.splice(0).map((end) => end()));
  vi.useRealTimers();
});

function put(api: ModelApi, data: Record<string, unknown>, generation = 1, more: object = {}): void {
  const collection = data['kind'] === 'RealServer' ? REAL_SERVERS.path : VIRTUAL_SERVICES.path;
  const metadata = { ...(data['metadata'] as object), namespace: 'default', generation, creationTimestamp: NEWER };
  api.put(collection, { ...data, ...more, metadata });
}
const web = (spec: object = {}): Record<string, unknown> => virtualServiceObject({ addresses: [VIP], ...spec });
const putCrd = (api: ModelApi, plural: string, more: object = {}): void =>
  api.put(CRDS, { metadata: { name: `${plural}.lvs-director.io`, creationTimestamp: OLD, ...more } });
function putNode(api: ModelApi, name: string, address: string): void {
  const labels = { 'lvs-director.io/director': 'true' };
  api.put(NODES.path, {
    metadata: { name, labels },
    spec: { podCIDRs: ['10.244.1.0/24'] },
    status: { addresses: [{ type: 'InternalIP', address }] },
  });
}

/** A cluster with the Node `a`, a VirtualService and a RealServer. */
function cluster(): ModelApi {
  const api = openModelApi(KINDS);
  putNode(api, 'a', '192.168.112.151');
  put(api, web());
  put(api, realServerObject('rs', { address: '192.168.112.153' }));
  for (const plural of ['virtualservices', 'realservers']) putCrd(api, plural);
  return api;
}

interface Opened {
  readonly source: ClusterSource;
  readonly saved: KnownKinds[];
  /** Lets everything come that is under way, and reads. */
  readonly read: (ms?: number) => Promise<boolean>;
  readonly changes: () => number;
}

const EMPTY: KnownKinds = { virtualServices: new Map(), realServers: new Map() };

async function open(api: ModelApi, before: KnownKinds = EMPTY): Promise<Opened> {
  const saved: KnownKinds[] = [];
  const memory: ClusterMemory = {
    load: () => Promise.resolve(before),
    save(known) {
      saved.push(known);
      return Promise.resolve();
    },
  };
  const source = openClusterSource(api.client, {
    nodeName: 'a',
    settings: {
      allowAddresses: trustedRanges(['192.168.112.0/24']),
      allowDestinations: trustedRanges([]),
      podCidrs: ['10.245.0.0/16'],
      serviceCidrs: ['10.97.0.0/16'],
    },
    servers: ['192.0.2.1', 'api.example.org'],
    memory,
    onNote: () => undefined,
    recheckMs: RECHECK_MS,
  });
  let changes = 0;
  source.watch(() => (changes += 1));
  ends.push(() => source.close());
  const read = async (ms = 0): Promise<boolean> => {
    await vi.advanceTimersByTimeAsync(ms);
    return source.refresh();
  };
  await vi.advanceTimersByTimeAsync(0);
  return { source, saved, read, changes: () => changes };
}

const names = ({ state }: ClusterSource): string[] =>
  (state.view?.world.objects ?? []).map(({ object }) => `${object.kind} ${object.metadata.name}`);
const reasons = ({ state }: ClusterSource): string[] => (state.view?.problems ?? []).map(({ reason }) => reason);
const ALL = ['RealServer rs', 'VirtualService web'];

describe('a source', () => {
  it('says nothing before every kind was listed', async () => {
    const api = cluster();
    let away = ENDPOINT_SLICES.path;
    api.refuse = ({ path }) => (path === away ? apiError(500) : null);
    const { source, read } = await open(api);
    expect(await read()).toBe(true);
    expect(source.state.view).toBeNull();
    expect(source.state.trouble).toContain('EndpointSlice');
    expect(source.versions).toBeNull();
    away = '';
    expect(await read(60_000)).toBe(true);
    expect(source.state.trouble).toBeNull();
    expect(names(source)).toEqual(ALL);
    expect(await read()).toBe(false);
  });

  it('says nothing while its own Node is not there, and goes on with what it knew when that is gone', async () => {
    const api = cluster();
    api.remove(NODES.path, 'a');
    const { source, read } = await open(api);
    await read();
    expect(source.state).toMatchObject({ view: null, trouble: expect.stringContaining('there is no Node a') });
    putNode(api, 'a', '192.168.112.151');
    await read();
    const { view } = source.state;
    expect(names(source)).toEqual(ALL);
    api.remove(NODES.path, 'a');
    expect(await read()).toBe(true);
    expect(source.state.view).toBe(view);
    expect(source.state.trouble).toContain('there is no Node a');
  });

  it('does without ServiceCIDRs where the API server does not know them', async () => {
    const api = cluster();
    api.refuse = ({ path }) => (path === SERVICE_CIDRS.path ? apiError(404) : null);
    const { source, read } = await open(api);
    await read();
    expect([names(source), reasons(source)]).toEqual([ALL, []]);
  });

  it('knows which addresses are whose', async () => {
    const api = cluster();
    api.put(SERVICE_CIDRS.path, { metadata: { name: 'kubernetes' }, spec: { cidrs: ['10.96.0.0/16'] } });
    const labels = { 'kubernetes.io/service-name': 'kubernetes' };
    api.put(ENDPOINT_SLICES.path, {
      metadata: { name: 'kubernetes', namespace: 'default', labels },
      addressType: 'IPv4',
      ports: [{ port: 6443 }],
      endpoints: [{ addresses: ['192.168.112.9'] }],
    });
    const { source, read } = await open(api);
    await read();
    const policy = source.state.view?.world.site?.policy;
    if (policy === undefined) throw new Error('there should be a policy');
    const refusals = ['192.0.2.1', '192.168.112.9', '10.96.0.1', '10.97.0.1', '10.244.1.1', '10.245.0.1', VIP];
    expect(refusals.map((address) => vipRefusal(policy, address)?.reason ?? null)).toEqual([
      ...Array<string>(6).fill('AddressReserved'),
      null,
    ]);
    expect([...(source.state.view?.world.slices.keys() ?? [])]).toEqual(['default/kubernetes']);
  });

  it('tells when it is worth to read again, and nothing of what changes only a status', async () => {
    const api = cluster();
    const { source, read, changes } = await open(api);
    await read();
    const before = changes();
    const events = source.versions?.events.virtualServices;
    put(api, web(), 1, { status: { conditions: [] } });
    expect(await read()).toBe(false);
    expect(changes()).toBe(before);
    expect(source.versions?.events.virtualServices).not.toBe(events);
    put(api, web({ scheduler: 'lc' }), 2);
    await vi.advanceTimersByTimeAsync(0);
    expect(changes()).toBe(before + 1);
  });

  it('has followed a change when it was read, and not before', async () => {
    const api = cluster();
    const { source, read } = await open(api);
    await read();
    const first = source.versions;
    put(api, web({ scheduler: 'lc' }), 2);
    expect(source.versions).toEqual(first);
    await vi.advanceTimersByTimeAsync(0);
    expect(source.versions).toEqual(first);
    await read();
    const second = source.versions;
    expect(second?.changes.virtualServices).toBe(
      api.get(VIRTUAL_SERVICES.path, 'default/web')?.metadata['resourceVersion'],
    );
    expect(second?.changes.realServers).toBe(first?.changes.realServers);
    put(api, web({ scheduler: 'lc' }), 2, { status: {} });
    expect(source.versions?.changes).toEqual(second?.changes);
  });

  it('saves what was accepted, at the latest when it is closed', async () => {
    const api = cluster();
    const { source, saved, read } = await open(api);
    await read();
    await vi.advanceTimersByTimeAsync(0);
    expect([...(saved.at(-1)?.virtualServices.keys() ?? [])]).toEqual(['default/web']);
    put(api, virtualServiceObject({ addresses: ['192.168.112.201'] }, { name: 'second' }));
    await read();
    await source.close();
    expect([...(saved.at(-1)?.virtualServices.keys() ?? [])]).toEqual(['default/web', 'default/second']);
  });
});

describe('an object that vanishes', () => {
  it('is gone when its kind is alive, after one question for all', async () => {
    const api = cluster();
    put(api, virtualServiceObject({}, { name: 'second' }));
    const { source, read } = await open(api);
    await read();
    api.remove(VIRTUAL_SERVICES.path, 'default/web');
    api.remove(VIRTUAL_SERVICES.path, 'default/second');
    const { length } = api.asked;
    await read();
    expect([names(source), reasons(source)]).toEqual([['RealServer rs'], []]);
    expect(api.asked.slice(length)).toEqual([`GET ${CRDS}/virtualservices.lvs-director.io`]);
  });

  it.each([
    ['gone', (api: ModelApi): void => api.remove(CRDS, 'virtualservices.lvs-director.io')],
    ['being removed', (api: ModelApi): void => putCrd(api, 'virtualservices', { deletionTimestamp: NEWEST })],
    [
      'not to be read',
      (api: ModelApi): void => void (api.refuse = ({ path }) => (path.startsWith(CRDS) ? apiError(500) : null)),
    ],
  ] as const)('is held while its kind is %s, and judged again when it is back', async (_, damage) => {
    const api = cluster();
    const { source, read, changes } = await open(api);
    await read();
    damage(api);
    api.remove(VIRTUAL_SERVICES.path, 'default/web');
    await read();
    expect([names(source), reasons(source)]).toEqual([ALL, ['SourceIncomplete']]);
    expect(source.state.view?.problems[0]?.message).toContain('default/web');
    const before = changes();
    api.refuse = () => null;
    putCrd(api, 'virtualservices');
    await vi.advanceTimersByTimeAsync(RECHECK_MS);
    expect(changes()).toBeGreaterThan(before);
    await read();
    expect([names(source), reasons(source)]).toEqual([['RealServer rs'], []]);
  });

  it('is held when its kind was made anew, until it comes back and is deleted', async () => {
    const api = cluster();
    const { source, read } = await open(api);
    await read();
    api.remove(VIRTUAL_SERVICES.path, 'default/web');
    putCrd(api, 'virtualservices', { creationTimestamp: NEWEST });
    await read();
    expect([names(source), reasons(source)]).toEqual([ALL, ['SourceIncomplete']]);
    const metadata = { name: 'web', namespace: 'default', uid: 'another', creationTimestamp: NEWEST };
    api.put(VIRTUAL_SERVICES.path, { ...web(), metadata });
    await read();
    expect([names(source), reasons(source)]).toEqual([ALL, []]);
    api.remove(VIRTUAL_SERVICES.path, 'default/web');
    await read();
    expect([names(source), reasons(source)]).toEqual([['RealServer rs'], []]);
  });
});

describe('an agent that starts', () => {
  const remembered = async (): Promise<KnownKinds> => {
    const { read, saved } = await open(cluster());
    await read();
    await vi.advanceTimersByTimeAsync(0);
    const known = saved.at(-1);
    if (known === undefined) throw new Error('nothing was saved');
    return known;
  };

  it('serves what it remembers of a kind that is gone', async () => {
    const before = await remembered();
    const api = cluster();
    api.refuse = ({ path }) =>
      path === VIRTUAL_SERVICES.path || path.endsWith('/virtualservices.lvs-director.io') ? apiError(404) : null;
    const { source, read } = await open(api, before);
    await read();
    expect(names(source)).toEqual(ALL);
    expect(reasons(source)).toContain('SourceIncomplete');
    const { source: fresh, read: readFresh } = await open(api);
    await readFresh();
    expect(fresh.state.view).toBeNull();
  });

  it('forgets what was deleted while it was away', async () => {
    const before = await remembered();
    const api = cluster();
    api.remove(VIRTUAL_SERVICES.path, 'default/web');
    const { source, read } = await open(api, before);
    await read();
    expect(names(source)).toEqual(['RealServer rs']);
  });
});

describe('the first state', () => {
  it('is there as soon as there is a view', async () => {
    const { source } = await open(cluster());
    expect((await firstState(source, 30_000)).view).not.toBeNull();
  });

  it('is waited for, for so long', async () => {
    const api = cluster();
    api.refuse = ({ path }) => (path === NODES.path ? apiError(500) : null);
    const { source } = await open(api);
    const waiting = firstState(source, 30_000);
    await vi.advanceTimersByTimeAsync(31_000);
    expect(await waiting).toMatchObject({ view: null, trouble: expect.stringContaining('Node') });
    const again = firstState(source, 300_000);
    api.refuse = () => null;
    await vi.advanceTimersByTimeAsync(60_000);
    expect((await again).view).not.toBeNull();
  });
});
