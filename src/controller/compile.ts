/**
 * Objects to desired state. Pure: the same objects always give the same answer, whatever the kernel has.
 */
import { addressFamily, canonicalAddress } from '../net/address.ts';
import type { RealServer } from '../crd/realserver.ts';
import type { VirtualService, VirtualServiceSpec } from '../crd/virtualservice.ts';
import {
  type AddressFamily,
  type AddressServiceKey,
  destinationKeyText,
  type ServiceConfig,
  serviceKeyText,
} from '../ipvs/types.ts';
import { type NamespaceMembers, portDestinations, type Remark, selectRealServers, unresolved } from './backends.ts';
import type { Desired, DesiredService, Owner, Retained } from './desired.ts';
import type { EndpointSlice } from './endpoint-slice.ts';
import { type Placement, placementOf } from './site.ts';
import type { World, WorldObject } from './world.ts';

export interface CompiledService {
  readonly owner: Owner;
  /** Key texts of the services that are its own, in order, wherever they are served. */
  readonly keys: readonly string[];
  /** Those of them that this node serves. */
  readonly keysHere: readonly string[];
  /** Canonical. */
  readonly addresses: readonly string[];
  /** Null for a folder. */
  readonly placement: Placement | null;
  /** It is not permitted: what is there of it goes on, and nothing is made. */
  readonly refused: boolean;
  /** metadata.generation of what is in force; null for a folder. */
  readonly generation: number | null;
  readonly backends: BackendCount;
  /** Uids of the RealServers that it selects. */
  readonly realServers: readonly string[];
  readonly remarks: readonly Remark[];
}

export interface BackendCount {
  readonly total: number;
  /** Those that take new connections. */
  readonly healthy: number;
}

/** Why nobody answers for a VIP on the LAN. */
export type Silence = 'SeveralDirectors' | 'ByRoute';

export interface Compiled {
  /** What this node serves, by service key text. */
  readonly services: ReadonlyMap<string, DesiredService>;
  /** In order of namespace and name. */
  readonly objects: readonly CompiledService[];
  /** Names of the real servers behind a destination, by `SERVICE KEY > DESTINATION KEY`. */
  readonly realServerNames: ReadonlyMap<string, string>;
  /** VIPs for which directors are silent, whatever VirtualServices share them. */
  readonly silences: ReadonlyMap<string, Silence>;
}

export const NOTHING_COMPILED: Compiled = {
  services: new Map(),
  objects: [],
  realServerNames: new Map(),
  silences: new Map(),
};

/**
 * Compile objects that are in order of namespace and name: of two that want the same address, port and protocol the
 * first has it and the other says so.
 */
export function compile(world: World): Compiled {
  const { site } = world;
  const members = membersByNamespace(world);
  const services = new Map<string, DesiredService>();
  const holders = new Map<string, Owner>();
  const compiled: CompiledService[] = [];
  const realServerNames = new Map<string, string>();
  for (const entry of world.objects) {
    const { object } = entry;
    if (object.kind !== 'VirtualService') continue;
    const { metadata, spec } = object;
    const owner = { uid: entry.uid, name: `${metadata.namespace}/${metadata.name}` };
    const addresses = spec.addresses.map((text) => canonicalAddress(text) ?? text);
    const placement = placementOf(site, addresses, spec.directors.nodeSelector);
    const isHere = (address: string): boolean =>
      site === null || placement === null || (placement.servers.get(address)?.includes(site.self) ?? false);
    const namespace = members.get(metadata.namespace) ?? NO_MEMBERS;
    const part = compileVirtualService(entry, object, owner, namespace, world);
    const remarks = [...part.remarks, ...placementRemarks(placement)];
    const keys: string[] = [];
    const keysHere: string[] = [];
    for (const { address, service, backends } of part.services) {
      const key = serviceKeyText(service.service.key);
      const holder = holders.get(key);
      if (holder !== undefined) {
        const message = `${key} belongs to VirtualService ${holder.name}`;
        remarks.push({ condition: 'Accepted', reason: 'Conflict', message });
        continue;
      }
      holders.set(key, owner);
      keys.push(key);
      if (!isHere(address)) continue;
      keysHere.push(key);
      services.set(key, service);
      for (const [destination, name] of backends) realServerNames.set(`${key} > ${destination}`, name);
    }
    const { backends, realServers } = part;
    compiled.push({
      owner,
      keys,
      keysHere,
      addresses,
      placement,
      refused: entry.refused,
      generation: entry.generation,
      backends,
      realServers,
      remarks: distinct(remarks),
    });
  }
  return { services, objects: compiled, realServerNames, silences: silencesOf(world, compiled) };
}

/** What a node should have, as far as it can be seen at present. */
export const desiredOf = ({ services, silences }: Compiled, retained: Retained): Desired => ({
  services,
  silent: new Set(silences.keys()),
  retained,
});

const NO_MEMBERS: NamespaceMembers & { readonly uids: ReadonlyMap<RealServer, string> } = {
  realServers: [],
  slices: new Map(),
  uids: new Map(),
};

function membersByNamespace({ objects, slices }: World): Map<string, typeof NO_MEMBERS> {
  interface Members {
    readonly realServers: RealServer[];
    readonly slices: Map<string, readonly EndpointSlice[]>;
    readonly uids: Map<RealServer, string>;
  }
  const index = new Map<string, Members>();
  const of = (namespace: string): Members => {
    const found: Members = index.get(namespace) ?? { realServers: [], slices: new Map(), uids: new Map() };
    index.set(namespace, found);
    return found;
  };
  for (const { object, uid } of objects) {
    if (object.kind !== 'RealServer') continue;
    const members = of(object.metadata.namespace);
    members.realServers.push(object);
    members.uids.set(object, uid);
  }
  for (const [service, list] of slices) {
    const [namespace = '', name = ''] = service.split('/');
    of(namespace).slices.set(name, list);
  }
  return index;
}

interface Part {
  readonly services: readonly {
    readonly address: string;
    readonly service: DesiredService;
    readonly backends: ReadonlyMap<string, string>;
  }[];
  readonly backends: BackendCount;
  readonly realServers: readonly string[];
  readonly remarks: readonly Remark[];
}

/** One VirtualService with the real servers and endpoints of its namespace. It depends on nothing else. */
function compileVirtualService(
  { refused }: WorldObject,
  { spec }: VirtualService,
  owner: Owner,
  members: typeof NO_MEMBERS,
  { site }: World,
): Part {
  const { selected, remarks: selection } = selectRealServers(spec, members.realServers);
  const remarks: Remark[] = [...selection];
  const backends = new Map<string, boolean>();
  const services = spec.addresses.flatMap((text) => {
    const address = canonicalAddress(text) ?? text;
    const family = addressFamily(address);
    if (selected.length > 0 && !selected.some((server) => familyOf(server) === family)) {
      const name = family === 'ipv4' ? 'IPv4' : 'IPv6';
      remarks.push(
        unresolved('NoRealServers', `none of the selected RealServers has an ${name} address, as ${address} needs`),
      );
    }
    return spec.ports.map((port) => {
      const key: AddressServiceKey = { family, protocol: port.protocol, address, port: port.port };
      const found = portDestinations(spec, port, family, members, site, remarks);
      for (const { key: destination, config } of found.destinations) {
        if (found.refused.has(destinationKeyText(destination))) continue;
        backends.set(destination.address, (backends.get(destination.address) ?? false) || config.weight > 0);
      }
      const service: DesiredService = {
        owner,
        service: { key, config: serviceConfig(spec, family) },
        destinations: found.destinations,
        masquerade: spec.masquerade === 'Always',
        refused,
        refusedDestinations: found.refused,
      };
      return { address, service, backends: found.names };
    });
  });
  return {
    services,
    backends: { total: backends.size, healthy: [...backends.values()].filter(Boolean).length },
    realServers: selected.flatMap((server) => members.uids.get(server) ?? []),
    remarks,
  };
}

const familyOf = (server: RealServer): AddressFamily =>
  addressFamily(canonicalAddress(server.spec.address) ?? server.spec.address);

const serviceConfig = (spec: VirtualServiceSpec, family: AddressFamily): ServiceConfig => ({
  scheduler: spec.scheduler,
  flags: 0,
  persistenceSeconds: 0,
  persistencePrefixLength: family === 'ipv4' ? 32 : 128,
  persistenceEngine: null,
});

function placementRemarks(placement: Placement | null): Remark[] {
  if (placement === null || placement.matching.length > 0) return [];
  const message = 'no Node is a director that directors.nodeSelector matches: label one lvs-director.io/director=true';
  return [{ condition: 'Accepted', reason: 'NoDirector', message }];
}

/** Whoever shares a VIP shares the answer: one VirtualService that asks for silence, or a second director, is enough. */
function silencesOf({ objects, site }: World, compiled: readonly CompiledService[]): Map<string, Silence> {
  const directors = new Map<string, Set<string>>();
  const silences = new Map<string, Silence>();
  const byRoute = new Set(
    objects.flatMap(({ uid, object }) =>
      object.kind === 'VirtualService' && object.spec.announce === 'None' ? [uid] : [],
    ),
  );
  for (const { owner, addresses, placement } of compiled) {
    for (const address of addresses) {
      // What a Node has by itself it answers for by itself.
      if (site?.holders.has(address) === true) continue;
      const names = directors.get(address) ?? new Set();
      directors.set(address, names);
      for (const name of placement?.servers.get(address) ?? []) names.add(name);
      if (byRoute.has(owner.uid)) silences.set(address, 'ByRoute');
      else if (names.size > 1 && !silences.has(address)) silences.set(address, 'SeveralDirectors');
    }
  }
  return silences;
}

function distinct(remarks: readonly Remark[]): Remark[] {
  const seen = new Map(remarks.map((remark) => [`${remark.condition} ${remark.reason} ${remark.message}`, remark]));
  return [...seen.values()];
}
