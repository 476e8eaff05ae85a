/** Election of one: the rules one by one, then many candidates over a bad network. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ApiRequest } from '../../../../src/controller/kubernetes/client.ts';
import { startElection, type Election, type ElectionOptions } from '../../../../src/controller/kubernetes/election.ts';
import { LEASES, openLeaseServer, seeded, type Fate, type Lease, type LeaseServer } from './lease-server.ts';

const NAME = 'summariser.test';
const DURATION_MS = 15_000;
const RENEW_DEADLINE_MS = 10_000;
/** The longest, with jitter. */
const RETRY_MS = 2_400;

interface Candidate {
  readonly identity: string;
  readonly election: Election;
  readonly troubles: (string | null)[];
  /** What became of its requests is up to this. */
  fate: (request: ApiRequest) => Fate;
  /** Of each leadership, in turn. */
  readonly signals: readonly AbortSignal[];
}

let server: LeaseServer;
let candidates: Candidate[];

beforeEach(() => {
  vi.useFakeTimers({ now: new Date('2030-01-02T03:04:05.678Z') });
  server = openLeaseServer();
  candidates = [];
});

afterEach(async () => {
  const stopped = Promise.all(candidates.map(({ election }) => election.stop()));
  await vi.runAllTimersAsync();
  await stopped;
  vi.useRealTimers();
});

const pass = async (ms: number): Promise<void> => {
  await vi.advanceTimersByTimeAsync(ms);
};

const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve());
  });

interface JoinOptions extends Partial<ElectionOptions> {
  readonly fate?: Candidate['fate'];
}

function join(identity: string, more: JoinOptions = {}): Candidate {
  const signals: AbortSignal[] = [];
  const troubles: (string | null)[] = [];
  const { onLead = untilAborted, fate = () => ({}), ...rest } = more;
  const way = { fate };
  const election = startElection(
    server.client((request) => way.fate(request)),
    {
      namespace: 'lvs',
      name: NAME,
      identity,
      onLead: (signal) => {
        signals.push(signal);
        return onLead(signal);
      },
      onTrouble: (trouble) => troubles.push(trouble),
      random: () => 0,
      ...rest,
    },
  );
  const candidate: Candidate = Object.assign(way, {
    identity,
    election,
    troubles,
    signals,
  });
  candidates.push(candidate);
  return candidate;
}

const lease = (): Lease => server.leases.get(NAME) ?? expect.fail('no Lease');
const holder = (): unknown => lease().spec['holderIdentity'];
/** What its newest leadership is told; true when there was none. */
const isOver = ({ signals }: Candidate): boolean => signals.at(-1)?.aborted ?? true;
const leads = (candidate: Candidate): boolean => candidate.election.leading && !isOver(candidate);
/** Real troubles. */
const troublesOf = ({ troubles }: Candidate): string[] => troubles.filter((trouble) => trouble !== null);
const FOREIGN = {
  holderIdentity: 'other',
  leaseDurationSeconds: 15,
  acquireTime: '2020-01-01T00:00:00.000000Z',
  renewTime: '2020-01-01T00:00:00.000000Z',
  leaseTransitions: 4,
};

/** Let time pass in steps, and look after each: the milliseconds until it is so. */
async function until(isSo: () => boolean, longestMs: number): Promise<number> {
  const from = performance.now();
  while (!isSo() && performance.now() - from <= longestMs) await pass(50);
  return performance.now() - from;
}

describe('to acquire the Lease', () => {
  it('one that does not exist is made', async () => {
    const a = join('a');
    await pass(1);
    expect(leads(a)).toBe(true);
    expect(server.came.map(({ request }) => [request.method, request.path])).toEqual([
      ['GET', `${LEASES}/${NAME}`],
      ['POST', LEASES],
    ]);
    expect(lease().spec).toEqual({
      holderIdentity: 'a',
      leaseDurationSeconds: 15,
      acquireTime: '2030-01-02T03:04:05.678000Z',
      renewTime: '2030-01-02T03:04:05.678000Z',
      leaseTransitions: 0,
    });
    expect(troublesOf(a)).toEqual([]);
  });

  it('every request has a deadline', async () => {
    join('a');
    await pass(10_000);
    for (const { request } of server.came) expect(request.deadlineMs).toBeLessThanOrEqual(5_000);
  });

  it('one that another holds is left alone until it was seen unchanged for its duration, however old it says it is', async () => {
    server.write(NAME, FOREIGN);
    const a = join('a');
    await pass(DURATION_MS - 100);
    expect(leads(a)).toBe(false);
    expect(server.came.every(({ request }) => request.method === 'GET')).toBe(true);
    await pass(RETRY_MS + 100);
    expect(leads(a)).toBe(true);
    expect(lease().spec).toMatchObject({ holderIdentity: 'a', leaseTransitions: 5 });
    expect(lease().spec['acquireTime']).toBe(lease().spec['renewTime']);
  });

  it('one that is renewed is never taken, whatever clock it is renewed by', async () => {
    const a = join('a', { now: () => performance.now() });
    server.write(NAME, FOREIGN);
    for (let turn = 0; turn < 20; turn += 1) {
      await pass(DURATION_MS - RETRY_MS);
      server.write(NAME, { ...FOREIGN, renewTime: `19${10 + turn}-01-01T00:00:00.000000Z` });
    }
    expect([leads(a), holder(), a.signals.length]).toEqual([false, 'other', 0]);
  });

  it('a wall clock that jumps means nothing', async () => {
    const a = join('a');
    server.write(NAME, FOREIGN);
    await pass(5_000);
    vi.setSystemTime(new Date('2040-01-01T00:00:00Z'));
    await pass(5_000);
    expect(leads(a)).toBe(false);
  });

  it.each([[''], [undefined], [null]])('one without a holder (%j) is taken at once', async (holderIdentity) => {
    server.write(NAME, { ...FOREIGN, holderIdentity });
    const a = join('a');
    await pass(1);
    expect(leads(a)).toBe(true);
    expect(lease().spec['leaseTransitions']).toBe(5);
  });

  it('who is second is not the one: the version is part of the write', async () => {
    server.write(NAME, { ...FOREIGN, holderIdentity: '' });
    const a = join('a', { fate: ({ method }) => (method === 'PUT' ? { thereMs: 100 } : {}) });
    await pass(50);
    server.write(NAME, FOREIGN);
    await pass(100);
    expect([server.came.at(-1)?.request.method, leads(a), holder()]).toEqual(['PUT', false, 'other']);
    expect(troublesOf(a)).toEqual([]);
  });

  it('who is second to make it is not the one', async () => {
    const a = join('a', { fate: ({ method }) => (method === 'POST' ? { thereMs: 100 } : {}) });
    await pass(50);
    server.write(NAME, FOREIGN);
    await pass(100);
    expect([server.came.at(-1)?.request.method, leads(a), holder()]).toEqual(['POST', false, 'other']);
  });

  it('what others wrote into it is kept', async () => {
    server.write(NAME, { ...FOREIGN, holderIdentity: '', strategy: 'x' });
    join('a');
    await pass(1);
    expect(lease().spec['strategy']).toBe('x');
  });

  it('answers that come too late win nothing', async () => {
    // Each in time for its request, and yet ten seconds in all.
    const a = join('a', { fate: ({ method }) => ({ backMs: method === 'GET' ? 4_990 : Infinity }) });
    await pass(4_995);
    expect(holder()).toBe('a');
    await pass(20_000);
    expect([a.signals.length, a.election.leading]).toEqual([0, false]);
  });

  it('an agent that was held up until the deadline had passed wins nothing', async () => {
    let heldUpMs = 0;
    const a = join('a', {
      now: () => performance.now() + heldUpMs,
      fate: ({ method }) => {
        if (method === 'POST') heldUpMs = RENEW_DEADLINE_MS;
        return {};
      },
    });
    await pass(1);
    expect([holder(), a.signals.length, a.election.leading]).toEqual(['a', 0, false]);
    await pass(RETRY_MS);
    expect(leads(a)).toBe(true);
  });

  it('refusals are told, and it goes on', async () => {
    const a = join('a', { fate: () => ({ error: { status: 403, retryAfterMs: null } }) });
    await pass(5_000);
    expect(new Set(troublesOf(a))).toEqual(new Set([`Lease lvs/${NAME}: GET ${LEASES}/${NAME}: 403`]));
    a.fate = () => ({});
    await pass(RETRY_MS);
    expect([leads(a), a.troubles.at(-1)]).toEqual([true, null]);
  });

  it('a trouble is told once', async () => {
    const a = join('a', { fate: () => ({ error: { status: 403, retryAfterMs: null } }) });
    await pass(10_000);
    a.fate = () => ({});
    await pass(10_000);
    expect(a.troubles).toEqual([`Lease lvs/${NAME}: GET ${LEASES}/${NAME}: 403`, null]);
  });

  it('a listener that throws stops nothing', async () => {
    const a = join('a', {
      fate: () => ({ error: { status: 403, retryAfterMs: null } }),
      onTrouble: () => {
        throw new Error('oops');
      },
    });
    await pass(5_000);
    a.fate = () => ({});
    await pass(RETRY_MS);
    expect(leads(a)).toBe(true);
  });

  it('tries come at different times', async () => {
    const random = seeded(1);
    server.write(NAME, FOREIGN);
    join('a', { random });
    await pass(14_000);
    const times = server.came.map(({ ms }) => ms);
    const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    expect(new Set(gaps).size).toBeGreaterThan(3);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(2_000);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(RETRY_MS);
  });
});

describe('the one who leads', () => {
  it('renews every two seconds and leads on', async () => {
    const a = join('a');
    await pass(1);
    const before = lease();
    await pass(2_001);
    expect(lease().spec['renewTime']).not.toBe(before.spec['renewTime']);
    await pass(120_000);
    expect([leads(a), a.signals.length]).toEqual([true, 1]);
    expect(lease().spec).toMatchObject({ leaseTransitions: 0, acquireTime: before.spec['acquireTime'] });
    expect(server.came.filter(({ request }) => request.method === 'PUT').length).toBeGreaterThanOrEqual(60);
  });

  it('leads on through failures that are shorter than the deadline', async () => {
    const a = join('a');
    await pass(1);
    a.fate = () => ({ error: { status: 500, retryAfterMs: null } });
    await pass(RENEW_DEADLINE_MS - 2 * RETRY_MS);
    a.fate = () => ({});
    await pass(RENEW_DEADLINE_MS);
    expect([leads(a), a.signals.length]).toEqual([true, 1]);
  });

  it.each([
    ['are refused', { error: { status: 500, retryAfterMs: null } }],
    ['get no answer', { thereMs: Infinity }],
    ['are carried out, but not answered', { backMs: Infinity }],
  ])('leads no more when renewals %s for ten seconds', async (_, fate: Fate) => {
    const a = join('a');
    await pass(1);
    a.fate = () => fate;
    await pass(RENEW_DEADLINE_MS - 100);
    expect(leads(a)).toBe(true);
    await pass(100);
    expect([a.election.leading, isOver(a)]).toEqual([false, true]);
  });

  it('leads no more in time even when a request never ends', async () => {
    let isHanging = false;
    const inner = server.client();
    const started: AbortSignal[] = [];
    const election = startElection(
      {
        ...inner,
        // Whatever the deadline says; only an abort ends it.
        request: (request) =>
          isHanging
            ? inner.request({ ...request, deadlineMs: 1_000_000, path: '' }).then(hang)
            : inner.request(request),
      },
      {
        namespace: 'lvs',
        name: NAME,
        identity: 'a',
        onLead: (signal) => {
          started.push(signal);
          return untilAborted(signal);
        },
        onTrouble: () => undefined,
      },
    );
    await pass(1);
    expect(election.leading).toBe(true);
    isHanging = true;
    await pass(RENEW_DEADLINE_MS);
    expect([election.leading, started[0]?.aborted]).toEqual([false, true]);
  });
  const hang = (): Promise<never> => new Promise(() => undefined);

  it('counts the deadline from the request, not from the answer', async () => {
    const a = join('a', { fate: ({ method }) => (method === 'POST' ? { thereMs: 100, backMs: 3_900 } : {}) });
    await pass(4_001);
    expect(leads(a)).toBe(true);
    a.fate = () => ({ thereMs: Infinity });
    await pass(RENEW_DEADLINE_MS - 4_000);
    expect([a.election.leading, isOver(a)]).toEqual([false, true]);
  });

  it('ends at once when another holds the Lease', async () => {
    const a = join('a');
    await pass(1);
    server.write(NAME, FOREIGN);
    await pass(2_001);
    expect([a.election.leading, isOver(a), holder()]).toEqual([false, true, 'other']);
  });

  it('comes back when its own Lease is there again', async () => {
    const a = join('a');
    await pass(1);
    a.fate = () => ({ thereMs: Infinity });
    await pass(RENEW_DEADLINE_MS);
    a.fate = () => ({});
    await pass(2 * RETRY_MS + 5_000);
    expect([leads(a), a.signals.length]).toEqual([true, 2]);
    expect(lease().spec['leaseTransitions']).toBe(0);
  });

  it('makes the Lease again when somebody deletes it', async () => {
    const a = join('a');
    await pass(1);
    server.remove(NAME);
    await pass(2 * RETRY_MS);
    expect([leads(a), holder()]).toEqual([true, 'a']);
  });

  it('is no candidate again before its work has ended', async () => {
    let end = (): void => undefined;
    const a = join('a', {
      onLead: () =>
        new Promise((resolve) => {
          end = resolve;
        }),
    });
    await pass(1);
    server.write(NAME, { ...FOREIGN, holderIdentity: 'b' });
    await pass(2_001);
    server.write(NAME, { ...FOREIGN, holderIdentity: '' });
    const requests = server.came.length;
    await pass(60_000);
    expect([isOver(a), a.signals.length, server.came.length, holder()]).toEqual([true, 1, requests, '']);
    end();
    await pass(RETRY_MS);
    expect([leads(a), a.signals.length]).toEqual([true, 2]);
    end();
  });

  it.each([
    ['rejects', () => Promise.reject(new Error('oops'))],
    [
      'throws',
      () => {
        throw new Error('oops');
      },
    ],
  ])('leads no more when its work %s, which is told', async (_, onLead) => {
    const a = join('a', { onLead });
    await pass(1);
    expect([a.election.leading, isOver(a)]).toEqual([false, true]);
    expect(troublesOf(a)).toEqual([expect.stringContaining('oops')]);
  });

  it('leads no more when its work is done', async () => {
    const a = join('a', { onLead: () => Promise.resolve() });
    await pass(1);
    expect([a.election.leading, isOver(a)]).toEqual([false, true]);
  });
});

describe('who stops', () => {
  it('ends its work before it gives the Lease back, and the next takes over', async () => {
    const order: string[] = [];
    const a = join('a', {
      onLead: async (signal) => {
        await untilAborted(signal);
        order.push('aborted');
        await new Promise((resolve) => {
          setTimeout(resolve, 500);
        });
        order.push(`ended while held by ${String(holder())}`);
      },
    });
    await pass(1);
    const b = join('b');
    await pass(5_000);
    const stopped = a.election.stop();
    expect([a.election.leading, isOver(a)]).toEqual([false, true]);
    await pass(501);
    await stopped;
    expect(order).toEqual(['aborted', 'ended while held by a']);
    expect(lease().spec).toMatchObject({ holderIdentity: '', leaseDurationSeconds: 1 });
    await pass(RETRY_MS);
    expect([leads(b), lease().spec['leaseDurationSeconds']]).toEqual([true, 15]);
  });

  it('leaves a Lease alone that is not its own', async () => {
    server.write(NAME, FOREIGN);
    const a = join('a');
    await pass(1);
    await a.election.stop();
    expect(lease().spec).toEqual(FOREIGN);
  });

  it('leaves a Lease alone that another has taken from it', async () => {
    const a = join('a');
    await pass(1);
    server.write(NAME, FOREIGN);
    await a.election.stop();
    expect(lease().spec).toEqual(FOREIGN);
  });

  it('does not undo what another writes in between', async () => {
    const a = join('a');
    await pass(1);
    a.fate = ({ method }) => (method === 'PUT' ? { thereMs: 200 } : {});
    const stopped = a.election.stop();
    await pass(100);
    server.write(NAME, FOREIGN);
    await pass(200);
    await stopped;
    expect(lease().spec).toEqual(FOREIGN);
  });

  it('gives back what it won while it stopped', async () => {
    const a = join('a', { fate: ({ method }) => (method === 'POST' ? { backMs: 500 } : {}) });
    await pass(100);
    expect([holder(), leads(a)]).toEqual(['a', false]);
    await a.election.stop();
    expect([holder(), a.signals.length]).toEqual(['', 0]);
  });

  it('has two seconds in all for giving it back', async () => {
    const a = join('a');
    await pass(1);
    a.fate = () => ({ backMs: 1_500 });
    let isStopped = false;
    void a.election.stop().then(() => {
      isStopped = true;
    });
    await pass(2_001);
    expect(isStopped).toBe(true);
  });

  it('asks nothing more', async () => {
    const a = join('a');
    await pass(1);
    await a.election.stop();
    const requests = server.came.length;
    await pass(60_000);
    expect(server.came.length).toBe(requests);
  });

  it.each([['leads'], ['does not lead']])('waits for no server that is silent, if it %s', async (which) => {
    if (which === 'does not lead') server.write(NAME, FOREIGN);
    const a = join('a');
    await pass(2_500);
    a.fate = () => ({ thereMs: Infinity });
    await pass(2_000);
    let isStopped = false;
    const stopped = a.election.stop().then(() => {
      isStopped = true;
    });
    await pass(2_001);
    expect(isStopped).toBe(true);
    await stopped;
  });
});

describe('several candidates', () => {
  /** At most one works at any instant: a second could only begin while the first still does. */
  function race(
    seed: number,
    count: number,
    fates: () => Candidate['fate'],
  ): { readonly all: readonly Candidate[]; readonly doubles: string[] } {
    const random = seeded(seed);
    const doubles: string[] = [];
    const all: Candidate[] = [];
    for (let number = 0; number < count; number += 1) {
      const candidate = join(`c${number}`, {
        random,
        fate: fates(),
        onLead: async (signal) => {
          const others = all.filter((other) => other !== candidate && (leads(other) || !isOver(other)));
          if (others.length > 0)
            doubles.push(`${performance.now()} ms: ${candidate.identity} beside ${others[0]?.identity}`);
          await untilAborted(signal);
          await new Promise((resolve) => {
            setTimeout(resolve, random() * 3_000);
          });
        },
      });
      all.push(candidate);
    }
    return { all, doubles };
  }
  /** A network in one of its moods, which change now and then. */
  function weather(random: () => number): (request: ApiRequest) => Fate {
    let calmUntil = 0;
    let bad = 0;
    return () => {
      if (performance.now() >= calmUntil) {
        calmUntil = performance.now() + random() * 25_000;
        bad = random() < 0.5 ? 0 : random();
      }
      const slow = random() < bad ? 4_000 : 100;
      const fate = { thereMs: random() * slow, backMs: random() * slow };
      if (random() > bad) return fate;
      const kind = random();
      // A write that is carried out long after its author gave it up, one that is lost, one whose answer is, and a refusal.
      if (kind < 0.25) return { thereMs: random() * 30_000, backMs: 0 };
      if (kind < 0.5) return { thereMs: Infinity };
      if (kind < 0.75) return { ...fate, backMs: Infinity };
      return { ...fate, error: { status: random() < 0.5 ? 500 : null, retryAfterMs: null } };
    };
  }

  it.each(Array.from({ length: 60 }, (_, index) => [index + 1, 2 + (index % 2)]))(
    'never lead together, whatever the network does (seed %i, %i candidates)',
    async (seed, count) => {
      const random = seeded(seed + 1_000);
      const { all, doubles } = race(seed, count, () => weather(random));
      await pass(180_000);
      expect(doubles, `seed ${seed}`).toEqual([]);
      for (const candidate of all) candidate.fate = () => ({});
      // What is on its way may take half a minute; then one leads.
      await pass(30_000 + DURATION_MS + 2 * RETRY_MS + 5_000);
      expect(all.filter(leads), `seed ${seed}`).toHaveLength(1);
      expect(doubles, `seed ${seed}`).toEqual([]);
    },
  );

  const small = (random: () => number) => (): Fate => ({ thereMs: random() * 25, backMs: random() * 25 });
  const leader = (all: readonly Candidate[]): Candidate => all.find(leads) ?? expect.fail('nobody leads');

  it.each(Array.from({ length: 20 }, (_, index) => [index + 1]))(
    'do without one that died after the duration and two tries (seed %i)',
    async (seed) => {
      const random = seeded(seed + 2_000);
      const { all, doubles } = race(seed, 3, () => small(random));
      await pass(10_000 + random() * 5_000);
      const dead = leader(all);
      dead.fate = () => ({ thereMs: Infinity });
      const others = all.filter((candidate) => candidate !== dead);
      const longestMs = DURATION_MS + 2 * RETRY_MS + 200;
      expect(await until(() => others.some(leads), 60_000), `seed ${seed}`).toBeLessThanOrEqual(longestMs);
      expect(lease().spec['leaseTransitions'], `seed ${seed}`).toBe(1);
      expect(doubles, `seed ${seed}`).toEqual([]);
    },
  );

  it.each(Array.from({ length: 20 }, (_, index) => [index + 1]))(
    'take over from one that stops within two tries (seed %i)',
    async (seed) => {
      const random = seeded(seed + 3_000);
      const { all, doubles } = race(seed, 3, () => small(random));
      await pass(10_000 + random() * 5_000);
      const leaving = leader(all);
      // Its work ends when it ends: what counts is the time from then on.
      const stopped = leaving.election.stop();
      await until(() => holder() === '', 4_000);
      const took = await until(() => all.some(leads), 60_000);
      expect(took, `seed ${seed}`).toBeLessThanOrEqual(2 * 2_000 + 200);
      await stopped;
      expect(doubles, `seed ${seed}`).toEqual([]);
    },
  );
});
