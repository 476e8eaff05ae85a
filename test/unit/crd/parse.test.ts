/** Objects against their schemas: what is accepted, with which defaults, and what a refusal says. */
import { describe, expect, it } from 'vitest';
import { parseObject } from '../../../src/crd/parse.ts';
import { problemText } from '../../../src/crd/problem.ts';
import { ANNOUNCE, SCHEDULERS } from '../../../src/crd/virtualservice.ts';
import { realServerObject, valid, virtualServiceObject } from '../../support/objects.ts';

const refusals = (object: unknown): string[] => {
  const parsed = parseObject(object);
  return parsed.status === 'invalid' ? parsed.findings.map((finding) => problemText(finding.problem)) : [];
};

describe('a VirtualService', () => {
  it('has defaults for what is left out', () => {
    const parsed = parseObject(virtualServiceObject({}));
    expect(parsed).toMatchObject({
      status: 'valid',
      object: {
        metadata: { name: 'web', namespace: 'default', labels: {}, annotations: {} },
        spec: {
          scheduler: 'wlc',
          masquerade: 'Always',
          ports: [{ protocol: 'TCP', port: 81 }],
          directors: { nodeSelector: {} },
          announce: 'L2',
        },
      },
      warnings: [],
    });
    expect(parseObject(virtualServiceObject({ directors: {} }))).toMatchObject({
      object: { spec: { directors: { nodeSelector: {} } } },
    });
  });

  it.each(SCHEDULERS)('accepts the scheduler %s', (scheduler) => {
    expect(parseObject(virtualServiceObject({ scheduler })).status).toBe('valid');
  });

  const service = (targetPort?: unknown) => ({
    ports: [{ port: 80, targetPort }],
    backends: [{ service: { name: 'web' } }],
  });
  const selector = { matchLabels: { app: 'web' } };
  const labels = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`l${index}`, 'x']));

  it.each<readonly [string, object]>([
    ['a Service', service()],
    ['a weight of its endpoints', { backends: [{ service: { name: 'web' }, endpointWeight: 0 }] }],
    ['a Service beside RealServers', { backends: [{ service: { name: 'web' } }, { realServers: selector }] }],
    ['a target port', service(8080)],
    ['the name of a target port', service('http')],
    ['a name with digits first', service('8-a')],
    ['a name of 63 characters', service('a'.repeat(63))],
    ['a nodeSelector', { directors: { nodeSelector: { 'topology.kubernetes.io/zone': 'a' } } }],
    ['32 labels', { backends: [{ realServers: { matchLabels: labels(32) } }] }],
    ...ANNOUNCE.map((announce) => [`announce: ${announce}`, { announce }] as const),
  ])('accepts %s', (_, spec) => {
    expect(refusals(virtualServiceObject(spec))).toEqual([]);
  });

  const port = (value: unknown) => ({ ports: [{ port: value }] });
  const NO_PORT_NAME = "is no port name: use lower case letters, digits and '-', or a number without quotes";
  it.each([
    ['port 0', port(0), 'spec.ports[0].port: 0 is no port: ports are 1 to 65535 (Invalid). Correct the field.'],
    ['port 70000', port(70_000), 'spec.ports[0].port: 70000 is no port: ports are 1 to 65535'],
    ['port 80.5', port(80.5), 'spec.ports[0].port: 80.5 is not right: expected a port, a whole number from 1 to 65535'],
    ['port as text', port('80'), "spec.ports[0].port: '80' is not right: expected a port"],
    ['no port', { ports: [{}] }, 'spec.ports[0].port: is missing: expected a port'],
    ['no ports', { ports: [] }, 'spec.ports: is empty: at least one of ports is needed'],
    [
      'the same port twice',
      { ports: [{ port: 80 }, { port: 80 }] },
      'spec.ports[1].port: TCP 80 stands in the list twice',
    ],
    ['no address', { addresses: [] }, 'spec.addresses: is empty: at least one of virtual addresses (VIPs) is needed'],
    ['a name as address', { addresses: ['vip'] }, "spec.addresses[0]: 'vip' is no IP address"],
    ['octal digits', { addresses: ['192.168.01.1'] }, "spec.addresses[0]: '192.168.01.1' is no IP address"],
    ['a zone', { addresses: ['fe80::1%eth0'] }, "spec.addresses[0]: 'fe80::1%eth0' is no IP address"],
    ['IPv4-mapped', { addresses: ['::ffff:10.0.0.1'] }, "spec.addresses[0]: '::ffff:10.0.0.1' is no IP address"],
    [
      'loopback',
      { addresses: ['127.0.0.1'] },
      "spec.addresses[0]: '127.0.0.1' is a loopback address and cannot be served",
    ],
    ['IPv6 loopback', { addresses: ['::1'] }, 'is the loopback address'],
    ['unspecified', { addresses: ['0.0.0.0'] }, 'is an address of "this network"'],
    ['IPv6 unspecified', { addresses: ['::'] }, 'is the unspecified address'],
    ['multicast', { addresses: ['224.0.0.1'] }, 'is a multicast address'],
    ['last multicast', { addresses: ['239.255.255.255'] }, 'is a multicast address'],
    ['IPv6 multicast', { addresses: ['ff02::1'] }, 'is a multicast address'],
    ['reserved', { addresses: ['240.0.0.1'] }, 'is a reserved or broadcast address'],
    ['broadcast', { addresses: ['255.255.255.255'] }, 'is a reserved or broadcast address'],
    ['link-local', { addresses: ['fe80::1'] }, 'is a link-local address'],
    ['last link-local', { addresses: ['febf::1'] }, 'is a link-local address'],
    [
      'the same address in two spellings',
      { addresses: ['2001:DB8::1', '2001:db8:0::1'] },
      'spec.addresses[1]: 2001:db8::1 stands in the list twice',
    ],
    [
      'an unknown scheduler',
      { scheduler: 'fastest' },
      "spec.scheduler: 'fastest' is no scheduler: use one of rr, wrr, lc",
    ],
    ['an unknown protocol', { ports: [{ port: 80, protocol: 'ICMP' }] }, "'ICMP' is no protocol: use one of TCP, UDP"],
    ['an unknown masquerade', { masquerade: 'Sometimes' }, "spec.masquerade: 'Sometimes' is no masquerade mode"],
    [
      'an unknown field',
      { schedular: 'rr' },
      'spec.schedular: there is no such field (Invalid). Remove it, or correct',
    ],
    [
      'an unknown nested field',
      { ports: [{ port: 80, targetport: 1 }] },
      'spec.ports[0].targetport: there is no such field',
    ],
    [
      'an empty selector',
      { backends: [{ realServers: { matchLabels: {} } }] },
      'spec.backends[0].realServers.matchLabels: is empty: a selector that matches every RealServer is refused',
    ],
    ['no back end', { backends: [] }, 'spec.backends: is empty: at least one of back ends is needed'],
    ['a bad target port', { ports: [{ port: 80, targetPort: -1 }] }, 'spec.ports[0].targetPort: -1 is no port'],
    [
      'a label that is a number',
      { backends: [{ realServers: { matchLabels: { app: 1 } } }] },
      'spec.backends[0].realServers.matchLabels.app: 1 is not right: expected labels: texts, so quote numbers',
    ],
    [
      'neither RealServers nor a Service',
      { backends: [{}] },
      'spec.backends[0]: names no back end: write realServers or service (Invalid)',
    ],
    ['a weight of nothing', { backends: [{ endpointWeight: 1 }] }, 'spec.backends[0]: names no back end'],
    [
      'RealServers and a Service',
      { backends: [{ realServers: selector, service: { name: 'web' } }] },
      'spec.backends[0]: names realServers and service: write one of them, and the other one as another back end',
    ],
    [
      'a weight of endpoints for RealServers',
      { backends: [{ realServers: selector, endpointWeight: 1 }] },
      'spec.backends[0].endpointWeight: goes with service only: each RealServer has a weight of its own',
    ],
    [
      'too much weight of endpoints',
      { backends: [{ service: { name: 'web' }, endpointWeight: 65_536 }] },
      'spec.backends[0].endpointWeight: 65536 is no weight',
    ],
    [
      'a text as back end',
      { backends: ['web'] },
      "spec.backends[0]: 'web' is not right: expected a back end with realServers or service",
    ],
    ['no selector', { backends: [{ realServers: {} }] }, 'matchLabels: is missing: expected matchLabels: a map'],
    ['33 labels', { backends: [{ realServers: { matchLabels: labels(33) } }] }, 'matchLabels: has more than 32 labels'],
    [
      'a label that no object can carry',
      { backends: [{ realServers: { matchLabels: { app: 'x'.repeat(64) } } }] },
      'matchLabels.app: is longer than 63 characters, as no value of a label is',
    ],
    [
      'no name of a Service',
      { backends: [{ service: {} }] },
      'spec.backends[0].service.name: is missing: expected the name of a Service',
    ],
    [
      'a name that no Service has',
      { backends: [{ service: { name: 'shop.web' } }] },
      "spec.backends[0].service.name: 'shop.web' is no name: use lower case letters, digits and '-'",
    ],
    [
      'too long a name of a Service',
      { backends: [{ service: { name: 'a'.repeat(64) } }] },
      'spec.backends[0].service.name: the name of a Service is longer than 63 characters',
    ],
    ['target port 70000', service(70_000), 'spec.ports[0].targetPort: 70000 is no port: ports are 1 to 65535'],
    ['target port 0', service(0), 'spec.ports[0].targetPort: 0 is no port'],
    [
      'target port 80.5',
      service(80.5),
      'spec.ports[0].targetPort: 80.5 is not right: expected a port, a whole number from 1 to 65535, or the name',
    ],
    ['target port true', service(true), 'spec.ports[0].targetPort: true is not right: expected a port'],
    ['a number in quotes', service('80'), `spec.ports[0].targetPort: '80' ${NO_PORT_NAME}`],
    ['capitals in a port name', service('Http'), `'Http' ${NO_PORT_NAME}`],
    ['a port name that ends with a dash', service('a-'), `'a-' ${NO_PORT_NAME}`],
    ['too long a port name', service('a'.repeat(64)), 'targetPort: a port name is longer than 63 characters'],
    [
      'the name of a port of RealServers',
      { ports: [{ port: 80 }, { port: 81, targetPort: 'http' }] },
      "spec.ports[1].targetPort: 'http' is the name of a port of an EndpointSlice, and RealServers have none: write a number",
    ],
    [
      'the name of a port beside RealServers',
      { ...service('http'), backends: [{ service: { name: 'web' } }, { realServers: selector }] },
      'spec.ports[0].targetPort: ',
    ],
    [
      'an unknown way to announce',
      { announce: 'ARP' },
      "spec.announce: 'ARP' is no way to announce: use one of L2, None",
    ],
    ['an unknown mode of directors', { directors: { mode: 'x' } }, 'spec.directors.mode: there is no such field'],
    ['a text as directors', { directors: 'all' }, "spec.directors: 'all' is not right: expected a nodeSelector"],
    [
      'a number as label of a node',
      { directors: { nodeSelector: { a: 1 } } },
      'spec.directors.nodeSelector.a: 1 is not right: expected labels: texts, so quote numbers and booleans',
    ],
  ])('refuses %s', (_, spec, text) => {
    const found = refusals(virtualServiceObject(spec));
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(`VirtualService default/web: `);
    expect(found[0]).toContain(text);
  });

  it('names every fault at once', () => {
    expect(refusals(virtualServiceObject({ addresses: ['x'], ports: [{ port: 0 }], scheduler: 'y' }))).toHaveLength(3);
  });

  it('may come from kubectl get -o yaml', () => {
    const object = virtualServiceObject({});
    const metadata = {
      name: 'web',
      uid: 'u',
      resourceVersion: '1',
      generation: 2,
      creationTimestamp: 'x',
      deletionTimestamp: 'x',
      deletionGracePeriodSeconds: 0,
      generateName: 'web-',
      managedFields: [],
    };
    expect(parseObject({ ...object, metadata, status: { conditions: [] } }).status).toBe('valid');
  });
});

describe('a RealServer', () => {
  it('has weight 1 unless it says otherwise', () => {
    expect(parseObject(realServerObject('a', {}))).toMatchObject({ status: 'valid', object: { spec: { weight: 1 } } });
    expect(parseObject(realServerObject('a', { weight: 0 }))).toMatchObject({ object: { spec: { weight: 0 } } });
    expect(parseObject(realServerObject('a', { weight: 65_535, port: 1 }))).toMatchObject({
      object: { spec: { weight: 65_535 } },
    });
  });

  it.each([
    [{ weight: -1 }, 'spec.weight: -1 is no weight: weights are 0 to 65535'],
    [{ weight: 65_536 }, 'spec.weight: 65536 is no weight'],
    [{ weight: 1.5 }, 'spec.weight: 1.5 is not right: expected a weight, a whole number from 0 to 65535'],
    [{ port: 65_536 }, 'spec.port: 65536 is no port'],
    [{ address: '10.0.0' }, "spec.address: '10.0.0' is no IP address"],
    [{ wait: 1 }, 'spec.wait: there is no such field'],
    [{ address: undefined }, 'spec.address: is missing: expected an IPv4 or IPv6 address'],
  ])('refuses %j', (spec, text) => {
    const found = refusals(realServerObject('a', spec));
    expect(found).toHaveLength(1);
    expect(found[0]).toContain('RealServer default/a: ');
    expect(found[0]).toContain(text);
  });
});

it.each([
  ['VirtualService', virtualServiceObject({}), 'a spec with addresses, ports and backends'],
  ['RealServer', realServerObject('a', {}), 'a spec with an address'],
])('a %s without a spec hears what belongs there', (_, object, text) => {
  expect(refusals({ ...object, spec: undefined })).toEqual([
    expect.stringContaining(`spec: is missing: expected ${text}`),
  ]);
});

describe('identification', () => {
  it.each([
    [null, 'null is no object'],
    ['text', "'text' is no object"],
    [[], '[] is no object'],
    [{ kind: 'VirtualService' }, 'apiVersion: is missing'],
    [{ apiVersion: 'lvs-director.io/v1alpha1' }, 'kind: is missing'],
    [
      { apiVersion: 'lvs-director.io/v2', kind: 'VirtualService' },
      'there is no VirtualService in lvs-director.io/v2 (UnknownKind)',
    ],
    [{ apiVersion: 'lvs-director.io/v1alpha1', kind: 'Virtualservice' }, 'v1alpha1 has VirtualService and RealServer'],
    [{ apiVersion: 'lvs-director.io/v1alpha1', kind: 'toString' }, 'there is no toString'],
  ])('refuses %j', (object, text) => {
    const parsed = parseObject(object);
    expect(parsed).toMatchObject({ status: 'invalid', identity: null });
    expect(refusals(object)[0]).toContain(text);
  });

  it('leaves objects of other groups alone', () => {
    expect(parseObject({ apiVersion: 'apps/v1', kind: 'Deployment' })).toEqual({
      status: 'foreign',
      what: 'apps/v1 Deployment',
    });
    expect(parseObject({ apiVersion: 'xlvs-director.io/v1', kind: 'VirtualService' }).status).toBe('foreign');
  });

  it('knows who a wrong object is when kind and name are there', () => {
    const identity = { kind: 'VirtualService', namespace: 'shop', name: 'web' };
    const object = { ...virtualServiceObject({ scheduler: 'x' }), metadata: { name: 'web', namespace: 'shop' } };
    expect(parseObject(object)).toMatchObject({ status: 'invalid', identity });
    expect(parseObject({ ...object, metadata: { namespace: 'shop' } })).toMatchObject({
      status: 'invalid',
      identity: null,
    });
    expect(parseObject({ ...object, metadata: { name: 'web', namespace: 7 } })).toMatchObject({ identity: null });
    expect(parseObject({ ...object, metadata: null })).toMatchObject({ identity: null });
  });

  it('refuses names that Kubernetes refuses', () => {
    for (const name of ['Web', 'a_b', '-a', '', 'a'.repeat(254)]) {
      expect(parseObject({ ...virtualServiceObject({}), metadata: { name } }).status).toBe('invalid');
    }
    expect(parseObject({ ...virtualServiceObject({}), metadata: { name: 'a.b-c' } }).status).toBe('valid');
  });
});

describe('unknown fields of an object from the API', () => {
  const warn = { unknownFields: 'warn' } as const;

  it('are left out of the object and told', () => {
    const object = virtualServiceObject({
      schedular: 'rr',
      ports: [{ port: 80 }, { port: 81, endPort: 90 }],
      directors: { mode: 'ActiveStandby' },
    });
    const parsed = parseObject(object, warn);
    const { object: clean, warnings } = parsed.status === 'valid' ? parsed : { object: null, warnings: [] };
    expect(clean).toEqual(valid(virtualServiceObject({ ports: [{ port: 80 }, { port: 81 }] })));
    expect(warnings.map(({ problem }) => problemText(problem)).toSorted()).toEqual(
      ['spec.directors.mode', 'spec.ports[1].endPort', 'spec.schedular'].map(
        (field) =>
          `VirtualService default/web: ${field}: there is no such field (UnknownField). Remove it, or correct its spelling. Until then it is ignored.`,
      ),
    );
    expect(object['spec']).toHaveProperty('schedular');
  });

  it('do not hide what is wrong', () => {
    const parsed = parseObject(virtualServiceObject({ schedular: 'rr', scheduler: 'x' }), warn);
    expect(parsed).toMatchObject({ status: 'invalid', findings: [{ path: ['spec', 'scheduler'] }] });
  });

  it('of metadata are not worth a word', () => {
    const object = { ...virtualServiceObject({}), metadata: { name: 'web', colour: 'red' } };
    expect(parseObject(object, warn)).toEqual({
      status: 'valid',
      object: valid(virtualServiceObject({})),
      warnings: [],
    });
  });

  it('of the object itself are told', () => {
    expect(parseObject({ ...realServerObject('a', {}), data: {} }, warn)).toMatchObject({
      status: 'valid',
      warnings: [{ path: ['data'] }],
    });
  });

  it('are refused where a person can correct them', () => {
    expect(parseObject(virtualServiceObject({ schedular: 'rr' }), { unknownFields: 'refuse' }).status).toBe('invalid');
  });
});
