/**
 * The words of IPVS as data: what a virtual service and a destination are, apart from how the kernel is told.
 * Keys identify, configurations can be changed in place, observations are what the kernel adds.
 */

export type AddressFamily = 'ipv4' | 'ipv6';

/** Transport protocols that IPVS balances (kernel: net/netfilter/ipvs/ip_vs_proto.c). */
export type Protocol = 'TCP' | 'UDP' | 'SCTP';

/** How a packet reaches the destination; the kernel's IP_VS_CONN_F_FWD_MASK values, by their documented names. */
export type ForwardingMethod = 'NAT' | 'LocalNode' | 'Tunnel' | 'DirectRouting' | 'Bypass';

/** A virtual service by address: the kernel finds it by family, protocol, address and port. */
export interface AddressServiceKey {
  readonly family: AddressFamily;
  readonly protocol: Protocol;
  /** Canonical text (see `canonicalAddress`). */
  readonly address: string;
  /** 1 to 65535; 0 means every port and needs persistence. */
  readonly port: number;
}

/** A virtual service by firewall mark: family and mark are its key, it has neither protocol nor port. */
export interface MarkServiceKey {
  readonly family: AddressFamily;
  /** 1 to 4294967295, compared as a whole by the kernel. */
  readonly firewallMark: number;
}

export type ServiceKey = AddressServiceKey | MarkServiceKey;

/** What SET_SERVICE can change without touching a connection. */
export interface ServiceConfig {
  /** A kernel scheduler's name, at most 15 bytes. */
  readonly scheduler: string;
  /** IP_VS_SVC_F_* bits without HASHED, which belongs to the kernel. */
  readonly flags: number;
  /** Seconds that a persistence template lives; 0 when the service is not persistent. */
  readonly persistenceSeconds: number;
  /** Clients that share this many leading bits share a template: 0 to 32 (IPv4), 1 to 128 (IPv6). */
  readonly persistencePrefixLength: number;
  /** Name of a persistence engine (`sip`), or null. */
  readonly persistenceEngine: string | null;
}

export interface Service {
  readonly key: ServiceKey;
  readonly config: ServiceConfig;
}

/** A destination inside its service. */
export interface DestinationKey {
  readonly family: AddressFamily;
  readonly address: string;
  /** 0 to 65535. */
  readonly port: number;
}

/** Encapsulation of the Tunnel forwarding method. */
export interface TunnelConfig {
  readonly type: 'ipip' | 'gue' | 'gre';
  /** UDP port of gue, 0 for the others. */
  readonly port: number;
  readonly checksum: 'none' | 'checksum' | 'remote';
}

/** What SET_DEST can change in place. */
export interface DestinationConfig {
  readonly forwarding: ForwardingMethod;
  /** 0 to 65535; 0 takes no new connections. */
  readonly weight: number;
  /** Connections at which the kernel stops choosing this destination; 0 for no limit. */
  readonly upperThreshold: number;
  /** Connections below which it is chosen again; 0 lets the kernel take three quarters of the upper one. */
  readonly lowerThreshold: number;
  readonly tunnel: TunnelConfig | null;
}

export interface Destination {
  readonly key: DestinationKey;
  readonly config: DestinationConfig;
}

/** 64-bit counters and estimator rates (per second) as the kernel keeps them. */
export interface Statistics {
  readonly connections: bigint;
  readonly incomingPackets: bigint;
  readonly outgoingPackets: bigint;
  readonly incomingBytes: bigint;
  readonly outgoingBytes: bigint;
  readonly connectionsPerSecond: bigint;
  readonly incomingPacketsPerSecond: bigint;
  readonly outgoingPacketsPerSecond: bigint;
  readonly incomingBytesPerSecond: bigint;
  readonly outgoingBytesPerSecond: bigint;
}

export interface ObservedDestination extends Destination {
  /** ESTABLISHED TCP connections; always 0 for UDP. */
  readonly activeConnections: number;
  /** All other entries, TIME_WAIT included. */
  readonly inactiveConnections: number;
  readonly persistentConnections: number;
  readonly statistics: Statistics | null;
}

export interface ObservedService extends Service {
  readonly statistics: Statistics | null;
  readonly destinations: readonly ObservedDestination[];
}

/** IPVS_CMD_GET_INFO. */
export interface IpvsInfo {
  /** As "1.2.1". */
  readonly version: string;
  readonly connectionTableSize: number;
}

export const isMarkKey = (key: ServiceKey): key is MarkServiceKey => 'firewallMark' in key;

/** A service key as one comparable text: `TCP/192.0.2.1:80`, `TCP/[2001:db8::1]:80`, `mark/ipv4/7`. */
export function serviceKeyText(key: ServiceKey): string {
  if (isMarkKey(key)) return `mark/${key.family}/${key.firewallMark}`;
  return `${key.protocol}/${endpointText(key)}`;
}

/** A destination key as one comparable text: `192.0.2.1:80`, `[2001:db8::1]:80`. */
export const destinationKeyText = (key: DestinationKey): string => endpointText(key);

/** Address and port as people write them, with brackets around IPv6. */
export const endpointText = (at: { family: AddressFamily; address: string; port: number }): string =>
  at.family === 'ipv6' ? `[${at.address}]:${at.port}` : `${at.address}:${at.port}`;
