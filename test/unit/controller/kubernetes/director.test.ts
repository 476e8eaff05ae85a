/** The Director object of a node. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type DirectorWriter, startDirector } from '../../../../src/controller/kubernetes/director.ts';
import { DIRECTORS } from '../../../../src/controller/kubernetes/records.ts';
import type { DirectorStatus } from '../../../../src/crd/director.ts';
import { apiError, type ModelApi, openModelApi } from '../../../support/model-api.ts';
import { directorSays } from '../../../support/summing.ts';

const EVERY_MS = 1_000;
const PATH = DIRECTORS.path;

const running: DirectorWriter[] = [];
beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((writer) => writer.stop()));
  vi.useRealTimers();
});

interface Started {
  readonly api: ModelApi;
  readonly writer: DirectorWriter;
  readonly troubles: (string | null)[];
  /** What was said before, each time that somebody asked what to say now. */
  readonly befores: (DirectorStatus | null)[];
  readonly say: (status: DirectorStatus | null) => Promise<void>;
  /** The same, and not a moment passes. */
  readonly poke: (status: DirectorStatus) => void;
  /** What the API has. */
  readonly stored: () => unknown;
}

function start(api = openModelApi({ [PATH]: 'Director' }), uid: string | null = 'uid of the Node'): Started {
  let status: DirectorStatus | null = null;
  const troubles: (string | null)[] = [];
  const befores: (DirectorStatus | null)[] = [];
  const writer = startDirector(api.client, {
    nodeName: 'a',
    nodeUid: () => uid,
    status(before) {
      befores.push(before);
      return status;
    },
    onTrouble: (trouble) => troubles.push(trouble),
    everyMs: EVERY_MS,
    random: () => 0,
  });
  running.push(writer);
  return {
    api,
    writer,
    troubles,
    befores,
    poke(next) {
      status = next;
      writer.poke();
    },
    async say(next) {
      status = next;
      writer.poke();
      await vi.advanceTimersByTimeAsync(EVERY_MS);
    },
    stored: () => api.get(PATH, 'a')?.['status'],
  };
}
const says = (agentVersion: string, more: Partial<DirectorStatus> = {}) => directorSays({ agentVersion, ...more });

describe('a Director that is not there', () => {
  it('is made with the Node as its owner, and gets its status', async () => {
    const { api, say, stored, troubles } = start();
    await say(says('1'));
    expect(api.asked).toEqual([`GET ${PATH}/a`, `POST ${PATH}`, `PATCH ${PATH}/a/status`]);
    expect(api.writes[0]?.body).toEqual({
      apiVersion: 'lvs-director.io/v1alpha1',
      kind: 'Director',
      metadata: {
        name: 'a',
        ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'a', uid: 'uid of the Node' }],
      },
    });
    expect(api.writes[1]?.contentType).toBe('application/merge-patch+json');
    expect(stored()).toEqual(says('1'));
    expect(troubles.filter((trouble) => trouble !== null)).toEqual([]);
  });

  it('is made without an owner while the uid of the Node is not known', async () => {
    const { api, say } = start(undefined, null);
    await say(says('1'));
    expect(api.writes[0]?.body).toMatchObject({ metadata: { name: 'a' } });
    expect(api.writes[0]?.body).not.toHaveProperty('metadata.ownerReferences');
  });

  it('is made while there is nothing to say, and nobody asks before a poke', async () => {
    const { api, say } = start();
    await vi.advanceTimersByTimeAsync(10 * EVERY_MS);
    expect(api.asked).toEqual([]);
    await say(null);
    expect(api.asked).toEqual([`GET ${PATH}/a`, `POST ${PATH}`]);
  });

  it('that somebody else makes at the same time is taken as it is', async () => {
    const { api, say, stored } = start();
    api.refuse = ({ method }) => {
      if (method !== 'POST') return null;
      api.refuse = () => null;
      api.put(PATH, { metadata: { name: 'a' } });
      return apiError(409);
    };
    await say(says('1'));
    await vi.advanceTimersByTimeAsync(EVERY_MS);
    expect(stored()).toEqual(says('1'));
  });
});

describe('what it says', () => {
  it('is written when it differs, and not when it does not', async () => {
    const { api, say, stored } = start();
    await say(says('1'));
    await say(says('1'));
    expect(api.writes).toHaveLength(2);
    await say(says('2'));
    expect(api.writes).toHaveLength(3);
    expect(stored()).toEqual(says('2'));
  });

  it('is made with what was said last', async () => {
    const { say, befores } = start();
    await say(says('1'));
    await say(says('2'));
    await say(says('2'));
    expect(befores).toEqual([null, says('1'), says('2')]);
  });

  it('is written once in an interval, however often there is something new, and the newest in the end', async () => {
    const { api, poke, stored } = start();
    const times: number[] = [];
    api.refuse = ({ method }) => {
      if (method === 'PATCH') times.push(Date.now());
      return null;
    };
    let version = 0;
    for (let ms = 0; ms < 10 * EVERY_MS; ms += EVERY_MS / 10) {
      version += 1;
      poke(says(String(version)));
      await vi.advanceTimersByTimeAsync(EVERY_MS / 10);
    }
    expect(times.length).toBeGreaterThanOrEqual(10);
    expect(times.slice(1).map((time, index) => time - (times[index] ?? 0))).toEqual(times.slice(1).map(() => EVERY_MS));
    await vi.advanceTimersByTimeAsync(2 * EVERY_MS);
    expect(stored()).toEqual(says(String(version)));
  });

  it('is found by a successor, who writes nothing when nothing differs', async () => {
    const first = start();
    const observed = { virtualServices: '7', realServers: '8' };
    await first.say(says('1', { observed }));
    await first.writer.stop();
    const count = first.api.writes.length;
    const second = start(first.api);
    await second.say(says('1', { observed }));
    expect(second.befores).toEqual([says('1', { observed })]);
    expect(first.api.writes).toHaveLength(count);
    await second.say(says('2', { observed }));
    expect(first.api.writes).toHaveLength(count + 1);
  });

  it('is written over what is not understood', async () => {
    const api = openModelApi({ [PATH]: 'Director' });
    api.put(PATH, { metadata: { name: 'a' }, apiVersion: 'lvs-director.io/v1alpha1', status: { vips: 'none' } });
    const { say, stored, befores } = start(api);
    await say(says('1'));
    expect(befores).toEqual([null]);
    expect(stored()).toEqual(says('1'));
  });

  it('no longer holds what is not said any more', async () => {
    const { say, stored } = start();
    await say(says('1', { observed: { virtualServices: '7', realServers: '8' } }));
    await say(says('1', { observed: { realServers: '9' } }));
    expect(stored()).toEqual(says('1', { observed: { realServers: '9' } }));
  });
});

describe('a Director that somebody removes', () => {
  it('is made anew as soon as there is something to write', async () => {
    const { api, say, stored, troubles } = start();
    await say(says('1'));
    api.remove(PATH, 'a');
    await say(says('2'));
    await vi.advanceTimersByTimeAsync(2 * EVERY_MS);
    expect(stored()).toEqual(says('2'));
    expect(troubles.at(-1)).toBeNull();
  });
});

describe('an API server that refuses', () => {
  it.each(['GET', 'POST', 'PATCH'] as const)(
    'a %s is asked again until it does not, and that is told',
    async (method) => {
      const { api, say, stored, troubles } = start();
      let refusals = 0;
      api.refuse = (request) => {
        if (request.method !== method || refusals === 3) return null;
        refusals += 1;
        return apiError(500);
      };
      await say(says('1'));
      expect(new Set(troubles)).toEqual(new Set(['Director a: told 500']));
      expect(stored()).toBeUndefined();
      await vi.advanceTimersByTimeAsync(30_000);
      expect(refusals).toBe(3);
      expect(troubles.at(-1)).toBeNull();
      expect(stored()).toEqual(says('1'));
    },
  );

  it('is left alone for as long as it asks for', async () => {
    const { api, say } = start();
    api.refuse = () => apiError(429, { retryAfterMs: 20_000 });
    await say(says('1'));
    await vi.advanceTimersByTimeAsync(18_000);
    expect(api.asked).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(api.asked).toHaveLength(2);
  });
});

describe('a writer that is stopped', () => {
  it('says nothing any more, whatever it was doing', async () => {
    const waiting = start();
    await waiting.writer.stop();
    await waiting.say(says('1'));
    expect(waiting.api.asked).toEqual([]);
    const between = start();
    await between.say(says('1'));
    between.poke(says('2'));
    await between.writer.stop();
    await vi.advanceTimersByTimeAsync(10 * EVERY_MS);
    expect(between.stored()).toEqual(says('1'));
    const failing = start();
    failing.api.refuse = () => apiError(500);
    await failing.say(says('1'));
    await failing.writer.stop();
    const { length } = failing.api.asked;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(failing.api.asked).toHaveLength(length);
  });
});

it('goes on when what is to be said cannot be told', async () => {
  const troubles: (string | null)[] = [];
  let broken = true;
  const api = openModelApi({ [PATH]: 'Director' });
  const writer = startDirector(api.client, {
    nodeName: 'a',
    nodeUid: () => null,
    status() {
      if (broken) throw new Error('no words');
      return says('1');
    },
    onTrouble: (trouble) => troubles.push(trouble),
    everyMs: EVERY_MS,
    random: () => 0,
  });
  running.push(writer);
  writer.poke();
  await vi.advanceTimersByTimeAsync(EVERY_MS);
  expect(troubles.at(-1)).toContain('no words');
  broken = false;
  await vi.advanceTimersByTimeAsync(60_000);
  expect([troubles.at(-1), api.get(PATH, 'a')?.['status']]).toEqual([null, says('1')]);
});
