/**
 * What is kept of the objects that are followed: a few fields, checked by hand, because there may be 10,000 of them. What
 * is missing has the meaning that the Kubernetes API gives it; what has another type makes the object not understood.
 */
import { API_VERSION } from '../../crd/group.ts';
import { canonicalAddress } from '../../net/address.ts';
import type { Resource } from './reflector.ts';
import { isRecord } from './values.ts';

type ApiObject = Readonly<Record<string, unknown>>;

export interface NodeRecord {
  readonly labels: Readonly<Record<string, string>>;
  /** Canonical; of the types InternalIP and ExternalIP. */
  readonly addresses: readonly string[];
  readonly podCidrs: readonly string[];
}

export interface EndpointRecord {
  /** Canonical; at most one, because only the first has a meaning (discovery.k8s.io/v1, Endpoint). */
  readonly addresses: readonly string[];
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
  readonly nodeName: string | null;
  readonly zone: string | null;
}

export interface EndpointSliceRecord {
  /** Label kubernetes.io/service-name. */
  readonly service: string | null;
  /** Label endpointslice.kubernetes.io/managed-by. */
  readonly managedBy: string | null;
  /** `IPv4`, `IPv6` or `FQDN`. */
  readonly addressType: string;
  /** A name that is not set is empty; a port of null means every port. */
  readonly ports: readonly { readonly name: string; readonly protocol: string; readonly port: number | null }[];
  readonly endpoints: readonly EndpointRecord[];
}

export interface ServiceCidrRecord {
  readonly cidrs: readonly string[];
}

/** An object of a kind of ours. */
export interface OwnRecord {
  /** apiVersion, kind, spec, and the metadata that means something; for the parser, so nothing in it is checked yet. */
  readonly object: ApiObject;
  readonly status: unknown;
}

/** A core/v1 Node. */
export function projectNode(object: ApiObject): NodeRecord | null {
  const { metadata, spec, status } = object;
  const labels = labelsOf(metadata);
  const podCidrs = texts(optional(spec, 'podCIDRs'));
  const addresses = list(optional(status, 'addresses'), nodeAddress);
  if (labels === null || podCidrs === null || addresses === null) return null;
  return { labels, podCidrs, addresses: [...new Set(addresses.flat())] };
}

/** A discovery.k8s.io/v1 EndpointSlice. */
export function projectEndpointSlice(object: ApiObject): EndpointSliceRecord | null {
  const labels = labelsOf(object['metadata']);
  const { addressType } = object;
  const ports = list(object['ports'], port);
  const endpoints = list(object['endpoints'], endpoint);
  if (labels === null || typeof addressType !== 'string' || ports === null || endpoints === null) return null;
  return {
    service: labels['kubernetes.io/service-name'] ?? null,
    managedBy: labels['endpointslice.kubernetes.io/managed-by'] ?? null,
    addressType,
    ports,
    endpoints,
  };
}

/** A networking.k8s.io/v1 ServiceCIDR. */
export function projectServiceCidr(object: ApiObject): ServiceCidrRecord | null {
  const cidrs = texts(optional(object['spec'], 'cidrs'));
  return cidrs === null ? null : { cidrs };
}

const OWN_METADATA = [
  'name',
  'namespace',
  'labels',
  'annotations',
  'uid',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
];

/** An object of a kind of ours. What of its metadata changes with each write is left out, managedFields above all. */
export function projectOwn(object: ApiObject): OwnRecord | null {
  const { apiVersion, kind, metadata, spec, status } = object;
  if (!isRecord(metadata)) return null;
  const kept = Object.fromEntries(OWN_METADATA.filter((key) => key in metadata).map((key) => [key, metadata[key]]));
  return { object: { apiVersion, kind, metadata: kept, ...(spec === undefined ? {} : { spec }) }, status };
}

/** Whether nothing but the status differs. */
export const sameOwn = (a: OwnRecord, b: OwnRecord): boolean => JSON.stringify(a.object) === JSON.stringify(b.object);

const own = (kind: string, plural: string): Resource<OwnRecord> => ({
  kind,
  path: `/apis/${API_VERSION}/${plural}`,
  project: projectOwn,
  same: sameOwn,
});

/** What a director says about itself, unchecked. */
export interface DirectorRecord {
  readonly status: unknown;
}

export const DIRECTORS: Resource<DirectorRecord> = {
  kind: 'Director',
  path: `/apis/${API_VERSION}/directors`,
  project: ({ status }) => ({ status }),
};

export const VIRTUAL_SERVICES: Resource<OwnRecord> = own('VirtualService', 'virtualservices');
export const REAL_SERVERS: Resource<OwnRecord> = own('RealServer', 'realservers');

/** Of all Services: that of the API server tells where it is, and headless ones can be back ends as well. */
export const ENDPOINT_SLICES: Resource<EndpointSliceRecord> = {
  kind: 'EndpointSlice',
  path: '/apis/discovery.k8s.io/v1/endpointslices',
  project: projectEndpointSlice,
};

export const NODES: Resource<NodeRecord> = { kind: 'Node', path: '/api/v1/nodes', project: projectNode };

export const SERVICE_CIDRS: Resource<ServiceCidrRecord> = {
  kind: 'ServiceCIDR',
  path: '/apis/networking.k8s.io/v1/servicecidrs',
  project: projectServiceCidr,
};

function nodeAddress(value: unknown): readonly string[] | null {
  if (!isRecord(value) || typeof value['type'] !== 'string' || typeof value['address'] !== 'string') return null;
  if (value['type'] !== 'InternalIP' && value['type'] !== 'ExternalIP') return [];
  const address = canonicalAddress(value['address']);
  return address === null ? [] : [address];
}

function port(value: unknown): EndpointSliceRecord['ports'][number] | null {
  if (!isRecord(value)) return null;
  const name = value['name'] ?? '';
  const protocol = value['protocol'] ?? 'TCP';
  const number = value['port'] ?? null;
  if (typeof name !== 'string' || typeof protocol !== 'string') return null;
  if (number !== null && !isPort(number)) return null;
  return { name, protocol, port: number };
}

function endpoint(value: unknown): EndpointRecord | null {
  if (!isRecord(value)) return null;
  const addresses = texts(value['addresses']);
  const conditions = value['conditions'] ?? {};
  const nodeName = value['nodeName'] ?? null;
  const zone = value['zone'] ?? null;
  if (addresses === null || !isRecord(conditions)) return null;
  if (!isText(nodeName) || !isText(zone)) return null;
  // Unknown counts as ready (discovery.k8s.io/v1, EndpointConditions).
  const ready = conditions['ready'] ?? true;
  const serving = conditions['serving'] ?? ready;
  const terminating = conditions['terminating'] ?? false;
  if (typeof ready !== 'boolean' || typeof serving !== 'boolean' || typeof terminating !== 'boolean') return null;
  const first = addresses.map(canonicalAddress).find((address) => address !== null);
  return { addresses: first === undefined ? [] : [first], ready, serving, terminating, nodeName, zone };
}

function labelsOf(metadata: unknown): Readonly<Record<string, string>> | null {
  const labels = optional(metadata, 'labels') ?? {};
  if (!isRecord(labels)) return null;
  return Object.values(labels).every((value) => typeof value === 'string') ? (labels as Record<string, string>) : null;
}

/** A field of what may be missing altogether. */
const optional = (value: unknown, key: string): unknown => (isRecord(value) ? value[key] : undefined);

const texts = (value: unknown): readonly string[] | null =>
  list(value, (element) => (typeof element === 'string' ? element : null));

/** Empty for a list that is missing; null when it is none, or when something in it is not understood. */
function list<T>(value: unknown, understand: (element: unknown) => T | null): readonly T[] | null {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) return null;
  const understood = (value as unknown[]).map(understand);
  return understood.every((element) => element !== null) ? understood : null;
}

const isText = (value: unknown): value is string | null => value === null || typeof value === 'string';
const isPort = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 65_535;
