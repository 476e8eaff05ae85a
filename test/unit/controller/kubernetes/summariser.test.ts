/** Gathers what directors say, and writes the status of all objects. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { leasesPath } from '../../../../src/controller/kubernetes/leases.ts';
import { DIRECTORS, REAL_SERVERS, VIRTUAL_SERVICES } from '../../../../src/controller/kubernetes/records.ts';
import { startReflector } from '../../../../src/controller/kubernetes/reflector.ts';
import { openSummariser } from '../../../../src/controller/kubernetes/summariser.ts';
import { GRACE_MS } from '../../../../src/controller/summary.ts';
import type { DirectorStatus } from '../../../../src/crd/director.ts';
import { virtualServiceStatus, type VirtualServiceStatus } from '../../../../src/crd/status.ts';
import { apiError, type ModelApi, openModelApi } from '../../../support/model-api.ts';
import { realServerObject, virtualServiceObject } from '../../../support/objects.ts';
import { conditionText, directorSays, exception, uidOf, VIP } from '../../../support/summing.ts';
import { turnOf } from '../../../support/turn.ts';

const NAMESPACE = 'lvs-director';
const LEASES = leasesPath(NAMESPACE);
const KINDS = {
  [DIRECTORS.path]: 'Director',
  [VIRTUAL_SERVICES.path]: 'VirtualService',
  [REAL_SERVERS.path]: 'RealServer',
  [LEASES]: 'Lease',
};
const web = virtualServiceObject({ addresses: [VIP] });
const rs = realServerObject('rs', { address: '192.168.112.153', port: 10_000 });
/** As long as all that comes together needs. */
const SETTLED_MS = 500;

const ends: (() => Promise<unknown>)[] = [];
beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(async () => {
  await Promise.all(ends.splice(0).map((end) => end()));
  vi.useRealTimers();
});

/** Make an object, or change its generation, as a person does. */
function putObject(api: ModelApi, data: Record<string, unknown>, generation = 1, more: object = {}): void {
  const collection = data['kind'] === 'RealServer' ? REAL_SERVERS.path : VIRTUAL_SERVICES.path;
  const metadata = { ...(data['metadata'] as object), namespace: 'default', uid: uidOf(data), generation };
  api.put(collection, { ...data, ...more, metadata });
}
function putDirector(api: ModelApi, name: string, more: Partial<DirectorStatus> = {}): void {
  const observed = { virtualServices: '999', realServers: '999' };
  api.put(DIRECTORS.path, { metadata: { name }, status: directorSays({ observed, ...more }) });
}
let renewals = 0;
function renew(api: ModelApi, name: string, observed: object = {}): void {
  renewals += 1;
  const metadata = {
    name,
    namespace: NAMESPACE,
    labels: { 'lvs-director.io/lease': 'node' },
    annotations: { 'lvs-director.io/observed': JSON.stringify(observed) },
  };
  api.put(LEASES, { metadata, spec: { renewTime: String(renewals) } });
}

/** Two objects and two directors that have them. */
function cluster(): ModelApi {
  const api = openModelApi(KINDS);
  putObject(api, web);
  putObject(api, rs);
  for (const name of ['a', 'b']) {
    putDirector(api, name);
    renew(api, name);
  }
  return api;
}

async function lead(api: ModelApi) {
  let turn = await turnOf({ objects: [web, rs] });
  const notes: string[] = [];
  const poke = (): void => summariser.poke();
  const follow = { onChange: poke, onEvent: poke };
  const virtualServices = startReflector(api.client, VIRTUAL_SERVICES, follow);
  const realServers = startReflector(api.client, REAL_SERVERS, follow);
  await Promise.all([virtualServices.ready, realServers.ready]);
  const summariser = openSummariser(api.client, {
    namespace: NAMESPACE,
    source: { virtualServices, realServers },
    turn: () => turn,
    onNote: (message) => notes.push(message),
    random: () => 0,
  });
  const stopping = new AbortController();
  let over = false;
  const leading = summariser.lead(stopping.signal).then(() => {
    over = true;
  });
  const end = async (): Promise<void> => {
    stopping.abort();
    await leading;
  };
  ends.push(
    end,
    () => virtualServices.stop(),
    () => realServers.stop(),
  );
  const settle = (ms = SETTLED_MS): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);
  await settle();
  return {
    notes,
    poke,
    end,
    settle,
    get over() {
      return over;
    },
    take: (next: typeof turn): void => {
      turn = next;
      poke();
    },
    /** Writes of statuses by kind and name, in order. */
    written: () => api.writes.map(({ path }) => path.replace(/^.*default\//, '').replace(/\/status$/, '')).toSorted(),
    status: (): VirtualServiceStatus =>
      virtualServiceStatus.parse(api.get(VIRTUAL_SERVICES.path, 'default/web')?.['status'] ?? {}),
  };
}
const BOTH = ['realservers/rs', 'virtualservices/web'];

describe('a status', () => {
  it('is written once, for the object that was judged', async () => {
    const api = cluster();
    const version = api.get(VIRTUAL_SERVICES.path, 'default/web')?.metadata['resourceVersion'];
    const { written, poke, settle, status } = await lead(api);
    expect(written()).toEqual(BOTH);
    expect(conditionText(status(), 'Programmed')).toMatch(/^Programmed True/);
    expect(status().directors).toEqual({ programmed: 2, total: 2 });
    expect(api.writes.find(({ path }) => path.includes('virtualservices'))).toMatchObject({
      method: 'PATCH',
      path: '/apis/lvs-director.io/v1alpha1/namespaces/default/virtualservices/web/status',
      contentType: 'application/merge-patch+json',
      body: { metadata: { uid: uidOf(web), resourceVersion: version } },
    });
    for (let look = 0; look < 5; look++) {
      poke();
      await settle();
    }
    expect(written()).toEqual(BOTH);
  });

  it('is not written when a predecessor has written it', async () => {
    const api = cluster();
    const first = await lead(api);
    await first.end();
    const second = await lead(api);
    await second.settle(30_000);
    expect(second.written()).toEqual(BOTH);
  });

  it('is written again when a director says something else', async () => {
    const api = cluster();
    const { written, settle, status } = await lead(api);
    putDirector(api, 'b', { exceptions: [exception(web, 'KernelRefused', 'no')] });
    await settle();
    expect(written()).toEqual([...BOTH, ...BOTH].toSorted());
    expect(conditionText(status(), 'Programmed')).toBe('Programmed False KernelRefused: b: no');
  });

  it('loses what does not count any more', async () => {
    const api = cluster();
    const { take, settle, status } = await lead(api);
    const data = virtualServiceObject({ addresses: [VIP], ports: [{ port: 0 }] });
    const turn = await turnOf({ objects: [{ data, generation: 2 }, rs] });
    putObject(api, data, 2, { status: api.get(VIRTUAL_SERVICES.path, 'default/web')?.['status'] });
    take(turn);
    await settle();
    expect(Object.keys(status())).toEqual(['conditions']);
  });

  it('is not written while the last one has not come back by the watch, and then if it is another', async () => {
    const api = cluster();
    const led = await lead(api);
    api.hold(VIRTUAL_SERVICES.path, REAL_SERVERS.path);
    putDirector(api, 'b', { exceptions: [exception(web, 'KernelRefused', 'no')] });
    await led.settle();
    expect(led.written()).toHaveLength(4);
    for (let look = 0; look < 5; look++) {
      led.poke();
      await led.settle();
    }
    putDirector(api, 'b');
    await led.settle();
    expect(led.written()).toHaveLength(4);
    api.release();
    await led.settle();
    expect(led.written()).toHaveLength(6);
    expect(conditionText(led.status(), 'Programmed')).toMatch(/^Programmed True/);
  });
});

describe('what a director has followed', () => {
  const pending = async (observed: Partial<DirectorStatus>['observed'], lease: object) => {
    const api = openModelApi(KINDS);
    putObject(api, web);
    putObject(api, rs);
    putDirector(api, 'a');
    renew(api, 'a');
    putDirector(api, 'b', { observed: observed ?? {} });
    renew(api, 'b', lease);
    const led = await lead(api);
    return { api, led, text: () => conditionText(led.status(), 'Programmed') };
  };
  const far = { virtualServices: '999', realServers: '999' };
  const near = { virtualServices: '1', realServers: '1' };

  it('is what its Director or its Lease says, whichever is newer', async () => {
    for (const [observed, lease] of [
      [far, near],
      [near, far],
      [far, {}],
      [{}, far],
    ] as const) {
      const { text } = await pending(observed, lease);
      expect(text()).toMatch(/^Programmed True/);
    }
  });

  it('is waited for, and after some time it is said that it is not known', async () => {
    for (const [observed, lease] of [
      [near, near],
      [{}, {}],
    ] as const) {
      const { led, text } = await pending(observed, lease);
      await led.settle(GRACE_MS - 2 * SETTLED_MS);
      expect(led.written()).toEqual([]);
      await led.settle(2 * SETTLED_MS);
      expect(text()).toBe('Programmed Unknown DirectorsUnknown: Not reported yet: b.');
    }
  });

  it('is waited for again after each edit', async () => {
    const api = cluster();
    for (const name of ['a', 'b']) putDirector(api, name, { observed: { virtualServices: '102', realServers: '102' } });
    const led = await lead(api);
    expect(led.written()).toEqual(BOTH);
    await led.settle(2 * GRACE_MS);
    const turn = await turnOf({ objects: [{ data: web, generation: 2 }, rs] });
    putObject(api, web, 2, { status: led.status() });
    led.take(turn);
    await led.settle(GRACE_MS / 2);
    expect(led.written()).toEqual(BOTH);
    for (const name of ['a', 'b']) putDirector(api, name);
    await led.settle();
    expect(led.status().conditions.map(({ status, observedGeneration }) => `${status} ${observedGeneration}`)).toEqual([
      'True 2',
      'True 2',
      'True 2',
      'False 2',
    ]);
  });

  it('comes with a renewal as soon as that is told', async () => {
    const { api, led, text } = await pending(near, near);
    renew(api, 'b', far);
    await led.settle();
    expect(text()).toMatch(/^Programmed True/);
  });

  it('is nothing when its status is not understood', async () => {
    const { api, led, text } = await pending(near, near);
    api.put(DIRECTORS.path, { metadata: { name: 'b' }, status: { exceptions: 'none' } });
    await led.settle(GRACE_MS);
    expect(text()).toMatch(/^Programmed Unknown/);
  });
});

describe('a director that does not renew its Lease', () => {
  it('is dead after 40 seconds, and does not count', async () => {
    const api = cluster();
    const led = await lead(api);
    for (let seconds = 0; seconds < 60; seconds += 10) {
      await led.settle(10_000);
      renew(api, 'a');
    }
    expect(led.status().directors).toEqual({ programmed: 1, total: 2 });
    expect(conditionText(led.status(), 'Programmed')).toMatch(/^Programmed True/);
    await led.settle(60_000);
    expect(conditionText(led.status(), 'Programmed')).toBe(
      'Programmed Unknown DirectorsUnknown: None of its directors is alive: a, b.',
    );
  });
});

describe('an API server that refuses', () => {
  it.each([404, 409])('a status with %d is not asked again before there is something new', async (status) => {
    const api = cluster();
    api.refuse = ({ method }) => (method === 'PATCH' ? apiError(status) : null);
    const led = await lead(api);
    await led.settle(30_000);
    expect(led.written()).toEqual(BOTH);
    expect(led.notes).toEqual([]);
    api.refuse = () => null;
    led.poke();
    await led.settle();
    expect(led.written()).toHaveLength(4);
    expect(conditionText(led.status(), 'Programmed')).toMatch(/^Programmed True/);
  });

  it('a status for another reason is asked again until it does not, and that is told', async () => {
    const api = cluster();
    let refusals = 0;
    api.refuse = ({ method, path }) => {
      if (method !== 'PATCH' || !path.includes('virtualservices') || refusals === 2) return null;
      refusals += 1;
      return apiError(500);
    };
    const led = await lead(api);
    expect(led.notes).toEqual(['a status cannot be written: told 500']);
    await led.settle(30_000);
    expect(refusals).toBe(2);
    expect(conditionText(led.status(), 'Programmed')).toMatch(/^Programmed True/);
    expect(led.written().filter((name) => name === 'realservers/rs')).toHaveLength(1);
  });

  it('to tell of Directors or Leases is told of', async () => {
    const api = cluster();
    api.refuse = ({ path }) => (path === LEASES ? apiError(403) : null);
    const { notes, written } = await lead(api);
    expect(written()).toEqual([]);
    expect(notes).toEqual([expect.stringContaining('told 403')]);
  });
});

describe('an object that was replaced by another of its name', () => {
  it('gets no status that was meant for the first', async () => {
    const api = cluster();
    api.refuse = ({ method }) => (method === 'PATCH' ? apiError(409) : null);
    const led = await lead(api);
    api.refuse = () => null;
    api.remove(VIRTUAL_SERVICES.path, 'default/web');
    api.put(VIRTUAL_SERVICES.path, {
      ...web,
      metadata: { name: 'web', namespace: 'default', uid: 'other', generation: 1 },
    });
    await led.settle();
    expect(led.status()).toEqual({ conditions: [] });
  });
});

describe('who is no longer to sum up', () => {
  it('ends at once, follows nothing any more and writes nothing', async () => {
    const api = cluster();
    const led = await lead(api);
    expect(api.watches).toBe(4);
    await led.end();
    expect(led.over).toBe(true);
    expect(api.watches).toBe(2);
    putDirector(api, 'b', { exceptions: [exception(web, 'KernelRefused')] });
    led.poke();
    await led.settle(60_000);
    expect(led.written()).toEqual(BOTH);
  });

  it('ends while it waits for the first list, and between two tries', async () => {
    for (const path of [LEASES, '/status']) {
      const api = cluster();
      api.refuse = (request) => (request.path.endsWith(path) ? apiError(500) : null);
      const led = await lead(api);
      await led.end();
      expect(led.over).toBe(true);
    }
  });
});
