/**
 * Election of one among many by a Lease, by the rules of client-go (tools/leaderelection): nobody's clock is compared with
 * another's. Who holds the Lease renews it and gives up before the others may take it; who does not, takes it when it has
 * seen it unchanged for its whole duration.
 */
import { sleep } from './backoff.ts';
import type { ApiClient, ApiResult } from './client.ts';
import { leaseObject, leasesPath, microTime } from './leases.ts';
import { openTeller } from './teller.ts';
import { isRecord, messageOf } from './values.ts';

export interface ElectionOptions {
  readonly namespace: string;
  /** Of the Lease. */
  readonly name: string;
  /** Unique to this candidate. */
  readonly identity: string;
  /** What the one who leads does, until aborted. */
  readonly onLead: (signal: AbortSignal) => Promise<void>;
  readonly onTrouble: (trouble: string | null) => void;
  readonly times?: ElectionTimes;
  readonly random?: () => number;
  /** Milliseconds, as performance.now(). */
  readonly now?: () => number;
}

export interface ElectionTimes {
  readonly durationMs: number;
  /** Who could not renew for so long leads no more. Shorter than the duration. */
  readonly renewDeadlineMs: number;
  readonly retryMs: number;
}

export interface Election {
  readonly leading: boolean;
  /** Ends the leadership and gives the Lease back, so that the next need not wait. */
  stop(): Promise<void>;
}

const TIMES: ElectionTimes = { durationMs: 15_000, renewDeadlineMs: 10_000, retryMs: 2_000 };
const REQUEST_MS = 5_000;
/** For all of giving back. */
const RELEASE_MS = 2_000;
/** Candidates do not knock all at once. */
const JITTER = 0.2;

/** A Lease as it was seen. */
interface Seen {
  readonly holder: string;
  /** The whole spec as text: whether it changed is all that counts. */
  readonly text: string;
  readonly object: Readonly<Record<string, unknown>>;
  readonly spec: Readonly<Record<string, unknown>>;
}

interface Leadership {
  readonly ending: AbortController;
  readonly done: Promise<void>;
  /** Ends it when no renewal succeeds in time, whatever requests do. */
  deadline: NodeJS.Timeout;
}

export function startElection(client: ApiClient, options: ElectionOptions): Election {
  const { namespace, name, identity, random = Math.random, now = () => performance.now() } = options;
  const onTrouble = openTeller(options.onTrouble);
  const { durationMs, renewDeadlineMs, retryMs } = options.times ?? TIMES;
  const path = `${leasesPath(namespace)}/${name}`;
  const stopping = new AbortController();
  const { signal } = stopping;
  let leadership: Leadership | null = null;
  /** A write of ours may have made us the holder, also one whose answer we have not seen. */
  let mayHold = false;
  let known: { readonly text: string; readonly sinceMs: number } | null = null;

  const isLeading = (): boolean => leadership !== null && !leadership.ending.signal.aborted;
  const deadlineFrom = (beganMs: number): NodeJS.Timeout =>
    setTimeout(() => leadership?.ending.abort(), Math.max(0, beganMs + renewDeadlineMs - now()));
  const begin = (beganMs: number): void => {
    const ending = new AbortController();
    const work = async (): Promise<void> => {
      try {
        await options.onLead(ending.signal);
      } catch (error) {
        onTrouble(`what the elected one does failed: ${messageOf(error)}`);
      }
      ending.abort();
    };
    leadership = { ending, deadline: deadlineFrom(beganMs), done: Promise.resolve() };
    leadership = { ...leadership, done: work() };
  };
  const end = async (): Promise<void> => {
    if (leadership === null) return;
    clearTimeout(leadership.deadline);
    leadership.ending.abort();
    await leadership.done;
    leadership = null;
  };

  const look = async (): Promise<ApiResult<Seen | null>> => {
    const answer = await client.request({ method: 'GET', path, deadlineMs: REQUEST_MS, signal });
    if (!answer.ok) return answer.error.status === 404 ? { ok: true, value: null } : answer;
    const object = isRecord(answer.value) ? answer.value : {};
    const spec = isRecord(object['spec']) ? object['spec'] : {};
    const { holderIdentity } = spec;
    const holder = typeof holderIdentity === 'string' ? holderIdentity : '';
    return { ok: true, value: { holder, text: JSON.stringify(spec), object, spec } };
  };
  /** Write ourselves in, over what was seen; 409 when somebody was quicker. */
  const take = (seen: Seen | null): Promise<ApiResult<unknown>> => {
    mayHold = true;
    const time = microTime(new Date());
    const isOurs = seen?.holder === identity;
    const transitions = typeof seen?.spec['leaseTransitions'] === 'number' ? seen.spec['leaseTransitions'] : 0;
    const spec = {
      ...seen?.spec,
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(durationMs / 1_000),
      renewTime: time,
      ...(isOurs ? {} : { acquireTime: time, leaseTransitions: seen === null ? 0 : transitions + 1 }),
    };
    return seen === null
      ? client.request({
          method: 'POST',
          path: leasesPath(namespace),
          body: leaseObject({ name }, spec),
          deadlineMs: REQUEST_MS,
          signal,
        })
      : client.request({ method: 'PUT', path, body: { ...seen.object, spec }, deadlineMs: REQUEST_MS, signal });
  };

  const turn = async (): Promise<void> => {
    // A leadership that ran out has to be over before the next begins.
    if (leadership?.ending.signal.aborted === true) await end();
    const beganMs = now();
    const seen = await look();
    if (!seen.ok) return signal.aborted ? undefined : onTrouble(`Lease ${namespace}/${name}: ${seen.error.message}`);
    if (known === null || known.text !== seen.value?.text) known = { text: seen.value?.text ?? '', sinceMs: now() };
    const holder = seen.value?.holder ?? '';
    if (holder !== identity) {
      if (leadership !== null) await end();
      const isFree = holder === '' || now() - known.sinceMs >= durationMs;
      if (!isFree) return onTrouble(null);
    }
    const taken = await take(seen.value);
    if (!taken.ok) {
      const isRace = taken.error.status === 409;
      if (isRace || signal.aborted) return;
      return onTrouble(`Lease ${namespace}/${name}: ${taken.error.message}`);
    }
    onTrouble(null);
    // Stopped, or too late while the answer was on its way: it is not ours to lead with.
    if (signal.aborted || now() - beganMs >= renewDeadlineMs) return;
    if (leadership === null) return begin(beganMs);
    clearTimeout(leadership.deadline);
    if (isLeading()) leadership.deadline = deadlineFrom(beganMs);
  };
  const release = async (): Promise<void> => {
    const beganMs = now();
    const answer = await client.request({ method: 'GET', path, deadlineMs: RELEASE_MS });
    if (!answer.ok || !isRecord(answer.value) || !isRecord(answer.value['spec'])) return;
    if (answer.value['spec']['holderIdentity'] !== identity) return;
    const spec = {
      ...answer.value['spec'],
      holderIdentity: '',
      leaseDurationSeconds: 1,
      renewTime: microTime(new Date()),
    };
    const deadlineMs = Math.max(1, RELEASE_MS - (now() - beganMs));
    await client.request({ method: 'PUT', path, body: { ...answer.value, spec }, deadlineMs });
  };
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      await turn();
      await sleep(retryMs * (1 + JITTER * random()), signal);
    }
  };
  const running = run();
  return {
    get leading() {
      return isLeading();
    },
    async stop() {
      stopping.abort();
      await end();
      await running;
      await end();
      if (!mayHold) return;
      mayHold = false;
      await release();
    },
  };
}
