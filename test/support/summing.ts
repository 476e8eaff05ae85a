/** A cluster as one sees it who sums up: objects of the API, Nodes, and what directors say about themselves. */
import { type Compiled, compile } from '../../src/controller/compile.ts';
import type { Endpoint, EndpointSlice } from '../../src/controller/endpoint-slice.ts';
import { interpretObjects } from '../../src/controller/kubernetes/interpret.ts';
import { type Known, knownObject } from '../../src/controller/kubernetes/known.ts';
import { isOlder } from '../../src/controller/kubernetes/wire.ts';
import type { AddressPolicy } from '../../src/controller/policy.ts';
import type { SiteNode } from '../../src/controller/site.ts';
import type { SourceView } from '../../src/controller/source.ts';
import {
  type ApiObjectView,
  type DirectorView,
  GRACE_MS,
  summarise,
  type Summary,
  type SummaryInput,
} from '../../src/controller/summary.ts';
import type { DirectorException, DirectorStatus } from '../../src/crd/director.ts';
import type { Kind } from '../../src/crd/parse.ts';
import {
  realServerStatus,
  type RealServerStatus,
  virtualServiceStatus,
  type VirtualServiceStatus,
} from '../../src/crd/status.ts';
import { valid } from './objects.ts';
import { site } from './site.ts';

type Data = Readonly<Record<string, unknown>>;
export type AnyStatus = VirtualServiceStatus | RealServerStatus;

export const VIP = '192.168.112.200';

export const slice = (addresses: readonly string[], more: Partial<EndpointSlice> = {}): EndpointSlice => ({
  name: 'web-1',
  family: 'ipv4',
  managedBy: 'endpointslice-controller.k8s.io',
  ports: [{ name: '', protocol: 'TCP', port: 8080 }],
  endpoints: addresses.map((address): Endpoint => ({ address, ready: true, serving: true, terminating: false })),
  ...more,
});

/** An object of the API. */
export interface Given {
  readonly data: Data;
  readonly generation?: number;
  /** The resourceVersion at which this generation was first seen. */
  readonly since?: string;
  readonly seenMs?: number;
  readonly status?: AnyStatus | null;
  /** What was accepted of it before. */
  readonly good?: { readonly data: Data; readonly generation: number };
}

export interface Situation {
  readonly objects: readonly (Given | Data)[];
  /** The Node of the agent that looks; `a` by default. */
  readonly self?: string;
  readonly nodes?: Readonly<Record<string, SiteNode>>;
  readonly policy?: Partial<AddressPolicy>;
  /** Of Service `default/web`. */
  readonly slices?: readonly EndpointSlice[];
  readonly directors?: Readonly<Record<string, DirectorView>>;
  readonly now?: string;
  /** Long after everything was seen, unless told otherwise. */
  readonly nowMs?: number;
}

const SINCE = '100';
export const NOW = '2026-01-02T03:04:05Z';
export const LATER = '2026-01-02T04:00:00Z';
const LONG_AFTER_MS = 100 * GRACE_MS;

const givenOf = (object: Given | Data): Given => ('data' in object ? (object as Given) : { data: object });
const nameOf = (data: Data): string => (data['metadata'] as { name: string }).name;

export const uidOf = (data: Data): string => `uid-${String(data['kind'])}-${nameOf(data)}`;

/** What the source makes of the objects, and what compilation makes of that. */
export function seenBy(situation: Situation): { readonly view: SourceView; readonly compiled: Compiled } {
  const { self = 'a', nodes, policy, slices } = situation;
  const at = site(self, nodes, policy);
  const known = (kind: Kind): Known =>
    new Map(
      situation.objects
        .map(givenOf)
        .filter(({ data }) => data['kind'] === kind)
        .map(({ data, generation = 1, good }) => {
          const before = good === undefined ? null : { object: valid(good.data), generation: good.generation };
          return [`default/${nameOf(data)}`, knownObject(uidOf(data), generation, data, before)] as const;
        }),
    );
  const read = interpretObjects({ virtualServices: known('VirtualService'), realServers: known('RealServer') }, at);
  const byService = new Map(slices === undefined ? [] : [['default/web', slices] as const]);
  const world = { objects: read.objects, slices: byService, site: at };
  const { problems, retained, judged } = read;
  return { view: { world, problems, retained, foreign: [], judged }, compiled: compile(world) };
}

/** What is summed up. */
export function summaryInput(situation: Situation): SummaryInput {
  const { directors = {}, now = NOW, nowMs = LONG_AFTER_MS } = situation;
  const views = <S>(kind: Kind): ApiObjectView<S>[] =>
    situation.objects
      .map(givenOf)
      .filter(({ data }) => data['kind'] === kind)
      .map(({ data, generation = 1, since = SINCE, seenMs = 0, status = null }) => ({
        identity: { kind, namespace: 'default', name: nameOf(data) },
        uid: uidOf(data),
        generation,
        generationSince: since,
        seenMs,
        status: status as S | null,
      }));
  return {
    ...seenBy(situation),
    directors: new Map(Object.entries(directors)),
    virtualServices: views('VirtualService'),
    realServers: views('RealServer'),
    now,
    nowMs,
  };
}

/** Sums up; a status that the API would not take, or would take otherwise, is an error. */
export function summaryOf(situation: Situation): Summary {
  const summary = summarise(summaryInput(situation));
  for (const { identity, status } of summary.changes) {
    const schema = identity.kind === 'VirtualService' ? virtualServiceStatus : realServerStatus;
    const parsed = schema.safeParse(JSON.parse(JSON.stringify(status)));
    if (!parsed.success) throw new Error(`${identity.name} has a status that is none: ${parsed.error.message}`);
    if (JSON.stringify(sorted(parsed.data)) !== JSON.stringify(sorted(status))) {
      throw new Error(`${identity.name}: ${JSON.stringify(status)} comes back as ${JSON.stringify(parsed.data)}`);
    }
  }
  return summary;
}

/** With its fields in order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}

/** The status that is to be written for the object of this kind and name, or null. */
export const changeOf = (summary: Summary, kind: Kind, name: string): AnyStatus | null =>
  summary.changes.find(({ identity }) => identity.kind === kind && identity.name === name)?.status ?? null;

/** `TYPE STATUS REASON: MESSAGE`, of the condition of this type. */
export function conditionText(status: Pick<AnyStatus, 'conditions'> | null, type: string): string | undefined {
  const found = status?.conditions.find((condition) => condition.type === type);
  return found === undefined ? undefined : `${found.type} ${found.status} ${found.reason}: ${found.message}`;
}

interface ViewOptions {
  readonly upTo?: string;
  readonly live?: boolean;
  readonly liveSinceMs?: number;
  readonly exceptions?: readonly DirectorException[];
  readonly truncated?: number;
  /** It has said nothing yet. */
  readonly silent?: boolean;
}

/** A director that has followed everything up to 999 and has no exception, unless told otherwise. */
export function directorView(options: ViewOptions = {}): DirectorView {
  const { upTo = '999', live = true, liveSinceMs = 0, exceptions = [], truncated = 0, silent = false } = options;
  return {
    live,
    liveSinceMs,
    status: silent ? null : directorSays({ exceptions, truncated }),
    followed: (_kind, version) => !silent && !isOlder(upTo, version),
  };
}

export const directorSays = (more: Partial<DirectorStatus> = {}): DirectorStatus => ({
  conditions: [],
  observed: {},
  vips: [],
  exceptions: [],
  truncated: 0,
  ...more,
});

export const exception = (data: Data, reason: string, message = `it is ${reason}`): DirectorException => ({
  kind: 'VirtualService',
  namespace: 'default',
  name: nameOf(data),
  uid: uidOf(data),
  generation: 1,
  condition: 'Programmed',
  reason,
  message,
});
