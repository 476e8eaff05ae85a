/** IPVS messages byte by byte, against a writer of attributes of our own with the numbers of include/uapi/linux/ip_vs.h. */
import { describe, expect, it } from 'vitest';
import { decodeDestination, decodeInfo, decodeService } from '../../../src/ipvs/codec/decode.ts';
import {
  writeChange,
  writeDestinationsDump,
  writeInfoRequest,
  writeServicesDump,
} from '../../../src/ipvs/codec/encode.ts';
import type { IpvsChange } from '../../../src/ipvs/client.ts';
import type { Destination, DestinationConfig, ServiceConfig, ServiceKey } from '../../../src/ipvs/types.ts';
import { createWriter, type MessageWriter } from '../../../src/netlink/writer.ts';
import { destination, service } from '../../support/desired.ts';

const NESTED = 0x8000;
const WEB = service('TCP/10.0.0.1:80');
const SIX = service('UDP/[2001:db8::1]:53');
const SCTP = service('SCTP/10.0.0.1:9');
const MARK: ServiceKey = { family: 'ipv6', firewallMark: 0xfffffff0 };
const MARK4: ServiceKey = { family: 'ipv4', firewallMark: 7 };
const NET4 = [10, 0, 0, 1];
const NET6 = [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

const u16 = (value: number): number[] => [value & 0xff, value >> 8];
const be16 = (value: number): number[] => u16(value).toReversed();
const u32 = (value: number): number[] => [0, 8, 16, 24].map((shift) => (value >>> shift) & 0xff);
const be32 = (value: number): number[] => u32(value).toReversed();
const u64 = (value: number): number[] => [...u32(value), 0, 0, 0, 0];
const text = (value: string): number[] => [...Buffer.from(`${value}\0`)];
const attribute = (type: number, value: readonly number[]): number[] => {
  const padding = Array.from({ length: (4 - (value.length % 4)) % 4 }, () => 0);
  return [...u16(value.length + 4), ...u16(type), ...value, ...padding];
};
const nest = (type: number, ...parts: readonly number[][]): number[] => attribute(type | NESTED, parts.flat());
const genl = (command: number, ...parts: readonly number[][]): number[] => [command, 1, 0, 0, ...parts.flat()];

/** What a function writes as one message, without the netlink header. */
function written(write: (writer: MessageWriter) => void): number[] {
  const writer = createWriter();
  writer.begin(30, 5, 1);
  write(writer);
  writer.end();
  return [...writer.take().subarray(16)];
}
const change = (value: IpvsChange): number[] => written((writer) => writeChange(writer, value));
const configured = (config: Partial<ServiceConfig>, of = WEB) => ({ ...of, config: { ...of.config, ...config } });
const server = (config: Partial<DestinationConfig> = {}, at = '10.1.0.1:8080'): Destination => {
  const entry = destination(at, 3);
  return { ...entry, config: { ...entry.config, ...config } };
};

const web = [attribute(1, u16(2)), attribute(2, u16(6)), attribute(3, NET4), attribute(4, be16(80))];
const six = [attribute(1, u16(10)), attribute(2, u16(17)), attribute(3, NET6), attribute(4, be16(53))];
const rest = (flags: number, timeout: number, mask: number[], scheduler = 'wlc') => [
  attribute(6, text(scheduler)),
  attribute(7, [...u32(flags), ...u32(0xffffffff)]),
  attribute(8, u32(timeout)),
  attribute(9, mask),
];
const at = [attribute(11, u16(2)), attribute(1, [10, 1, 0, 1]), attribute(2, be16(8080))];
const at6 = [attribute(11, u16(10)), attribute(1, NET6), attribute(2, be16(5353))];
const SERVER6 = '[2001:db8::1]:5353';

describe('a request', () => {
  it.each<[string, () => number[], number[]]>([
    [
      'a new service',
      () => change({ verb: 'new-service', service: WEB }),
      genl(1, nest(1, ...web, ...rest(0, 0, be32(0xffffffff)))),
    ],
    [
      'a changed service',
      () => change({ verb: 'set-service', service: WEB }),
      genl(2, nest(1, ...web, ...rest(0, 0, be32(0xffffffff)))),
    ],
    [
      'an IPv6 service',
      () => change({ verb: 'new-service', service: SIX }),
      genl(1, nest(1, ...six, ...rest(0, 0, u32(128)))),
    ],
    [
      'a persistent service',
      () =>
        change({
          verb: 'new-service',
          service: configured({ persistenceSeconds: 300, persistencePrefixLength: 20, flags: 0x14 }),
        }),
      genl(1, nest(1, ...web, ...rest(0x15, 300, be32(0xfffff000)))),
    ],
    [
      'a mask of no bits',
      () => change({ verb: 'new-service', service: configured({ persistencePrefixLength: 0 }) }),
      genl(1, nest(1, ...web, ...rest(0, 0, be32(0)))),
    ],
    [
      'a persistence engine',
      () => change({ verb: 'new-service', service: configured({ persistenceEngine: 'sip' }) }),
      genl(
        1,
        nest(1, ...web, rest(0, 0, [])[0] ?? [], attribute(11, text('sip')), ...rest(0, 0, be32(0xffffffff)).slice(1)),
      ),
    ],
    ['a service to delete', () => change({ verb: 'delete-service', key: SIX.key }), genl(3, nest(1, ...six))],
    [
      'a service of a firewall mark',
      () => change({ verb: 'delete-service', key: MARK }),
      genl(3, nest(1, attribute(1, u16(10)), attribute(5, u32(0xfffffff0)))),
    ],
    [
      'an SCTP service',
      () => change({ verb: 'delete-service', key: SCTP.key }),
      genl(3, nest(1, attribute(1, u16(2)), attribute(2, u16(132)), attribute(3, NET4), attribute(4, be16(9)))),
    ],
    [
      'a new destination',
      () =>
        change({
          verb: 'new-destination',
          service: WEB.key,
          destination: server({ upperThreshold: 20, lowerThreshold: 10 }),
        }),
      genl(
        5,
        nest(1, ...web),
        nest(2, ...at, ...[0, 3, 20, 10].map((value, index) => attribute(3 + index, u32(value)))),
      ),
    ],
    [
      'a changed service of IPv6 with persistence',
      () =>
        change({
          verb: 'set-service',
          service: configured({ persistenceSeconds: 60, persistencePrefixLength: 64 }, SIX),
        }),
      genl(2, nest(1, ...six, ...rest(1, 60, u32(64)))),
    ],
    [
      'a new service of a firewall mark, IPv4',
      () =>
        change({ verb: 'new-service', service: configured({ persistencePrefixLength: 24 }, { ...WEB, key: MARK4 }) }),
      genl(1, nest(1, attribute(1, u16(2)), attribute(5, u32(7)), ...rest(0, 0, be32(0xffffff00)))),
    ],
    [
      'a changed service of a firewall mark, IPv6',
      () => change({ verb: 'set-service', service: { ...SIX, key: MARK } }),
      genl(2, nest(1, attribute(1, u16(10)), attribute(5, u32(0xfffffff0)), ...rest(0, 0, u32(128)))),
    ],
    [
      'a destination of IPv6 in a service of IPv6',
      () => change({ verb: 'new-destination', service: SIX.key, destination: server({}, SERVER6) }),
      genl(
        5,
        nest(1, ...six),
        nest(2, ...at6, ...[0, 3, 0, 0].map((value, index) => attribute(3 + index, u32(value)))),
      ),
    ],
    [
      'a destination of IPv6 in a service of IPv4, changed',
      () =>
        change({
          verb: 'set-destination',
          service: WEB.key,
          destination: server({ forwarding: 'DirectRouting', weight: 65_535 }, SERVER6),
        }),
      genl(
        6,
        nest(1, ...web),
        nest(2, ...at6, ...[3, 65_535, 0, 0].map((value, index) => attribute(3 + index, u32(value)))),
      ),
    ],
    [
      'a destination of a firewall mark, without weight',
      () => change({ verb: 'new-destination', service: MARK4, destination: server({ weight: 0 }) }),
      genl(
        5,
        nest(1, attribute(1, u16(2)), attribute(5, u32(7))),
        nest(2, ...at, ...[0, 0, 0, 0].map((value, index) => attribute(3 + index, u32(value)))),
      ),
    ],
    [
      'a destination of a firewall mark to delete, IPv6',
      () => change({ verb: 'delete-destination', service: MARK, key: server({}, SERVER6).key }),
      genl(7, nest(1, attribute(1, u16(10)), attribute(5, u32(0xfffffff0))), nest(2, ...at6)),
    ],
    [
      'a tunnel',
      () =>
        change({
          verb: 'set-destination',
          service: WEB.key,
          destination: server({ forwarding: 'Tunnel', tunnel: { type: 'gue', port: 5555, checksum: 'remote' } }),
        }),
      genl(
        6,
        nest(1, ...web),
        nest(
          2,
          ...at,
          ...[2, 3, 0, 0].map((value, index) => attribute(3 + index, u32(value))),
          attribute(13, [1]),
          attribute(14, be16(5555)),
          attribute(15, u16(2)),
        ),
      ),
    ],
    [
      'a destination to delete',
      () => change({ verb: 'delete-destination', service: WEB.key, key: server().key }),
      genl(7, nest(1, ...web), nest(2, ...at)),
    ],
    ['a dump of services', () => written(writeServicesDump), genl(4)],
    [
      'a dump of the destinations of a firewall mark',
      () => written((writer) => writeDestinationsDump(writer, MARK4)),
      genl(8, nest(1, attribute(1, u16(2)), attribute(5, u32(7)))),
    ],
    [
      'a dump of destinations',
      () => written((writer) => writeDestinationsDump(writer, WEB.key)),
      genl(8, nest(1, ...web)),
    ],
    ['a question for the version', () => written(writeInfoRequest), genl(15)],
  ])('for %s', (_what, request, expected) => {
    expect(request()).toEqual(expected);
  });
});

/** Without any helper: what the two sides have in common could be wrong in both. */
it('is these bytes', () => {
  const hex = (value: IpvsChange): string => Buffer.from(change(value)).toString('hex');
  expect(hex({ verb: 'new-service', service: WEB })).toBe(
    [
      '01010000',
      '48000180',
      '0600010002000000',
      '0600020006000000',
      '080003000a000001',
      '0600040000500000',
      '08000600776c6300',
      '0c00070000000000ffffffff',
      '0800080000000000',
      '08000900ffffffff',
    ].join(''),
  );
  expect(hex({ verb: 'delete-destination', service: SIX.key, key: server({}, SERVER6).key })).toBe(
    [
      '07010000',
      '30000180',
      '060001000a000000',
      '0600020011000000',
      '1400030020010db8000000000000000000000001',
      '0600040000350000',
      '28000280',
      '06000b000a000000',
      '1400010020010db8000000000000000000000001',
      '0600020014e90000',
    ].join(''),
  );
});

const bytes = (...parts: readonly number[][]): Uint8Array => Uint8Array.from(genl(1, ...parts));
const padded = [...NET4, ...Array.from({ length: 12 }, () => 0)];
/** A service as the kernel sends it, without the attributes of these types and with others in their place. */
const sent = (replace: Readonly<Record<number, number[] | null>> = {}): Uint8Array => {
  const all: Record<number, number[] | null> = {
    1: u16(2),
    2: u16(6),
    3: padded,
    4: be16(80),
    6: text('wlc'),
    7: [...u32(2), ...u32(0xffffffff)],
    8: u32(0),
    9: be32(0xffffffff),
    ...replace,
  };
  return bytes(
    nest(
      1,
      ...Object.entries(all).flatMap(([type, value]) => (value === null ? [] : [attribute(Number(type), value)])),
    ),
  );
};
const sentDestination = (replace: Readonly<Record<number, number[] | null>> = {}): Uint8Array => {
  const all: Record<number, number[] | null> = {
    1: padded,
    2: be16(80),
    3: u32(0x100),
    4: u32(7),
    5: u32(20),
    6: u32(10),
    7: u32(1),
    8: u32(2),
    9: u32(3),
    11: u16(2),
    ...replace,
  };
  return bytes(
    nest(
      2,
      ...Object.entries(all).flatMap(([type, value]) => (value === null ? [] : [attribute(Number(type), value)])),
    ),
  );
};

const counters = nest(12, ...Array.from({ length: 10 }, (_, index) => attribute(index + 1, u64(index + 100)))).slice(4);
const STATISTICS = {
  connections: 100n,
  incomingPackets: 101n,
  outgoingPackets: 102n,
  incomingBytes: 103n,
  outgoingBytes: 104n,
  connectionsPerSecond: 105n,
  incomingPacketsPerSecond: 106n,
  outgoingPacketsPerSecond: 107n,
  incomingBytesPerSecond: 108n,
  outgoingBytesPerSecond: 109n,
};

describe('a service in an answer', () => {
  it('is read whole', () => {
    expect(decodeService(sent())).toEqual({ ...WEB, statistics: null });
    expect(decodeService(sent({ 12: counters }))).toEqual({ ...WEB, statistics: STATISTICS });
    expect(decodeService(sent({ 12: [] }))).toMatchObject({
      statistics: { connections: 0n, outgoingBytesPerSecond: 0n },
    });
    expect(decodeService(sent({ 99: u32(1) }))).toMatchObject(WEB);
    expect(decodeService(sent({ 1: u16(10), 2: u16(17), 3: NET6, 4: be16(53), 9: u32(128) }))).toEqual({
      ...SIX,
      statistics: null,
    });
    expect(decodeService(sent({ 2: u16(132), 4: be16(9) }))).toMatchObject(SCTP);
  });

  it('may be of a firewall mark, and a mark of 0 is none', () => {
    expect(
      decodeService(sent({ 1: u16(10), 2: null, 3: null, 4: null, 5: u32(0xfffffff0), 9: u32(64) })),
    ).toMatchObject({ key: MARK });
    expect(decodeService(sent({ 2: u16(0), 3: null, 4: u16(0), 5: u32(7), 9: be32(0xffffff00) }))).toMatchObject({
      key: MARK4,
      config: { persistencePrefixLength: 24 },
    });
    expect(decodeService(sent({ 5: u32(0) }))).toMatchObject(WEB);
  });

  it('may be of a protocol that we do not know', () => {
    expect(decodeService(sent({ 2: u16(50) }))).toBe('unknown');
  });

  it.each([
    ['persistence', { 7: [...u32(0x3), ...u32(0)], 8: u32(300) }, { flags: 0, persistenceSeconds: 300 }],
    ['a timeout without persistence', { 8: u32(300) }, { flags: 0, persistenceSeconds: 0 }],
    ['flags', { 7: [...u32(0x8000003e), ...u32(0)] }, { flags: 0x8000003c }],
    ['a mask', { 9: be32(0xfffff000) }, { persistencePrefixLength: 20 }],
    ['no mask', { 9: be32(0) }, { persistencePrefixLength: 0 }],
    ['an engine', { 11: text('sip') }, { persistenceEngine: 'sip' }],
  ])('is read with %s', (_what, replace, config) => {
    expect(decodeService(sent(replace))).toMatchObject({ key: WEB.key, config });
  });

  it.each([1, 2, 3, 4, 6, 7, 8, 9])('without attribute %d is not to be trusted', (type) => {
    expect(decodeService(sent({ [type]: null }))).toBeNull();
  });

  it('of a family that we do not know, or cut off, is not to be trusted', () => {
    expect(decodeService(sent({ 1: u16(3) }))).toBeNull();
    expect(decodeService(sent({ 3: [10, 0, 0] }))).toBeNull();
    expect(decodeService(sent({ 3: NET4 }))).toMatchObject(WEB);
    expect(decodeService(sent({ 1: u16(10), 3: NET6.slice(1) }))).toBeNull();
    expect(decodeService(sent().subarray(0, -3))).toBeNull();
    expect(decodeService(bytes())).toBeNull();
    expect(decodeService(bytes([1]))).toBeNull();
  });
});

describe('a destination in an answer', () => {
  it('is read whole', () => {
    expect(decodeDestination(sentDestination({ 12: counters }), 'ipv4')).toEqual({
      key: { family: 'ipv4', address: '10.0.0.1', port: 80 },
      config: { forwarding: 'NAT', weight: 7, upperThreshold: 20, lowerThreshold: 10, tunnel: null },
      activeConnections: 1,
      inactiveConnections: 2,
      persistentConnections: 3,
      statistics: STATISTICS,
    });
  });

  it('counts nothing where the kernel says nothing', () => {
    expect(decodeDestination(sentDestination({ 5: null, 6: null, 7: null, 8: null, 9: null }), 'ipv4')).toMatchObject({
      config: { upperThreshold: 0, lowerThreshold: 0 },
      activeConnections: 0,
      inactiveConnections: 0,
      persistentConnections: 0,
      statistics: null,
    });
  });

  it.each([
    [0, 'NAT'],
    [1, 'LocalNode'],
    [2, 'Tunnel'],
    [3, 'DirectRouting'],
    [4, 'Bypass'],
    [7, 'Bypass'],
    [0x103, 'DirectRouting'],
  ])('of method %d is forwarded by %s', (method, forwarding) => {
    expect(decodeDestination(sentDestination({ 3: u32(method) }), 'ipv4')?.config.forwarding).toBe(forwarding);
  });

  it.each([
    ['plain', {}, { type: 'ipip', port: 0, checksum: 'none' }],
    ['gue', { 13: [1], 14: be16(5555), 15: u16(2) }, { type: 'gue', port: 5555, checksum: 'remote' }],
    ['gre', { 13: [2], 15: u16(1) }, { type: 'gre', port: 0, checksum: 'checksum' }],
    ['of a newer kernel', { 13: [9], 15: u16(9) }, { type: 'ipip', port: 0, checksum: 'none' }],
  ])('may be a tunnel: %s', (_what, more, tunnel) => {
    expect(decodeDestination(sentDestination({ 3: u32(2), ...more }), 'ipv4')?.config.tunnel).toEqual(tunnel);
    expect(decodeDestination(sentDestination(more), 'ipv4')?.config.tunnel).toBeNull();
  });

  it('is of the family of its service when it does not say', () => {
    const key = { family: 'ipv6', address: '2001:db8::1', port: 80 };
    expect(decodeDestination(sentDestination({ 1: NET6, 11: null }), 'ipv6')?.key).toEqual(key);
    expect(decodeDestination(sentDestination({ 1: NET6, 11: u16(0) }), 'ipv6')?.key).toEqual(key);
    expect(decodeDestination(sentDestination({ 1: NET6, 11: u16(10) }), 'ipv4')?.key).toEqual(key);
    expect(decodeDestination(sentDestination({ 11: u16(3) }), 'ipv4')).toBeNull();
  });

  it.each([1, 2, 3, 4])('without attribute %d is not to be trusted', (type) => {
    expect(decodeDestination(sentDestination({ [type]: null }), 'ipv4')).toBeNull();
  });

  it('is not a service', () => {
    expect(decodeDestination(sent(), 'ipv4')).toBeNull();
    expect(decodeService(sentDestination())).toBeNull();
    expect(decodeDestination(bytes([1]), 'ipv4')).toBeNull();
  });
});

describe('the version', () => {
  it('is three numbers', () => {
    expect(decodeInfo(bytes(attribute(1, u32(0x0a0201)), attribute(2, u32(4096))))).toEqual({
      version: '10.2.1',
      connectionTableSize: 4096,
    });
    expect(decodeInfo(bytes(attribute(1, u32(0x010201))))).toBeNull();
    expect(decodeInfo(bytes(attribute(2, u32(4096))))).toBeNull();
    expect(decodeInfo(bytes([1]))).toBeNull();
  });
});
