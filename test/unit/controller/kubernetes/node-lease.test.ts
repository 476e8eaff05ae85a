/** A director's Lease: made, renewed through whatever goes wrong, and read again. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ApiRequest } from '../../../../src/controller/kubernetes/client.ts';
import {
  LEASE_DURATION_SECONDS,
  nodeLeases,
  type NodeLease,
  type NodeLeaseOptions,
  projectNodeLease,
  startNodeLease,
} from '../../../../src/controller/kubernetes/node-lease.ts';
import { LEASES, openLeaseServer, type Fate, type LeaseServer } from './lease-server.ts';

const START = '2030-01-02T03:04:05.678Z';

let server: LeaseServer;
let lease: NodeLease | null;
let troubles: (string | null)[];
let fate: (request: ApiRequest) => Fate;

beforeEach(() => {
  vi.useFakeTimers({ now: new Date(START) });
  server = openLeaseServer();
  lease = null;
  troubles = [];
  fate = () => ({});
});

afterEach(async () => {
  await lease?.stop();
  vi.useRealTimers();
});

function start(more: Partial<NodeLeaseOptions> = {}): NodeLease {
  lease = startNodeLease(
    server.client((request) => fate(request)),
    {
      namespace: 'lvs',
      nodeName: 'n1',
      nodeUid: () => 'uid-n1',
      observed: () => ({ virtualServices: '12', realServers: '34' }),
      onTrouble: (trouble) => troubles.push(trouble),
      random: () => 0,
      ...more,
    },
  );
  return lease;
}

const pass = async (ms: number): Promise<void> => {
  await vi.advanceTimersByTimeAsync(ms);
};
const methods = (): string[] => server.came.map(({ request }) => request.method);
/** When PATCHes came, from now on. */
function patches(): () => number[] {
  const from = performance.now();
  return () =>
    server.came.filter(({ request, ms }) => request.method === 'PATCH' && ms >= from).map(({ ms }) => ms - from);
}

describe('the Lease of a node', () => {
  it('is made at once when there is none', async () => {
    start();
    await pass(1);
    expect(methods()).toEqual(['PATCH', 'POST']);
    expect(server.leases.get('n1')).toEqual({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: {
        name: 'n1',
        resourceVersion: '101',
        labels: { 'lvs-director.io/lease': 'node' },
        ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'n1', uid: 'uid-n1' }],
        annotations: { 'lvs-director.io/observed': '{"virtualServices":"12","realServers":"34"}' },
      },
      spec: { holderIdentity: 'n1', leaseDurationSeconds: 40, renewTime: '2030-01-02T03:04:05.678000Z' },
    });
    expect(troubles.filter((trouble) => trouble !== null)).toEqual([]);
  });

  it('is renewed every ten seconds by a merge patch, with what is observed then', async () => {
    let version = 1;
    start({ observed: () => ({ virtualServices: String(version), realServers: null }) });
    await pass(1);
    const came = patches();
    version = 2;
    await pass(30_000);
    expect(came().length).toBe(3);
    expect(methods()).toEqual(['PATCH', 'POST', 'PATCH', 'PATCH', 'PATCH']);
    const { request } = server.came.at(-1) ?? expect.fail('nothing came');
    expect(request).toMatchObject({ path: `${LEASES}/n1`, contentType: 'application/merge-patch+json' });
    expect(request.deadlineMs).toBeLessThanOrEqual(5_000);
    const { metadata, spec } = server.leases.get('n1') ?? expect.fail('no Lease');
    expect(spec['renewTime']).toBe('2030-01-02T03:04:35.678000Z');
    expect(metadata['annotations']).toEqual({
      'lvs-director.io/observed': '{"virtualServices":"2","realServers":null}',
    });
  });

  it('says nothing of what is not known yet', async () => {
    start({ nodeUid: () => null, observed: () => null });
    await pass(1);
    expect(server.leases.get('n1')?.metadata).toEqual({
      name: 'n1',
      resourceVersion: '101',
      labels: { 'lvs-director.io/lease': 'node' },
    });
  });

  it('takes its owner when the Node is known', async () => {
    let uid: string | null = null;
    start({ nodeUid: () => uid });
    await pass(1);
    expect(server.leases.get('n1')?.metadata).not.toHaveProperty('ownerReferences');
    uid = 'uid-n1';
    await pass(10_000);
    expect(server.leases.get('n1')?.metadata['ownerReferences']).toHaveLength(1);
  });

  it('that others changed keeps what is theirs and gets back what is ours', async () => {
    server.write('n1', { holderIdentity: 'somebody', leaseDurationSeconds: 1, leaseTransitions: 7 });
    start();
    await pass(1);
    expect(methods()).toEqual(['PATCH']);
    expect(server.leases.get('n1')?.spec).toMatchObject({
      holderIdentity: 'n1',
      leaseDurationSeconds: LEASE_DURATION_SECONDS,
      leaseTransitions: 7,
    });
  });

  it('is made again when somebody deletes it', async () => {
    start();
    await pass(1);
    server.remove('n1');
    await pass(10_000);
    expect(server.leases.has('n1')).toBe(true);
    expect(methods()).toEqual(['PATCH', 'POST', 'PATCH', 'POST']);
  });

  it('stays when the agent stops, and is renewed no more', async () => {
    const running = start();
    await pass(1);
    await running.stop();
    await pass(60_000);
    expect(methods()).toEqual(['PATCH', 'POST']);
    expect(server.leases.get('n1')?.spec['holderIdentity']).toBe('n1');
  });

  it('holds nobody up who stops while a request hangs', async () => {
    fate = () => ({ thereMs: Infinity });
    const running = start();
    await pass(1);
    await running.stop();
    expect(vi.getTimerCount()).toBe(0);
    expect(troubles.filter((trouble) => trouble !== null)).toEqual([]);
  });
});

describe('a renewal that fails', () => {
  it('is tried again with growing delays, long before the Lease ends', async () => {
    start({ random: () => 1 });
    await pass(1);
    fate = () => ({ error: { status: 500, retryAfterMs: null } });
    const came = patches();
    await pass(60_000);
    const times = came();
    const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    expect(times.length).toBeGreaterThan(5);
    expect(gaps).toEqual(gaps.toSorted((a, b) => a - b));
    expect(Math.max(...gaps)).toBeLessThanOrEqual(10_000);
    fate = () => ({});
    await pass(10_000);
    expect(server.leases.get('n1')?.spec['renewTime']).not.toBe('2030-01-02T03:04:05.678000Z');
  });

  it('is trouble until one succeeds', async () => {
    start();
    await pass(1);
    troubles.length = 0;
    fate = () => ({ error: { status: 403, retryAfterMs: null } });
    await pass(12_000);
    expect(new Set(troubles)).toEqual(new Set([`Lease lvs/n1: PATCH ${LEASES}/n1: 403`]));
    fate = () => ({});
    await pass(10_000);
    expect(troubles.at(-1)).toBeNull();
  });

  it('is told once', async () => {
    start();
    await pass(1);
    fate = () => ({ error: { status: 403, retryAfterMs: null } });
    await pass(60_000);
    fate = () => ({});
    await pass(30_000);
    expect(troubles).toEqual([`Lease lvs/n1: PATCH ${LEASES}/n1: 403`, null]);
  });

  it('is tried again before the Lease ends, whatever the server asks for', async () => {
    start();
    await pass(1);
    fate = () => ({ error: { status: 429, retryAfterMs: 60_000 } });
    const came = patches();
    await pass(40_000);
    expect(came().length).toBeGreaterThanOrEqual(3);
  });

  it.each([['observed'], ['nodeUid'], ['onTrouble']])('comes back after %s has thrown', async (which) => {
    let throws = true;
    fate = () => (which === 'onTrouble' && throws ? { error: { status: 500, retryAfterMs: null } } : {});
    start({
      [which]: () => {
        if (throws) throw new Error('oops');
        return null;
      },
    });
    await pass(1);
    expect(server.leases.has('n1')).toBe(false);
    throws = false;
    await pass(10_000);
    expect(server.leases.has('n1')).toBe(true);
  });

  it('is trouble, too, when the Lease cannot be made', async () => {
    fate = ({ method }) => (method === 'POST' ? { error: { status: 403, retryAfterMs: null } } : {});
    start();
    await pass(1);
    expect(troubles).toEqual([`Lease lvs/n1: POST ${LEASES}: 403`]);
  });

  it('does not wait for an answer for ever', async () => {
    start();
    await pass(1);
    fate = () => ({ backMs: Infinity });
    await pass(15_100);
    expect(troubles.at(-1)).toContain('lost');
    fate = () => ({});
    await pass(3_000);
    expect(troubles.at(-1)).toBeNull();
  });
});

describe('Leases of nodes', () => {
  it('are followed by their label', () => {
    const { kind, path, query } = nodeLeases('lvs');
    expect({ kind, path, query }).toEqual({
      kind: 'Lease',
      path: LEASES,
      query: { labelSelector: 'lvs-director.io/lease=node' },
    });
  });

  it('read as they were written', async () => {
    start();
    await pass(1);
    expect(nodeLeases('lvs').project({ ...server.leases.get('n1') })).toMatchObject({
      node: 'n1',
      renewTime: '2030-01-02T03:04:05.678000Z',
      observed: { virtualServices: '12', realServers: '34' },
    });
  });

  it.each([
    ['none', undefined, { virtualServices: null, realServers: null }],
    ['one that is no JSON', '{', { virtualServices: null, realServers: null }],
    ['one that is another JSON', '["1"]', { virtualServices: null, realServers: null }],
    ['null', 'null', { virtualServices: null, realServers: null }],
    ['numbers', '{"virtualServices":12,"realServers":"34"}', { virtualServices: null, realServers: '34' }],
    ['one of two', '{"virtualServices":"12"}', { virtualServices: '12', realServers: null }],
    ['more', '{"virtualServices":"12","realServers":"34","x":"y"}', { virtualServices: '12', realServers: '34' }],
    ['one that is no text', 12, { virtualServices: null, realServers: null }],
  ])('tell by the annotation what is observed: %s', (_, annotation, observed) => {
    const annotations = annotation === undefined ? {} : { 'lvs-director.io/observed': annotation };
    const read = projectNodeLease({ metadata: { name: 'n1', annotations }, spec: { renewTime: 'then' } });
    expect(read).toMatchObject({ node: 'n1', renewTime: 'then', observed });
  });

  it.each([
    ['annotations', { metadata: { name: 'n1', annotations: null }, spec: {} }],
    ['spec', { metadata: { name: 'n1' } }],
    ['renewTime', { metadata: { name: 'n1' }, spec: { renewTime: 5 } }],
  ])('may be without %s', (_, object) => {
    const observed = { virtualServices: null, realServers: null };
    expect(projectNodeLease(object)).toMatchObject({ node: 'n1', renewTime: null, observed });
  });

  it.each([[{}], [{ metadata: null }], [{ metadata: {} }], [{ metadata: { name: 5 } }]])(
    'are not understood without a name: %j',
    (object) => {
      expect(projectNodeLease(object)).toBeNull();
    },
  );
});
