/**
 * From the back ends of a VirtualService to the destinations of one of its ports. Pure.
 */
import type { RealServer } from '../crd/realserver.ts';
import type { Reason } from '../crd/reasons.ts';
import type { VirtualServiceSpec } from '../crd/virtualservice.ts';
import { type AddressFamily, type Destination, destinationKeyText, type Protocol } from '../ipvs/types.ts';
import { addressFamily, canonicalAddress } from '../net/address.ts';
import type { Endpoint, EndpointSlice } from './endpoint-slice.ts';
import { destinationRefusal, type Voucher } from './policy.ts';
import type { Site } from './site.ts';

/** Something that a condition must say about an object. */
export interface Remark {
  readonly condition: 'Accepted' | 'ResolvedRefs';
  readonly reason: Reason;
  readonly message: string;
}

type ServicePort = VirtualServiceSpec['ports'][number];
type Backend = VirtualServiceSpec['backends'][number];

/** What a namespace holds that back ends can name. */
export interface NamespaceMembers {
  /** In order of name. */
  readonly realServers: readonly RealServer[];
  /** By name of the Service; each list in order of the slices' names. */
  readonly slices: ReadonlyMap<string, readonly EndpointSlice[]>;
}

/** A machine or Pod behind a VirtualService, whatever its ports. */
interface Candidate {
  /** `RealServer web-153`, or `Service web`. */
  readonly title: string;
  /** As lists show it: `web-153`, or `Service web`. */
  readonly name: string;
  /** Canonical. */
  readonly address: string;
  readonly port: number | null;
  readonly weight: number;
  readonly voucher: Voucher;
  /** A second one with the same address and port is worth a remark; endpoints repeat themselves across slices as a rule. */
  readonly single: boolean;
}

export interface PortDestinations {
  readonly destinations: readonly Destination[];
  /** Names of the real servers, by destination key text. */
  readonly names: ReadonlyMap<string, string>;
  /** Destination key texts that the address policy refuses: they stay where they are, and are not made. */
  readonly refused: ReadonlySet<string>;
}

/** The destinations of one port in one family. Remarks are added to `remarks`, some of them more than once. */
export function portDestinations(
  spec: VirtualServiceSpec,
  port: ServicePort,
  family: AddressFamily,
  members: NamespaceMembers,
  site: Site | null,
  remarks: Remark[],
): PortDestinations {
  const destinations: Destination[] = [];
  const names = new Map<string, string>();
  const refused = new Set<string>();
  const candidates = spec.backends.flatMap((backend) =>
    backend.service === undefined
      ? realServerCandidates(backend, port, family, members)
      : serviceCandidates(backend.service.name, backend.endpointWeight ?? 1, port, family, members, remarks),
  );
  const distinct = new Map(candidates.map((entry) => [`${entry.title} ${entry.address} ${entry.port}`, entry]));
  // RealServers by name, then Services: who is first does not depend on how the back ends are listed.
  const ordered = [...distinct.values()].toSorted((a, b) => (a.title < b.title ? -1 : a.title > b.title ? 1 : 0));
  for (const candidate of ordered) {
    const key = { family, address: candidate.address, port: candidate.port ?? port.port };
    const text = destinationKeyText(key);
    const first = names.get(text);
    if (first !== undefined) {
      if (candidate.single) {
        const message = `${candidate.title} leads to ${text} as ${first} does, and only ${first} counts`;
        remarks.push({ condition: 'ResolvedRefs', reason: 'DuplicateRealServer', message });
      }
      continue;
    }
    const refusal = site === null ? null : destinationRefusal(site.policy, candidate.address, candidate.voucher);
    if (refusal !== null) {
      remarks.push({
        condition: 'ResolvedRefs',
        reason: refusal.reason,
        message: `${candidate.title}: ${refusal.message}`,
      });
      refused.add(text);
    }
    names.set(text, candidate.name);
    destinations.push({
      key,
      config: { forwarding: 'NAT', weight: candidate.weight, upperThreshold: 0, lowerThreshold: 0, tunnel: null },
    });
  }
  return { destinations, names, refused };
}

/** The distinct RealServers that any of the back ends selects, in order of name, with remarks for those that select none. */
export function selectRealServers(
  spec: VirtualServiceSpec,
  candidates: readonly RealServer[],
): { readonly selected: readonly RealServer[]; readonly remarks: readonly Remark[] } {
  const remarks: Remark[] = [];
  const chosen = new Set<RealServer>();
  for (const backend of spec.backends) {
    if (backend.realServers === undefined) continue;
    const matching = matchingRealServers(backend, candidates);
    if (matching.length === 0) {
      const selector = Object.entries(backend.realServers.matchLabels).map(([key, value]) => `${key}=${value}`);
      remarks.push(unresolved('NoRealServers', `no RealServer of this namespace carries ${selector.join(',')}`));
    }
    for (const server of matching) chosen.add(server);
  }
  return { selected: candidates.filter((server) => chosen.has(server)), remarks };
}

const matchingRealServers = (backend: Backend, candidates: readonly RealServer[]): RealServer[] => {
  const wanted = Object.entries(backend.realServers?.matchLabels ?? {});
  return candidates.filter((server) => wanted.every(([key, value]) => server.metadata.labels[key] === value));
};

function realServerCandidates(
  backend: Backend,
  port: ServicePort,
  family: AddressFamily,
  members: NamespaceMembers,
): Candidate[] {
  // A name means an EndpointSlice's port; the schema refuses it beside RealServers.
  const target = typeof port.targetPort === 'number' ? port.targetPort : undefined;
  return matchingRealServers(backend, members.realServers).flatMap((server) => {
    const address = canonicalAddress(server.spec.address) ?? server.spec.address;
    if (addressFamily(address) !== family) return [];
    const { weight } = server.spec;
    const { name } = server.metadata;
    return [
      {
        title: `RealServer ${name}`,
        name,
        address,
        port: target ?? server.spec.port ?? null,
        weight,
        voucher: 'person',
        single: true,
      },
    ];
  });
}

const MANAGED_BY_CONTROLLER = 'endpointslice-controller.k8s.io';

function serviceCandidates(
  service: string,
  weight: number,
  port: ServicePort,
  family: AddressFamily,
  members: NamespaceMembers,
  remarks: Remark[],
): Candidate[] {
  const all = members.slices.get(service) ?? [];
  if (all.length === 0) {
    remarks.push(
      unresolved(
        'NoEndpointSlices',
        `Service ${service} has no EndpointSlices: there is no such Service in this namespace, or it selects nothing`,
      ),
    );
    return [];
  }
  const slices = all.filter((slice) => slice.family === family);
  const found = slices.flatMap((slice) => {
    const target = slicePort(slice, port);
    return target === 'none' ? [] : [{ slice, target }];
  });
  // The controller writes a slice without ports for a Service that has no Pods: that says nothing about ports.
  if (found.length === 0 && slices.some(({ endpoints, ports }) => endpoints.length + ports.length > 0)) {
    remarks.push(unresolved('PortNotFound', `Service ${service} has no ${port.protocol} port for ${portText(port)}`));
    return [];
  }
  const endpoints = found.flatMap(({ slice, target }) =>
    slice.endpoints.map((endpoint) => ({ slice, target, endpoint })),
  );
  const ready = endpoints.filter(({ endpoint }) => endpoint.ready && !endpoint.terminating);
  const leaving = endpoints.filter(({ endpoint }) => endpoint.terminating && endpoint.serving);
  if (ready.length === 0 && leaving.length === 0) {
    const name = family === 'ipv4' ? 'IPv4' : 'IPv6';
    remarks.push(unresolved('NoEndpoints', `Service ${service} has no ready ${name} endpoint`));
  }
  const candidate = (
    { slice, target, endpoint }: { slice: EndpointSlice; target: number | null; endpoint: Endpoint },
    share: number,
  ): Candidate => ({
    title: `Service ${service}`,
    name: `Service ${service}`,
    address: endpoint.address,
    port: target,
    weight: share,
    voucher: slice.managedBy === MANAGED_BY_CONTROLLER ? 'controller' : 'person',
    single: false,
  });
  // While every endpoint leaves, those that still answer are better than nobody (KEP-1669). Else they take no new
  // connections and keep those they have, for which UDP has no use.
  if (ready.length === 0) return leaving.map((entry) => candidate(entry, weight));
  const quiesced = port.protocol === 'UDP' ? [] : leaving.map((entry) => candidate(entry, 0));
  return [...ready.map((entry) => candidate(entry, weight)), ...quiesced];
}

/** The port number that a slice's endpoints have for a port of ours, null for "the same", or `none`. */
function slicePort(slice: EndpointSlice, port: ServicePort): number | null | 'none' {
  if (typeof port.targetPort === 'number') return port.targetPort;
  const candidates = slice.ports.filter((entry) => entry.protocol === (port.protocol satisfies Protocol));
  const [only] = candidates;
  // An unnamed port of a Service with one port is what a port without a target means.
  if (port.targetPort === undefined && candidates.length === 1 && only !== undefined) return only.port;
  const name = port.targetPort ?? port.name;
  const named = candidates.find((entry) => entry.name === name);
  return named === undefined ? 'none' : named.port;
}

const portText = (port: ServicePort): string =>
  typeof port.targetPort === 'string'
    ? `targetPort ${port.targetPort}`
    : `port ${port.port}${port.name === undefined ? ', which has neither targetPort nor name' : ` by the name ${port.name}`}`;

export const unresolved = (reason: Reason, message: string): Remark => ({ condition: 'ResolvedRefs', reason, message });
