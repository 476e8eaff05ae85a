/** What is written as a request is read from an answer as the same, for any service and destination. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeDestination, decodeInfo, decodeService } from '../../../src/ipvs/codec/decode.ts';
import { writeChange } from '../../../src/ipvs/codec/encode.ts';
import type { IpvsChange } from '../../../src/ipvs/client.ts';
import type { AddressFamily, Destination, Service, ServiceKey } from '../../../src/ipvs/types.ts';
import { addressText } from '../../../src/net/address.ts';
import { parseDatagram } from '../../../src/netlink/message.ts';
import { createWriter } from '../../../src/netlink/writer.ts';

/** The payload that the kernel would get; its answers have the same attributes. */
function payloadOf(change: IpvsChange): Uint8Array {
  const writer = createWriter();
  writer.begin(30, 5, 1);
  writeChange(writer, change);
  writer.end();
  return parseDatagram(writer.take())?.[0]?.payload ?? new Uint8Array();
}

const addressOf = (family: AddressFamily): fc.Arbitrary<string> => {
  const size = family === 'ipv4' ? 4 : 16;
  return fc.uint8Array({ minLength: size, maxLength: size }).map(addressText);
};
const family = fc.constantFrom<AddressFamily>('ipv4', 'ipv6');
const port = fc.integer({ min: 0, max: 65_535 });
const u32 = fc.integer({ min: 0, max: 0xffffffff });

const key: fc.Arbitrary<ServiceKey> = family.chain((of) =>
  fc.oneof(
    fc.record({
      family: fc.constant(of),
      protocol: fc.constantFrom('TCP' as const, 'UDP' as const, 'SCTP' as const),
      address: addressOf(of),
      port,
    }),
    fc.record({ family: fc.constant(of), firewallMark: fc.integer({ min: 1, max: 0xffffffff }) }),
  ),
);
const service: fc.Arbitrary<Service> = key.chain((of) =>
  fc.record({
    key: fc.constant(of),
    config: fc.record({
      scheduler: fc.stringMatching(/^[a-z]{1,15}$/),
      // Persistence and "hashed" are no flags of their own.
      flags: u32.map((flags) => (flags & 0xfffffffc) >>> 0),
      persistenceSeconds: u32,
      persistencePrefixLength:
        of.family === 'ipv4' ? fc.integer({ min: 0, max: 32 }) : fc.integer({ min: 1, max: 128 }),
      persistenceEngine: fc.constantFrom(null, 'sip'),
    }),
  }),
);
const destination: fc.Arbitrary<Destination> = family.chain((of) =>
  fc.record({
    key: fc.record({ family: fc.constant(of), address: addressOf(of), port }),
    config: fc.oneof(
      fc.record({
        forwarding: fc.constantFrom('NAT' as const, 'LocalNode' as const, 'DirectRouting' as const),
        weight: fc.integer({ min: 0, max: 65_535 }),
        upperThreshold: u32,
        lowerThreshold: u32,
        tunnel: fc.constant(null),
      }),
      fc.record({
        forwarding: fc.constant('Tunnel' as const),
        weight: fc.integer({ min: 0, max: 65_535 }),
        upperThreshold: u32,
        lowerThreshold: u32,
        tunnel: fc.record({
          type: fc.constantFrom('ipip' as const, 'gue' as const, 'gre' as const),
          port,
          checksum: fc.constantFrom('none' as const, 'checksum' as const, 'remote' as const),
        }),
      }),
    ),
  }),
);

describe('a round trip', () => {
  it('gives any service back', () => {
    fc.assert(
      fc.property(service, fc.constantFrom('new-service' as const, 'set-service' as const), (entry, verb) => {
        expect(decodeService(payloadOf({ verb, service: entry }))).toEqual({ ...entry, statistics: null });
      }),
    );
  });

  it('gives any destination back', () => {
    fc.assert(
      fc.property(
        key,
        destination,
        fc.constantFrom('new-destination' as const, 'set-destination' as const),
        (of, entry, verb) => {
          const payload = payloadOf({ verb, service: of, destination: entry });
          expect(decodeDestination(payload, of.family)).toMatchObject(entry);
        },
      ),
    );
  });
});

describe('any bytes', () => {
  it('are read as something or as nothing, without an end in sight or an exception', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        for (const read of [decodeService, decodeInfo, (payload: Uint8Array) => decodeDestination(payload, 'ipv4')]) {
          expect(() => read(bytes)).not.toThrow();
        }
      }),
    );
  });

  it('of a true answer that was cut are never a shorter answer', () => {
    fc.assert(
      fc.property(service, fc.nat(), (entry, cut) => {
        const payload = payloadOf({ verb: 'new-service', service: entry });
        const short = payload.subarray(0, cut % payload.byteLength);
        expect(decodeService(short)).toBeNull();
      }),
    );
  });
});
