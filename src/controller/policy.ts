/**
 * Which addresses an object from the API may name. Whoever may write objects in a namespace must not thereby take the
 * address of an API server, or make directors open connections to nodes and to other tenants' Pods. Pure.
 */
import type { Reason } from '../crd/reasons.ts';
import { addressFamily } from '../net/address.ts';
import type { AddressRanges } from '../net/ranges.ts';

export interface AddressPolicy {
  /** VIPs that may be asked for. */
  readonly allowAddresses: AddressRanges;
  /** Destinations that are allowed whatever else they are: hostNetwork Pods, for example. */
  readonly allowDestinations: AddressRanges;
  readonly podRanges: AddressRanges;
  readonly serviceRanges: AddressRanges;
  /** Canonical addresses of all Nodes. */
  readonly nodeAddresses: ReadonlySet<string>;
  /** Canonical addresses at which API servers listen. */
  readonly apiServers: ReadonlySet<string>;
}

export interface Refusal {
  readonly reason: Reason;
  readonly message: string;
}

/** Who vouches for a destination. */
export type Voucher =
  /** The EndpointSlice controller, which writes addresses of Pods of the slice's own namespace. */
  | 'controller'
  /** A person: a RealServer, or a slice that somebody wrote. */
  | 'person';

/** Why a canonical address cannot be a VIP, or null. */
export function vipRefusal(policy: AddressPolicy, address: string): Refusal | null {
  if (policy.apiServers.has(address)) {
    return refuse('AddressReserved', `${address} is an address of the API server: use another address`);
  }
  if (policy.serviceRanges.has(address)) {
    return refuse('AddressReserved', `${address} lies in a Service CIDR of the cluster: use an address outside of it`);
  }
  if (policy.podRanges.has(address)) {
    return refuse('AddressReserved', `${address} lies in a Pod range of the cluster: use an address outside of it`);
  }
  if (policy.allowAddresses.has(address)) return null;
  const allowed = policy.allowAddresses.ranges.join(', ');
  return refuse(
    'AddressNotAllowed',
    `${address} is not covered by the setting allowAddresses (${allowed === '' ? 'empty' : allowed}): use an allowed address, or have the administrator allow it`,
  );
}

/** Why a canonical address cannot be a destination, or null. */
export function destinationRefusal(policy: AddressPolicy, address: string, voucher: Voucher): Refusal | null {
  if (policy.allowDestinations.has(address)) return null;
  const local = localKind(address);
  if (local !== null) return destination(address, `is ${local}`);
  if (policy.apiServers.has(address)) return destination(address, 'is an address of the API server');
  if (policy.nodeAddresses.has(address)) return destination(address, 'is the address of a Node');
  if (policy.serviceRanges.has(address)) return destination(address, 'lies in a Service CIDR');
  if (voucher === 'person' && policy.podRanges.has(address)) {
    return destination(address, 'lies in a Pod range: name the Service of those Pods as the back end instead');
  }
  return null;
}

const destination = (address: string, what: string): Refusal =>
  refuse('DestinationNotAllowed', `${address} ${what}, and the setting allowDestinations does not cover it`);

/** Addresses that mean another machine on each machine. */
function localKind(address: string): string | null {
  if (addressFamily(address) === 'ipv4') {
    if (address.startsWith('127.')) return 'a loopback address';
    if (address.startsWith('169.254.')) return 'a link-local address';
    return null;
  }
  if (address === '::1') return 'the loopback address';
  return /^fe[89ab]/.test(address) ? 'a link-local address' : null;
}

const refuse = (reason: Reason, message: string): Refusal => ({ reason, message });
