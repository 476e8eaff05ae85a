/**
 * IPVS answers as data. Pure. Attributes come in any order, with more of them in newer kernels. Null means that the
 * entry lacks what every kernel sends, so that the whole answer cannot be trusted.
 */
import { addressText } from '../../net/address.ts';
import {
  type Attributes,
  nested,
  parseAttributes,
  readString,
  readU8,
  readU16,
  readU16BigEndian,
  readU32,
  readU32BigEndian,
  readU64,
} from '../../netlink/attributes.ts';
import { GENL_HEADER_BYTES } from '../../netlink/genetlink.ts';
import type {
  AddressFamily,
  ForwardingMethod,
  IpvsInfo,
  ObservedDestination,
  Protocol,
  ServiceConfig,
  ServiceKey,
  Statistics,
  TunnelConfig,
} from '../types.ts';
import {
  AF,
  DESTINATION,
  FORWARDING,
  FORWARDING_MASK,
  INFO,
  IPPROTO,
  SERVICE,
  SERVICE_FLAG,
  STATISTICS,
  TOP,
  TUNNEL_CHECKSUM,
  TUNNEL_TYPE,
} from './constants.ts';

export interface DecodedService {
  readonly key: ServiceKey;
  readonly config: ServiceConfig;
  readonly statistics: Statistics | null;
}

/** `unknown` is a whole service that is none of ours for certain: the kernel takes any protocol number. */
export function decodeService(payload: Uint8Array): DecodedService | 'unknown' | null {
  const attributes = topLevel(payload, TOP.service);
  if (attributes === null) return null;
  const family = familyOf(readU16(attributes, SERVICE.family));
  if (family === null) return null;
  const key = decodeServiceKey(attributes, family);
  if (key === null || key === 'unknown') return key;
  const config = decodeServiceConfig(attributes, family);
  return config === null ? null : { key, config, statistics: decodeStatistics(attributes, SERVICE) };
}

function decodeServiceKey(attributes: Attributes, family: AddressFamily): ServiceKey | 'unknown' | null {
  const firewallMark = readU32(attributes, SERVICE.firewallMark);
  if (firewallMark !== null && firewallMark !== 0) return { family, firewallMark };
  const number = readU16(attributes, SERVICE.protocol);
  const address = addressOf(attributes.get(SERVICE.address), family);
  const port = readU16BigEndian(attributes, SERVICE.port);
  if (number === null || address === null || port === null) return null;
  const protocol = nameOf<Protocol>(IPPROTO, number);
  return protocol === null ? 'unknown' : { family, protocol, address, port };
}

function decodeServiceConfig(attributes: Attributes, family: AddressFamily): ServiceConfig | null {
  const scheduler = readString(attributes, SERVICE.scheduler);
  const flags = readU32(attributes, SERVICE.flags);
  const timeout = readU32(attributes, SERVICE.timeout);
  const prefixLength =
    family === 'ipv4'
      ? maskLength(readU32BigEndian(attributes, SERVICE.netmask))
      : readU32(attributes, SERVICE.netmask);
  if (scheduler === null || flags === null || timeout === null || prefixLength === null) return null;
  return {
    scheduler,
    // HASHED is the kernel's; PERSISTENT says the same as the timeout.
    flags: (flags & ~(SERVICE_FLAG.hashed | SERVICE_FLAG.persistent)) >>> 0,
    // A service that is not persistent may still carry a timeout.
    persistenceSeconds: (flags & SERVICE_FLAG.persistent) === 0 ? 0 : timeout,
    persistencePrefixLength: prefixLength,
    persistenceEngine: readString(attributes, SERVICE.persistenceEngine),
  };
}

/** A destination of a service of `family`, which it has when it does not say its own. */
export function decodeDestination(payload: Uint8Array, serviceFamily: AddressFamily): ObservedDestination | null {
  const attributes = topLevel(payload, TOP.destination);
  if (attributes === null) return null;
  const familyNumber = readU16(attributes, DESTINATION.family);
  const family = familyNumber === null || familyNumber === 0 ? serviceFamily : familyOf(familyNumber);
  if (family === null) return null;
  const address = addressOf(attributes.get(DESTINATION.address), family);
  const port = readU16BigEndian(attributes, DESTINATION.port);
  const method = readU32(attributes, DESTINATION.forwarding);
  const weight = readU32(attributes, DESTINATION.weight);
  if (address === null || port === null || method === null || weight === null) return null;
  const forwarding = forwardingOf(method);
  return {
    key: { family, address, port },
    config: {
      forwarding,
      weight,
      upperThreshold: readU32(attributes, DESTINATION.upperThreshold) ?? 0,
      lowerThreshold: readU32(attributes, DESTINATION.lowerThreshold) ?? 0,
      tunnel: forwarding === 'Tunnel' ? decodeTunnel(attributes) : null,
    },
    activeConnections: readU32(attributes, DESTINATION.activeConnections) ?? 0,
    inactiveConnections: readU32(attributes, DESTINATION.inactiveConnections) ?? 0,
    persistentConnections: readU32(attributes, DESTINATION.persistentConnections) ?? 0,
    statistics: decodeStatistics(attributes, DESTINATION),
  };
}

/** The answer to GET_INFO. */
export function decodeInfo(payload: Uint8Array): IpvsInfo | null {
  const attributes = parseAttributes(payload.subarray(GENL_HEADER_BYTES));
  if (attributes === null) return null;
  const version = readU32(attributes, INFO.version);
  const connectionTableSize = readU32(attributes, INFO.connectionTableSize);
  if (version === null || connectionTableSize === null) return null;
  // IP_VS_VERSION_CODE: three bytes.
  return { version: `${version >>> 16}.${(version >>> 8) & 0xff}.${version & 0xff}`, connectionTableSize };
}

const topLevel = (payload: Uint8Array, type: number): Attributes | null => {
  const attributes = parseAttributes(payload.subarray(GENL_HEADER_BYTES));
  return attributes === null ? null : nested(attributes, type);
};

const familyOf = (number: number | null): AddressFamily | null =>
  number === null ? null : nameOf<AddressFamily>(AF, number);

/** The kernel always sends 16 bytes, of which IPv4 uses the first four. */
function addressOf(bytes: Uint8Array | undefined, family: AddressFamily): string | null {
  const length = family === 'ipv4' ? 4 : 16;
  return bytes === undefined || bytes.byteLength < length ? null : addressText(bytes.subarray(0, length));
}

/** The kernel takes 5 to 7 too and then forwards nothing; they are shown as the one method that we never use either. */
const forwardingOf = (method: number): ForwardingMethod =>
  nameOf<ForwardingMethod>(FORWARDING, method & FORWARDING_MASK) ?? 'Bypass';

const decodeTunnel = (attributes: Attributes): TunnelConfig => ({
  type: nameOf<TunnelConfig['type']>(TUNNEL_TYPE, readU8(attributes, DESTINATION.tunnelType) ?? 0) ?? 'ipip',
  port: readU16BigEndian(attributes, DESTINATION.tunnelPort) ?? 0,
  checksum:
    nameOf<TunnelConfig['checksum']>(TUNNEL_CHECKSUM, readU16(attributes, DESTINATION.tunnelFlags) ?? 0) ?? 'none',
});

function decodeStatistics(attributes: Attributes, types: { statistics64: number }): Statistics | null {
  const counters = nested(attributes, types.statistics64);
  if (counters === null) return null;
  const value = (type: number): bigint => readU64(counters, type) ?? 0n;
  return {
    connections: value(STATISTICS.connections),
    incomingPackets: value(STATISTICS.incomingPackets),
    outgoingPackets: value(STATISTICS.outgoingPackets),
    incomingBytes: value(STATISTICS.incomingBytes),
    outgoingBytes: value(STATISTICS.outgoingBytes),
    connectionsPerSecond: value(STATISTICS.connectionsPerSecond),
    incomingPacketsPerSecond: value(STATISTICS.incomingPacketsPerSecond),
    outgoingPacketsPerSecond: value(STATISTICS.outgoingPacketsPerSecond),
    incomingBytesPerSecond: value(STATISTICS.incomingBytesPerSecond),
    outgoingBytesPerSecond: value(STATISTICS.outgoingBytesPerSecond),
  };
}

/** Leading ones of a mask; the kernel takes masks with holes, of which this gives the length up to the first hole. */
const maskLength = (mask: number | null): number | null => (mask === null ? null : Math.clz32(~mask));

function nameOf<T extends string>(numbers: Readonly<Record<T, number>>, wanted: number): T | null {
  for (const name of Object.keys(numbers) as T[]) if (numbers[name] === wanted) return name;
  return null;
}
