/**
 * An API server as a source of objects: follows what the node needs to know, and never says that something is gone when
 * it just cannot be seen.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Problem } from '../../crd/problem.ts';
import type { ObservedVersions, Source, SourceState } from '../source.ts';
import type { ApiClient } from './client.ts';
import { type Interpretation, interpretObjects, type KnownKinds } from './interpret.ts';
import { askKind } from './kind-check.ts';
import { type Known, learn, vanished } from './known.ts';
import type { ClusterMemory } from './memory.ts';
import {
  ENDPOINT_SLICES,
  type EndpointSliceRecord,
  NODES,
  type NodeRecord,
  type OwnRecord,
  REAL_SERVERS,
  SERVICE_CIDRS,
  type ServiceCidrRecord,
  VIRTUAL_SERVICES,
} from './records.ts';
import { type Reflector, type ReflectorOptions, type Resource, startReflector } from './reflector.ts';
import { type AddressSettings, siteOf, slicesByService } from './site.ts';
import { openSaver } from './saver.ts';

export interface ClusterSourceOptions {
  /** The Node whose director this is. */
  readonly nodeName: string;
  readonly settings: AddressSettings;
  /** Addresses or names of API servers, beside those that the cluster tells. */
  readonly servers: readonly string[];
  readonly memory: ClusterMemory;
  /** For the log. */
  readonly onNote: (message: string) => void;
  /** Passed on to the reflectors, for tests. */
  readonly reflectors?: Pick<ReflectorOptions, 'idleMs' | 'listLimit'>;
  readonly recheckMs?: number;
  readonly saveMs?: number;
}

export interface ClusterSource extends Source {
  readonly virtualServices: Reflector<OwnRecord>;
  readonly realServers: Reflector<OwnRecord>;
  readonly nodes: Reflector<NodeRecord>;
  /** Tell of any event of the own kinds, also one that changes only a status. */
  onEvent(listener: () => void): void;
  /** Ends what is under way; what was accepted is saved. */
  close(): Promise<void>;
}

/** What cannot be judged is looked at again after so long. */
const RECHECK_MS = 5_000;
const SAVE_MS = 10_000;

/** Start to follow the API server. */
export function openClusterSource(client: ApiClient, options: ClusterSourceOptions): ClusterSource {
  const { nodeName, settings, servers, memory, onNote } = options;
  let onChange = (): void => undefined;
  let onEvent = (): void => undefined;
  let dirty = true;
  let state: SourceState = { view: null, trouble: 'the API server was not asked yet' };
  let known: KnownKinds | null = null;
  let versions: ObservedVersions | null = null;
  let recheck: NodeJS.Timeout | undefined;
  let closed = false;
  const changed = (): void => {
    dirty = true;
    onChange();
  };
  const follow = <T>(resource: Resource<T>, isOwn = false): Reflector<T> =>
    startReflector(client, resource, {
      ...options.reflectors,
      onChange: changed,
      onTrouble: changed,
      onNote,
      ...(isOwn ? { onEvent: () => onEvent() } : {}),
    });
  const virtualServices = follow(VIRTUAL_SERVICES, true);
  const realServers = follow(REAL_SERVERS, true);
  const slices = follow<EndpointSliceRecord>(ENDPOINT_SLICES);
  const nodes = follow<NodeRecord>(NODES);
  const serviceCidrs = follow<ServiceCidrRecord>(SERVICE_CIDRS);
  const all = { VirtualService: virtualServices, RealServer: realServers, EndpointSlice: slices, Node: nodes };
  const saver = openSaver((what: KnownKinds) => memory.save(what), options.saveMs ?? SAVE_MS, onNote);

  const soon = (): void => {
    clearTimeout(recheck);
    if (!closed) recheck = setTimeout(changed, options.recheckMs ?? RECHECK_MS);
  };
  const notYet = (trouble: string): boolean => {
    const isNew = trouble !== state.trouble;
    state = { view: state.view, trouble };
    return isNew;
  };

  return {
    what: 'API server',
    tellsAtOnce: false,
    virtualServices,
    realServers,
    nodes,
    get state() {
      return state;
    },
    get versions() {
      // That something changed is told a moment after it is known.
      const isCurrent = isDeepStrictEqual(
        versions?.changes,
        versionsOf(virtualServices, realServers, 'generationVersion'),
      );
      if (versions === null || dirty || !isCurrent) return versions;
      // Nothing waits to be looked at, so whatever came since is known already.
      return { changes: versions.changes, events: versionsOf(virtualServices, realServers, 'resourceVersion') };
    },
    async refresh() {
      if (!dirty) return false;
      dirty = false;
      try {
        known ??= await memory.load();
      } catch (error) {
        dirty = true;
        throw error;
      }
      const waiting = whatIsMissing(all, known, serviceCidrs);
      if (waiting !== null) return notYet(waiting);
      if (!nodes.items.has(nodeName)) {
        return notYet(`there is no Node ${nodeName}; nothing is changed until there is (see --node-name)`);
      }
      const next = {
        changes: versionsOf(virtualServices, realServers, 'generationVersion'),
        events: versionsOf(virtualServices, realServers, 'resourceVersion'),
      };
      const [services, servers_] = await Promise.all([
        look(client, 'virtualservices', known.virtualServices, virtualServices),
        look(client, 'realservers', known.realServers, realServers),
      ]);
      if (services.unsure || servers_.unsure) soon();
      const site = siteOf({
        self: nodeName,
        settings,
        servers,
        nodes: nodes.items,
        serviceCidrs: serviceCidrs.items,
        slices: slices.items,
      });
      const read = interpretObjects({ virtualServices: services.known, realServers: servers_.known }, site);
      known = read.known;
      saver.save(known);
      const problems = [
        ...read.problems,
        ...troubles({ ...all, ...(serviceCidrs.missing ? {} : { ServiceCIDR: serviceCidrs }) }),
        ...services.problems,
        ...servers_.problems,
      ];
      versions = next;
      state = {
        view: {
          world: { objects: read.objects, slices: slicesByService(slices.items), site },
          problems,
          retained: retainedOf(read, virtualServices, realServers),
          foreign: [],
          judged: read.judged,
        },
        trouble: null,
      };
      return true;
    },
    watch(listener) {
      onChange = listener;
      return {
        ready: Promise.resolve(),
        stop: () => {
          onChange = () => undefined;
          return Promise.resolve();
        },
      };
    },
    onEvent(listener) {
      onEvent = listener;
    },
    async close() {
      closed = true;
      clearTimeout(recheck);
      await Promise.all([virtualServices, realServers, slices, nodes, serviceCidrs].map((each) => each.stop()));
      await saver.close();
    },
  };
}

type AnyReflector = Pick<Reflector<unknown>, 'synced' | 'missing' | 'trouble'>;

const versionsOf = (
  virtualServices: Reflector<OwnRecord>,
  realServers: Reflector<OwnRecord>,
  which: 'generationVersion' | 'resourceVersion',
): ObservedVersions['changes'] => ({ virtualServices: virtualServices[which], realServers: realServers[which] });

/** What must be known before anything can be said, or null. */
function whatIsMissing(
  all: Readonly<Record<string, AnyReflector>>,
  known: KnownKinds,
  serviceCidrs: AnyReflector,
): string | null {
  // A kind that is gone can be served from what is remembered of it.
  const remembered: Readonly<Record<string, Known | undefined>> = {
    VirtualService: known.virtualServices,
    RealServer: known.realServers,
  };
  const waiting = Object.entries(all).filter(
    ([kind, { synced, missing }]) => !synced && !(missing && (remembered[kind]?.size ?? 0) > 0),
  );
  // Older API servers have no ServiceCIDRs; there the setting tells.
  if (!serviceCidrs.synced && !serviceCidrs.missing) waiting.push(['ServiceCIDR', serviceCidrs]);
  if (waiting.length === 0) return null;
  const told = [...new Set(waiting.flatMap(([, { trouble }]) => trouble ?? []))];
  const kinds = waiting.map(([kind]) => kind).join(', ');
  return told.length > 0 ? told.join('; ') : `waiting for the first list of ${kinds}`;
}

interface Look {
  readonly known: Known;
  readonly problems: readonly Problem[];
  /** It has to be asked again whether what vanished was deleted. */
  readonly unsure: boolean;
}

async function look(client: ApiClient, plural: string, before: Known, shown: Reflector<OwnRecord>): Promise<Look> {
  const gone = vanished(before, shown);
  if (gone.length === 0) return { known: learn(before, shown, [], NOTHING_ASKED), problems: [], unsure: false };
  const verdict = await askKind(client, plural);
  const known = learn(before, shown, gone, verdict);
  const held = [...known].filter(([, object]) => object.held).map(([key]) => key);
  if (held.length === 0) return { known, problems: [], unsure: false };
  const why =
    verdict.kind === 'unknown' ? verdict.why : `their CustomResourceDefinition ${plural} was removed and made anew`;
  return { known, problems: [heldProblem(plural, held, why)], unsure: verdict.kind === 'unknown' };
}

const NOTHING_ASKED = { kind: 'unknown', why: '' } as const;

/** So many are named. */
const MOST_NAMES = 5;

function heldProblem(plural: string, held: readonly string[], why: string): Problem {
  const more = held.length > MOST_NAMES ? ` and ${held.length - MOST_NAMES} more` : '';
  return {
    reason: 'SourceIncomplete',
    object: null,
    field: null,
    message: `${plural} ${held.slice(0, MOST_NAMES).join(', ')}${more} are not to be seen, but nobody is known to have deleted them: ${why}`,
    remedy:
      'They stay in force. Apply the CustomResourceDefinitions and the objects again; to be rid of one, delete it after that.',
    place: null,
  };
}

/** Kinds that cannot be followed at present. What was known of them stays in force. */
function troubles(all: Readonly<Record<string, AnyReflector>>): Problem[] {
  const told = new Set(Object.values(all).flatMap(({ trouble }) => trouble ?? []));
  return [...told].map((message) => ({
    reason: 'SourceIncomplete',
    object: null,
    field: null,
    message,
    remedy: 'What was known stays in force.',
    place: null,
  }));
}

/** What was never understood may be anything that the kernel has. */
const retainedOf = (
  { retained }: Interpretation,
  ...reflectors: readonly Reflector<OwnRecord>[]
): Interpretation['retained'] => ({
  all: retained.all || reflectors.some(({ unreadable }) => unreadable.size > 0),
  uids: retained.uids,
});
