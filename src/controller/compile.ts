/**
 * Objects to desired state. Pure: the same objects always give the same answer, whatever the kernel has.
 */
import { canonicalAddress, addressFamily } from '../net/address.ts';
import type { Reason } from '../crd/reasons.ts';
import { identityOf, type LvsObject } from '../crd/parse.ts';
import type { RealServer } from '../crd/realserver.ts';
import type { VirtualService, VirtualServiceSpec } from '../crd/virtualservice.ts';
import {
  type AddressFamily,
  type AddressServiceKey,
  type Destination,
  destinationKeyText,
  type ServiceConfig,
  serviceKeyText,
} from '../ipvs/types.ts';
import type { DesiredService, Owner } from './desired.ts';
import { folderUid } from './uid.ts';

/** Something that a condition must say about an object. */
export interface Remark {
  readonly condition: 'Accepted' | 'ResolvedRefs';
  readonly reason: Reason;
  readonly message: string;
}

export interface CompiledService {
  readonly owner: Owner;
  /** Service key texts that it serves, in order. */
  readonly keys: readonly string[];
  readonly remarks: readonly Remark[];
}

export interface Compiled {
  /** By service key text. */
  readonly services: ReadonlyMap<string, DesiredService>;
  /** In order of namespace and name. */
  readonly objects: readonly CompiledService[];
  /** Names of the real servers behind a destination, by `SERVICE KEY > DESTINATION KEY`. */
  readonly realServerNames: ReadonlyMap<string, string>;
}

/**
 * Compile objects that are in order of namespace and name: of two that want the same address, port and protocol the
 * first has it and the other says so.
 */
export function compile(objects: readonly LvsObject[]): Compiled {
  const realServers = realServersByNamespace(objects);
  const services = new Map<string, DesiredService>();
  const compiled: CompiledService[] = [];
  const realServerNames = new Map<string, string>();
  for (const object of objects) {
    if (object.kind !== 'VirtualService') continue;
    const { metadata } = object;
    const owner = { uid: folderUid(identityOf(object)), name: `${metadata.namespace}/${metadata.name}` };
    const part = compileVirtualService(object, owner, realServers.get(metadata.namespace) ?? []);
    const remarks = [...part.remarks];
    const keys: string[] = [];
    for (const { service, backends } of part.services) {
      const key = serviceKeyText(service.service.key);
      const holder = services.get(key);
      if (holder !== undefined) {
        remarks.push({
          condition: 'Accepted',
          reason: 'Conflict',
          message: `${key} belongs to VirtualService ${holder.owner.name}`,
        });
        continue;
      }
      services.set(key, service);
      keys.push(key);
      for (const [destination, name] of backends) realServerNames.set(`${key} > ${destination}`, name);
    }
    compiled.push({ owner, keys, remarks });
  }
  return { services, objects: compiled, realServerNames };
}

function realServersByNamespace(objects: readonly LvsObject[]): Map<string, RealServer[]> {
  const index = new Map<string, RealServer[]>();
  for (const object of objects) {
    if (object.kind !== 'RealServer') continue;
    const { namespace } = object.metadata;
    const list = index.get(namespace);
    if (list === undefined) index.set(namespace, [object]);
    else list.push(object);
  }
  return index;
}

interface Part {
  readonly services: readonly { readonly service: DesiredService; readonly backends: ReadonlyMap<string, string> }[];
  readonly remarks: readonly Remark[];
}

/** One VirtualService with the real servers of its namespace. It depends on nothing else. */
function compileVirtualService(object: VirtualService, owner: Owner, candidates: readonly RealServer[]): Part {
  const { spec } = object;
  const remarks: Remark[] = [];
  const selected = select(spec, candidates, remarks);
  const services = spec.addresses.flatMap((text) => {
    const address = canonicalAddress(text) ?? text;
    const family = addressFamily(address);
    const members = selected.filter((server) => familyOf(server) === family);
    if (members.length === 0 && selected.length > 0) {
      remarks.push(
        noRealServers(`none of the selected RealServers has an ${familyName(family)} address, as ${address} needs`),
      );
    }
    return spec.ports.map((port) => {
      const key: AddressServiceKey = { family, protocol: port.protocol, address, port: port.port };
      const { destinations, backends } = destinationsOf(members, port, remarks);
      const service: DesiredService = {
        owner,
        service: { key, config: serviceConfig(spec, family) },
        destinations,
        masquerade: spec.masquerade === 'Always',
      };
      return { service, backends };
    });
  });
  return { services, remarks: distinct(remarks) };
}

const familyOf = (server: RealServer): AddressFamily =>
  addressFamily(canonicalAddress(server.spec.address) ?? server.spec.address);
const familyName = (family: AddressFamily): string => (family === 'ipv4' ? 'IPv4' : 'IPv6');

/** The distinct RealServers that any of the back ends selects, in order of name. */
function select(spec: VirtualServiceSpec, candidates: readonly RealServer[], remarks: Remark[]): RealServer[] {
  const chosen = new Set<RealServer>();
  for (const backend of spec.backends) {
    const wanted = Object.entries(backend.realServers.matchLabels);
    const matching = candidates.filter((server) =>
      wanted.every(([key, value]) => server.metadata.labels[key] === value),
    );
    if (matching.length === 0) {
      const selector = wanted.map(([key, value]) => `${key}=${value}`).join(',');
      remarks.push(noRealServers(`no RealServer of this namespace carries ${selector}`));
    }
    for (const server of matching) chosen.add(server);
  }
  return candidates.filter((server) => chosen.has(server));
}

function destinationsOf(
  servers: readonly RealServer[],
  port: VirtualServiceSpec['ports'][number],
  remarks: Remark[],
): { destinations: Destination[]; backends: Map<string, string> } {
  const destinations: Destination[] = [];
  const backends = new Map<string, string>();
  for (const server of servers) {
    const address = canonicalAddress(server.spec.address) ?? server.spec.address;
    const key = {
      family: addressFamily(address),
      address,
      port: port.targetPort ?? server.spec.port ?? port.port,
    };
    const text = destinationKeyText(key);
    const first = backends.get(text);
    if (first !== undefined) {
      const message = `RealServer ${server.metadata.name} leads to ${text} as ${first} does, and only ${first} counts`;
      remarks.push({ condition: 'ResolvedRefs', reason: 'DuplicateRealServer', message });
      continue;
    }
    backends.set(text, server.metadata.name);
    destinations.push({
      key,
      config: { forwarding: 'NAT', weight: server.spec.weight, upperThreshold: 0, lowerThreshold: 0, tunnel: null },
    });
  }
  return { destinations, backends };
}

const serviceConfig = (spec: VirtualServiceSpec, family: AddressFamily): ServiceConfig => ({
  scheduler: spec.scheduler,
  flags: 0,
  persistenceSeconds: 0,
  persistencePrefixLength: family === 'ipv4' ? 32 : 128,
  persistenceEngine: null,
});

const noRealServers = (message: string): Remark => ({ condition: 'ResolvedRefs', reason: 'NoRealServers', message });

function distinct(remarks: readonly Remark[]): Remark[] {
  const seen = new Map(remarks.map((remark) => [`${remark.condition} ${remark.reason} ${remark.message}`, remark]));
  return [...seen.values()];
}
