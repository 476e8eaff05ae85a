/**
 * Writes the status of all objects, as long as this agent is the one that was elected to: gathers what directors say,
 * and writes what differs.
 */
import type { z } from 'zod';
import { directorStatus, type DirectorStatus } from '../../crd/director.ts';
import { API_VERSION } from '../../crd/group.ts';
import type { Identity, Kind } from '../../crd/parse.ts';
import { type Frozen, realServerStatus, virtualServiceStatus } from '../../crd/status.ts';
import type { Turn } from '../agent.ts';
import { type ApiObjectView, type DirectorView, type StatusChange, summarise } from '../summary.ts';
import { delayAfter, sleep } from './backoff.ts';
import { openBell } from './bell.ts';
import { unlessAborted } from './cancel.ts';
import type { ApiClient, ApiError } from './client.ts';
import { LEASE_DURATION_SECONDS, nodeLeases } from './node-lease.ts';
import { openRoll, type Presence } from './presence.ts';
import { DIRECTORS, type DirectorRecord, type OwnRecord } from './records.ts';
import { type Item, type Reflector, startReflector } from './reflector.ts';
import type { ClusterSource } from './source.ts';
import { isOlder } from './wire.ts';
import { isRecord } from './values.ts';

export interface SummariserOptions {
  /** Where the Leases are. */
  readonly namespace: string;
  readonly source: Pick<ClusterSource, 'virtualServices' | 'realServers'>;
  /** What this agent knows; null before its first turn. */
  readonly turn: () => Turn | null;
  readonly onNote: (message: string) => void;
  readonly now?: () => number;
  readonly random?: () => number;
}

export interface Summariser {
  /** There is something new: a turn, or an event of an object. */
  poke(): void;
  /** Sum up until aborted. Never rejects. */
  lead(signal: AbortSignal): Promise<void>;
}

/** What comes close together is summed up together. */
const SETTLE_MS = 100;
/** Whether a director is still alive is looked at this often. */
const LOOK_MS = 1_000;
const MOST_WRITES_AT_ONCE = 8;

const PLURALS: Readonly<Record<Kind, string>> = { VirtualService: 'virtualservices', RealServer: 'realservers' };

/** A merge patch leaves what it does not name. */
const CLEARED: Readonly<Record<Kind, object>> = {
  VirtualService: { addresses: null, backends: null, directors: null },
  RealServer: {},
};

export function openSummariser(client: ApiClient, options: SummariserOptions): Summariser {
  const { source, onNote, now = () => performance.now(), random = Math.random } = options;
  const bell = openBell();

  const lead = async (signal: AbortSignal): Promise<void> => {
    const roll = openRoll(LEASE_DURATION_SECONDS * 1_000);
    const follow = {
      onNote,
      onTrouble: (trouble: string | null): void => {
        if (trouble !== null) onNote(trouble);
      },
    };
    const directors = startReflector(client, DIRECTORS, { ...follow, onChange: () => bell.ring() });
    const look = (): void => {
      if (
        roll.look(
          [...leases.items.values()].map(({ record }) => record),
          now(),
        )
      )
        bell.ring();
    };
    const leases = startReflector(client, nodeLeases(options.namespace), { ...follow, onChange: () => look() });
    const looking = setInterval(look, LOOK_MS);
    const memory = openMemory();
    try {
      await unlessAborted(Promise.all([directors.ready, leases.ready]), signal);
      let failures = 0;
      let waitMs: number | null = 0;
      while (!signal.aborted) {
        await bell.wait(waitMs, signal);
        await sleep(SETTLE_MS, signal);
        const turn = options.turn();
        if (signal.aborted || turn === null) {
          waitMs = null;
          continue;
        }
        const nowMs = now();
        const { changes, againMs } = summarise({
          view: turn.view,
          compiled: turn.compiled,
          directors: directorViews(directors, roll.directors),
          virtualServices: memory.views('VirtualService', source.virtualServices, virtualServiceStatus, nowMs),
          realServers: memory.views('RealServer', source.realServers, realServerStatus, nowMs),
          now: new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
          nowMs,
        });
        const error = await writeAll(changes, memory, signal);
        failures = error === null ? 0 : failures + 1;
        if (error !== null) onNote(`a status cannot be written: ${error.message}`);
        waitMs = error === null ? againMs : Math.min(againMs ?? Infinity, delayAfter(error, failures, random()));
        if (error !== null) await sleep(Math.min(waitMs ?? 0, 1_000), signal);
      }
    } finally {
      clearInterval(looking);
      await Promise.all([directors.stop(), leases.stop()]);
    }
  };

  /** The last error that asks for another try, or null. */
  const writeAll = async (
    changes: readonly StatusChange[],
    memory: Memory,
    signal: AbortSignal,
  ): Promise<ApiError | null> => {
    let failed: ApiError | null = null;
    const queue = [...changes];
    const worker = async (): Promise<void> => {
      for (let change = queue.pop(); change !== undefined && !signal.aborted; change = queue.pop()) {
        const error = await write(change, memory, signal);
        if (error !== null) failed = error;
      }
    };
    await Promise.all(Array.from({ length: MOST_WRITES_AT_ONCE }, worker));
    return signal.aborted ? null : failed;
  };
  const write = async (change: StatusChange, memory: Memory, signal: AbortSignal): Promise<ApiError | null> => {
    const { identity, uid, status } = change;
    const known = itemOf(source, identity);
    if (known === undefined || known.uid !== uid) return null;
    const answer = await client.request({
      method: 'PATCH',
      path: `/apis/${API_VERSION}/namespaces/${identity.namespace}/${PLURALS[identity.kind]}/${identity.name}/status`,
      contentType: 'application/merge-patch+json',
      // Whoever wrote in between has seen something else, and so shall we: the event of it brings us back here.
      body: {
        metadata: { uid, resourceVersion: known.resourceVersion },
        status: { ...CLEARED[identity.kind], ...status },
      },
      signal,
    });
    if (!answer.ok) return answer.error.status === 404 || answer.error.status === 409 ? null : answer.error;
    memory.wrote(identity.kind, uid, versionOf(answer.value) ?? known.resourceVersion);
    return null;
  };
  return { poke: () => bell.ring(), lead };
}

const itemOf = (
  source: SummariserOptions['source'],
  { kind, namespace, name }: Identity,
): Item<OwnRecord> | undefined =>
  (kind === 'VirtualService' ? source.virtualServices : source.realServers).items.get(`${namespace}/${name}`);

function versionOf(object: unknown): string | null {
  const metadata = isRecord(object) ? object['metadata'] : null;
  const version = isRecord(metadata) ? metadata['resourceVersion'] : null;
  return typeof version === 'string' ? version : null;
}

interface Memory {
  /** Objects as they are in the API; those are left out of which our own write has not come back yet. */
  views<S extends z.ZodType>(
    kind: Kind,
    objects: Pick<Reflector<OwnRecord>, 'items'>,
    schema: S,
    nowMs: number,
  ): ApiObjectView<Frozen<z.output<S>>>[];
  wrote(kind: Kind, uid: string, resourceVersion: string): void;
}

function openMemory(): Memory {
  interface Sight {
    readonly generation: number | null;
    readonly ms: number;
    /** The version that our last write made, until it comes back. */
    readonly own: string | null;
  }
  const seen: Record<Kind, Map<string, Sight>> = { VirtualService: new Map(), RealServer: new Map() };
  return {
    views(kind, { items }, schema, nowMs) {
      const before = seen[kind];
      const sights = new Map<string, Sight>();
      seen[kind] = sights;
      return [...items.values()].flatMap((item) => {
        const { uid, namespace, name, generation, generationSince, resourceVersion, record } = item;
        const known = before.get(uid);
        const ms = known?.generation === generation ? known.ms : nowMs;
        const own = known !== undefined && known.own !== null && isOlder(resourceVersion, known.own) ? known.own : null;
        sights.set(uid, { generation, ms, own });
        if (own !== null) return [];
        const parsed = schema.safeParse(record.status);
        const status = parsed.success ? (parsed.data as Frozen<z.output<typeof schema>>) : null;
        return [{ identity: { kind, namespace, name }, uid, generation, generationSince, seenMs: ms, status }];
      });
    },
    wrote(kind, uid, own) {
      const sight = seen[kind].get(uid);
      if (sight !== undefined) seen[kind].set(uid, { ...sight, own });
    },
  };
}

function directorViews(
  directors: Pick<Reflector<DirectorRecord>, 'items'>,
  present: ReadonlyMap<string, Presence>,
): ReadonlyMap<string, DirectorView> {
  const views = new Map<string, DirectorView>();
  for (const [name, presence] of present) {
    const parsed = directorStatus.safeParse(directors.items.get(name)?.record.status);
    const status = parsed.success ? (parsed.data as DirectorStatus) : null;
    views.set(name, {
      live: presence.live,
      liveSinceMs: presence.sinceMs,
      status,
      followed: (kind, version) => {
        const told = [status?.observed, presence.observed].map((versions) => versionFor(kind, versions));
        return told.some((newest) => newest !== null && !isOlder(newest, version));
      },
    });
  }
  return views;
}

interface SomeVersions {
  readonly virtualServices?: string | null | undefined;
  readonly realServers?: string | null | undefined;
}

const versionFor = (kind: Kind, versions: SomeVersions | undefined): string | null =>
  (kind === 'VirtualService' ? versions?.virtualServices : versions?.realServers) ?? null;
