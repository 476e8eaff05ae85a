/** What a cluster adds to compilation: Services as back ends, where directors are, and who may name which address. */
import { describe, expect, it } from 'vitest';
import { compile } from '../../../src/controller/compile.ts';
import type { Endpoint, EndpointSlice } from '../../../src/controller/endpoint-slice.ts';
import { vipRefusal } from '../../../src/controller/policy.ts';
import type { Site } from '../../../src/controller/site.ts';
import { destinationKeyText } from '../../../src/ipvs/types.ts';
import { trustedRanges } from '../../../src/net/ranges.ts';
import { NODES, node, site } from '../../support/site.ts';
import { folderWorld, realServerObject, valid, virtualServiceObject } from '../../support/objects.ts';

const VIP = '192.168.112.200';
const KEY = `TCP/${VIP}:81`;

const endpoint = (address: string, more: Partial<Endpoint> = {}): Endpoint => ({
  address,
  ready: true,
  serving: true,
  terminating: false,
  ...more,
});
const slice = (endpoints: readonly Endpoint[], more: Partial<EndpointSlice> = {}): EndpointSlice => ({
  name: 'web-1',
  family: 'ipv4',
  managedBy: 'endpointslice-controller.k8s.io',
  ports: [{ name: '', protocol: 'TCP', port: 8080 }],
  endpoints,
  ...more,
});
const web = (spec: object = {}, name = 'web') => virtualServiceObject({ addresses: [VIP], ...spec }, { name });
const behindService = (spec: object = {}) => web({ backends: [{ service: { name: 'web' } }], ...spec });

interface Options {
  readonly slices?: readonly EndpointSlice[];
  readonly at?: Site | null;
}
const compiledOf = (objects: readonly object[], { slices = [], at = null }: Options = {}) =>
  compile({
    ...folderWorld(objects.map(valid)),
    slices: slices.length === 0 ? new Map() : new Map([['default/web', slices]]),
    site: at,
  });
const destinations = (compiled: ReturnType<typeof compile>, key = KEY): string[] =>
  (compiled.services.get(key)?.destinations ?? []).map(
    (entry) => `${destinationKeyText(entry.key)}*${entry.config.weight}`,
  );
const reasons = (compiled: ReturnType<typeof compile>): string[] =>
  compiled.objects.flatMap(({ remarks }) => remarks.map(({ reason }) => reason));

describe('a Service as back end', () => {
  it('gives its ready endpoints of all slices, each once, with the weight that is asked for', () => {
    const compiled = compiledOf([web({ backends: [{ service: { name: 'web' }, endpointWeight: 5 }] })], {
      slices: [
        slice([endpoint('10.244.0.1'), endpoint('10.244.0.2', { ready: false, serving: false })]),
        slice([endpoint('10.244.0.1'), endpoint('10.244.0.3')], { name: 'web-2' }),
        slice([endpoint('fd00:244::1')], { name: 'web-6', family: 'ipv6' }),
      ],
    });
    expect(destinations(compiled)).toEqual(['10.244.0.1:8080*5', '10.244.0.3:8080*5']);
    expect(reasons(compiled)).toEqual([]);
    expect(compiled.objects[0]?.backends).toEqual({ total: 2, healthy: 2 });
    expect(compiled.realServerNames.get(`${KEY} > 10.244.0.1:8080`)).toBe('Service web');
  });

  it('serves IPv6 addresses with IPv6 slices', () => {
    const compiled = compiledOf([behindService({ addresses: ['fd00::200'] })], {
      slices: [slice([endpoint('10.244.0.1')]), slice([endpoint('fd00:244::1')], { family: 'ipv6' })],
    });
    expect(destinations(compiled, 'TCP/[fd00::200]:81')).toEqual(['[fd00:244::1]:8080*1']);
  });

  it('quiesces what terminates and still serves, unless that is all there is; UDP leaves at once', () => {
    const leaving = endpoint('10.244.0.2', { ready: false, terminating: true });
    const gone = endpoint('10.244.0.3', { ready: false, serving: false, terminating: true });
    expect(
      destinations(compiledOf([behindService()], { slices: [slice([endpoint('10.244.0.1'), leaving, gone])] })),
    ).toEqual(['10.244.0.1:8080*1', '10.244.0.2:8080*0']);
    expect(destinations(compiledOf([behindService()], { slices: [slice([leaving, gone])] }))).toEqual([
      '10.244.0.2:8080*1',
    ]);
    const udp = compiledOf([behindService({ ports: [{ port: 81, protocol: 'UDP' }] })], {
      slices: [slice([endpoint('10.244.0.1'), leaving], { ports: [{ name: '', protocol: 'UDP', port: 53 }] })],
    });
    expect(destinations(udp, `UDP/${VIP}:81`)).toEqual(['10.244.0.1:53*1']);
  });

  it.each([
    ['the number of targetPort', { port: 81, targetPort: 9000 }, '10.244.0.1:9000*1'],
    ['the port of the name in targetPort', { port: 81, targetPort: 'admin' }, '10.244.0.1:9090*1'],
    ['the port of its own name', { port: 81, name: 'web' }, '10.244.0.1:8080*1'],
  ])('is reached at %s', (_what, port, expected) => {
    const ports = [
      { name: 'web', protocol: 'TCP', port: 8080 },
      { name: 'admin', protocol: 'TCP', port: 9090 },
    ] as const;
    const compiled = compiledOf([behindService({ ports: [port] })], {
      slices: [slice([endpoint('10.244.0.1')], { ports })],
    });
    expect(destinations(compiled)).toEqual([expected]);
  });

  it('says what is missing: slices, port, ready endpoints', () => {
    expect(reasons(compiledOf([behindService()]))).toEqual(['NoEndpointSlices']);
    const several = [
      { name: 'a', protocol: 'TCP', port: 1 },
      { name: 'b', protocol: 'TCP', port: 2 },
    ] as const;
    expect(
      reasons(compiledOf([behindService()], { slices: [slice([endpoint('10.244.0.1')], { ports: several })] })),
    ).toEqual(['PortNotFound']);
    const unready = [endpoint('10.244.0.1', { ready: false })];
    expect(reasons(compiledOf([behindService()], { slices: [slice(unready)] }))).toEqual(['NoEndpoints']);
    const six = [slice([endpoint('fd00:244::1')], { family: 'ipv6' })];
    expect(reasons(compiledOf([behindService()], { slices: six }))).toEqual(['NoEndpoints']);
  });
});

describe('a VIP', () => {
  const rs = realServerObject('rs', { address: '192.168.112.153', port: 10_000 });

  it('is served by every matching director, and several are silent for it', () => {
    for (const self of ['a', 'b']) {
      const compiled = compiledOf([web(), rs], { at: site(self) });
      expect([...compiled.services.keys()]).toEqual([KEY]);
      expect([...compiled.silences]).toEqual([[VIP, 'SeveralDirectors']]);
    }
  });

  it('is answered for by the only director that matches', () => {
    const one = web({ directors: { nodeSelector: { rack: '1' } } });
    const here = compiledOf([one, rs], { at: site('a') });
    expect([...here.services.keys()]).toEqual([KEY]);
    expect([...here.silences]).toEqual([]);
    const elsewhere = compiledOf([one, rs], { at: site('b') });
    expect(elsewhere.services.size).toBe(0);
    expect(elsewhere.objects[0]).toMatchObject({ keys: [KEY], keysHere: [], placement: { matching: ['a'] } });
  });

  it('is silent when another VirtualService brings it to a second director, or asks for silence', () => {
    const first = web({ directors: { nodeSelector: { rack: '1' } } });
    const second = web({ ports: [{ port: 82 }], directors: { nodeSelector: { rack: '2' } } }, 'second');
    const nodes = { ...NODES, b: node('192.168.112.152', { rack: '2' }) };
    expect([...compiledOf([second, first, rs], { at: site('a', nodes) }).silences]).toEqual([
      [VIP, 'SeveralDirectors'],
    ]);
    const asks = web({ ports: [{ port: 82 }], announce: 'None', directors: { nodeSelector: { rack: '1' } } }, 'second');
    expect([...compiledOf([asks, first, rs], { at: site('a') }).silences]).toEqual([[VIP, 'ByRoute']]);
  });

  it("that is a director's own address is served there only, and never silent", () => {
    const own = web({ addresses: ['192.168.112.151'] });
    const there = compiledOf([own, rs], { at: site('a') });
    expect([...there.services.keys()]).toEqual(['TCP/192.168.112.151:81']);
    expect([...there.silences]).toEqual([]);
    expect(reasons(there)).toEqual([]);
    expect(compiledOf([own, rs], { at: site('b') }).services.size).toBe(0);
  });

  it('of a Node that is no director is served nowhere, and a cluster without directors says so', () => {
    const nodes = { ...NODES, c: { labels: {}, addresses: ['192.168.112.160'] } };
    const compiled = compiledOf([web({ addresses: ['192.168.112.160'] }), rs], { at: site('a', nodes) });
    expect(compiled.services.size).toBe(0);
    const none = compiledOf([web(), rs], { at: site('c', { c: { labels: {}, addresses: [] } }) });
    expect(reasons(none)).toEqual(['NoDirector']);
  });

  it.each([
    ['192.168.112.9', 'AddressReserved'],
    ['10.96.0.1', 'AddressReserved'],
    ['10.244.7.7', 'AddressReserved'],
    ['203.0.113.1', 'AddressNotAllowed'],
    ['192.168.112.200', undefined],
    ['192.168.112.151', undefined],
  ])('%s is refused with %s', (address, reason) => {
    expect(vipRefusal(site('a').policy, address)?.reason).toBe(reason);
  });
});

describe('a destination', () => {
  const at = site('a');
  const refusedOf = (compiled: ReturnType<typeof compile>) => [
    ...(compiled.services.get(KEY)?.refusedDestinations ?? []),
  ];

  it.each([
    ['192.168.112.9', 'of the API server'],
    ['192.168.112.152', 'of a Node'],
    ['10.96.0.10', 'in a Service CIDR'],
    ['10.244.0.1', 'in a Pod range'],
    ['169.254.169.254', 'link-local'],
  ])('of a RealServer cannot be %s, %s', (address) => {
    const compiled = compiledOf([web(), realServerObject('rs', { address, port: 80 })], { at });
    expect(refusedOf(compiled)).toEqual([`${address}:80`]);
    expect(reasons(compiled)).toEqual(['DestinationNotAllowed']);
    expect(compiled.objects[0]?.backends).toEqual({ total: 0, healthy: 0 });
  });

  it('in a Pod range needs a slice of the EndpointSlice controller', () => {
    const pod = [endpoint('10.244.0.1')];
    const controlled = compiledOf([behindService()], { slices: [slice(pod)], at });
    expect([refusedOf(controlled), reasons(controlled)]).toEqual([[], []]);
    for (const managedBy of [null, 'somebody']) {
      const byHand = compiledOf([behindService()], { slices: [slice(pod, { managedBy })], at });
      expect(refusedOf(byHand)).toEqual(['10.244.0.1:8080']);
    }
  });

  it('may be what the administrator allows', () => {
    const allowed = site('a', NODES, { allowDestinations: trustedRanges(['192.168.112.152']) });
    const compiled = compiledOf([behindService()], { slices: [slice([endpoint('192.168.112.152')])], at: allowed });
    expect([refusedOf(compiled), reasons(compiled)]).toEqual([[], []]);
  });
});
