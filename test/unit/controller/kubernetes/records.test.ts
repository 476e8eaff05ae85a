/** What is kept of objects, and which objects are not understood. */
import { describe, expect, it } from 'vitest';
import {
  ENDPOINT_SLICES,
  NODES,
  projectEndpointSlice,
  projectNode,
  projectOwn,
  projectServiceCidr,
  REAL_SERVERS,
  sameOwn,
  SERVICE_CIDRS,
  VIRTUAL_SERVICES,
} from '../../../../src/controller/kubernetes/records.ts';

describe('a Node', () => {
  const node = (status: unknown, spec: unknown = {}, metadata: unknown = { name: 'a' }) =>
    projectNode({ metadata, spec, status });

  it('is its labels, its own addresses and its Pod ranges', () => {
    const addresses = [
      { type: 'InternalIP', address: '10.0.0.1' },
      { type: 'ExternalIP', address: '2001:DB8:0:0::1' },
      { type: 'Hostname', address: '10.0.0.9' },
      { type: 'InternalIP', address: '10.0.0.1' },
      { type: 'InternalIP', address: '::ffff:10.0.0.2' },
    ];
    const spec = { podCIDR: '10.1.0.0/24', podCIDRs: ['10.1.0.0/24', '2001:db8:1::/64'] };
    expect(node({ addresses, images: ['many'] }, spec, { labels: { a: 'b' } })).toEqual({
      labels: { a: 'b' },
      addresses: ['10.0.0.1', '2001:db8::1'],
      podCidrs: ['10.1.0.0/24', '2001:db8:1::/64'],
    });
  });

  it('may lack everything', () => {
    const empty = { labels: {}, addresses: [], podCidrs: [] };
    expect(node(undefined, undefined)).toEqual(empty);
    expect(node({ addresses: null }, { podCIDRs: null }, { labels: null })).toEqual(empty);
  });

  it.each([
    ['addresses that are no list', { addresses: {} }, {}, {}],
    ['an address without type', { addresses: [{ address: '10.0.0.1' }] }, {}, {}],
    ['an address that is no text', { addresses: [{ type: 'InternalIP', address: 1 }] }, {}, {}],
    ['an address that is no object', { addresses: ['10.0.0.1'] }, {}, {}],
    ['labels that are no texts', {}, {}, { labels: { a: 1 } }],
    ['labels that are a list', {}, {}, { labels: ['a'] }],
    ['a Pod range that is no text', {}, { podCIDRs: [1] }, {}],
  ])('is not understood with %s', (_, status, spec, metadata) => {
    expect(node(status, spec, metadata)).toBeNull();
  });
});

describe('an EndpointSlice', () => {
  const slice = (more: Readonly<Record<string, unknown>>) =>
    projectEndpointSlice({ metadata: {}, addressType: 'IPv4', ...more });
  const endpointOf = (more: Readonly<Record<string, unknown>>) =>
    slice({ endpoints: [{ addresses: ['10.0.0.1'], ...more }] })?.endpoints[0];

  it('is its Service, its maker, its ports and its endpoints', () => {
    const labels = { 'kubernetes.io/service-name': 'web', 'endpointslice.kubernetes.io/managed-by': 'me', other: 'x' };
    const ports = [{ name: 'http', protocol: 'UDP', port: 80, appProtocol: 'h2c' }, {}];
    const endpoints = [
      {
        addresses: ['10.0.0.1', '10.0.0.2'],
        conditions: { ready: false, serving: true, terminating: true },
        nodeName: 'n',
        zone: 'z',
        targetRef: { kind: 'Pod' },
      },
    ];
    expect(slice({ metadata: { labels }, ports, endpoints })).toEqual({
      service: 'web',
      managedBy: 'me',
      addressType: 'IPv4',
      ports: [
        { name: 'http', protocol: 'UDP', port: 80 },
        { name: '', protocol: 'TCP', port: null },
      ],
      endpoints: [
        { addresses: ['10.0.0.1'], ready: false, serving: true, terminating: true, nodeName: 'n', zone: 'z' },
      ],
    });
  });

  it('may lack what Kubernetes lets it lack', () => {
    const empty = { service: null, managedBy: null, addressType: 'IPv4', ports: [], endpoints: [] };
    expect(slice({})).toEqual(empty);
    expect(slice({ ports: null, endpoints: null, metadata: { labels: null } })).toEqual(empty);
  });

  it('has ports from 0 to 65535', () => {
    expect(slice({ ports: [{ port: 0 }, { port: 65_535 }] })?.ports.map(({ port }) => port)).toEqual([0, 65_535]);
  });

  it('has endpoints that are ready unless they say otherwise', () => {
    const unknown = { addresses: ['10.0.0.1'], ready: true, serving: true, terminating: false };
    expect(endpointOf({})).toMatchObject(unknown);
    expect(endpointOf({ conditions: null, nodeName: null, zone: null })).toMatchObject(unknown);
    expect(endpointOf({ conditions: { ready: null, serving: null, terminating: null } })).toMatchObject(unknown);
    expect(endpointOf({ conditions: { ready: false } })).toMatchObject({ ready: false, serving: false });
    expect(endpointOf({ conditions: { serving: false } })).toMatchObject({ ready: true, serving: false });
  });

  it('has at most one address for an endpoint, in its one form', () => {
    expect(endpointOf({ addresses: ['2001:DB8::0:1'] })?.addresses).toEqual(['2001:db8::1']);
    expect(endpointOf({ addresses: ['web.example.org'] })?.addresses).toEqual([]);
    expect(endpointOf({ addresses: ['fe80::1%eth0', '10.0.0.2', '10.0.0.3'] })?.addresses).toEqual(['10.0.0.2']);
    expect(endpointOf({ addresses: null })?.addresses).toEqual([]);
  });

  it.each([
    ['without addressType', { addressType: undefined }],
    ['with labels that are no texts', { metadata: { labels: { a: 1 } } }],
    ['with ports that are no list', { ports: 'http' }],
    ['with a port that is no object', { ports: [80] }],
    ['with a port number beyond 65535', { ports: [{ port: 65_536 }] }],
    ['with a port number below zero', { ports: [{ port: -1 }] }],
    ['with half a port', { ports: [{ port: 80.5 }] }],
    ['with a port number in quotes', { ports: [{ port: '80' }] }],
    ['with a port name that is no text', { ports: [{ name: 1 }] }],
    ['with a protocol that is no text', { ports: [{ protocol: 6 }] }],
    ['with an endpoint that is no object', { endpoints: ['10.0.0.1'] }],
    ['with an address that is no text', { endpoints: [{ addresses: [1] }] }],
    ['with conditions that are a list', { endpoints: [{ conditions: [] }] }],
    ['with ready in quotes', { endpoints: [{ conditions: { ready: 'false' } }] }],
    ['with ready in quotes although it is serving', { endpoints: [{ conditions: { ready: 'no', serving: true } }] }],
    ['with one bad port among good ones', { ports: [{ port: 80 }, { port: 81.5 }, { port: 82 }] }],
    ['with serving in quotes', { endpoints: [{ conditions: { serving: 'false' } }] }],
    ['with terminating in quotes', { endpoints: [{ conditions: { terminating: 'false' } }] }],
    ['with a node that is no text', { endpoints: [{ nodeName: 1 }] }],
    ['with a zone that is no text', { endpoints: [{ zone: 1 }] }],
  ])('is not understood %s', (_, more) => {
    expect(slice(more)).toBeNull();
  });
});

describe('a ServiceCIDR', () => {
  it('is its ranges', () => {
    expect(projectServiceCidr({ spec: { cidrs: ['10.96.0.0/12'] } })).toEqual({ cidrs: ['10.96.0.0/12'] });
    expect(projectServiceCidr({})).toEqual({ cidrs: [] });
    expect(projectServiceCidr({ spec: { cidrs: [1] } })).toBeNull();
    expect(projectServiceCidr({ spec: { cidrs: '10.96.0.0/12' } })).toBeNull();
  });
});

describe('an object of a kind of ours', () => {
  const object = {
    apiVersion: 'lvs-director.io/v1alpha1',
    kind: 'VirtualService',
    metadata: {
      name: 'web',
      namespace: 'default',
      labels: { a: 'b' },
      annotations: { c: 'd' },
      uid: 'u',
      generation: 3,
      deletionTimestamp: '2026-01-01T00:00:00Z',
      resourceVersion: '7',
      managedFields: [{ manager: 'x' }],
    },
    spec: { addresses: ['10.0.0.1'] },
    status: { conditions: [] },
  };

  it('keeps what means something, and its status apart', () => {
    const { resourceVersion: _, managedFields: __, ...metadata } = object.metadata;
    const { status, ...rest } = object;
    expect(projectOwn(object)).toEqual({ object: { ...rest, metadata }, status });
    expect(projectOwn({ kind: 'RealServer', metadata: { name: 'a' } })).toEqual({
      object: { kind: 'RealServer', metadata: { name: 'a' } },
    });
    expect(projectOwn({ kind: 'RealServer' })).toBeNull();
  });

  it('is the same whatever its status and its resourceVersion are', () => {
    const record = projectOwn(object);
    const same = (more: Readonly<Record<string, unknown>>): boolean => {
      const other = projectOwn({ ...object, ...more });
      return record !== null && other !== null && sameOwn(record, other);
    };
    expect(same({ status: { conditions: [1] }, metadata: { ...object.metadata, resourceVersion: '8' } })).toBe(true);
    expect(same({ spec: {} })).toBe(false);
    expect(same({ metadata: { ...object.metadata, labels: {} } })).toBe(false);
    expect(same({ metadata: { ...object.metadata, generation: 4 } })).toBe(false);
  });
});

describe('the kinds that are followed', () => {
  it('are where the API server has them', () => {
    const resources = [VIRTUAL_SERVICES, REAL_SERVERS, ENDPOINT_SLICES, NODES, SERVICE_CIDRS];
    expect(resources.map(({ kind, path, query }) => [kind, path, query])).toEqual([
      ['VirtualService', '/apis/lvs-director.io/v1alpha1/virtualservices', undefined],
      ['RealServer', '/apis/lvs-director.io/v1alpha1/realservers', undefined],
      ['EndpointSlice', '/apis/discovery.k8s.io/v1/endpointslices', undefined],
      ['Node', '/api/v1/nodes', undefined],
      ['ServiceCIDR', '/apis/networking.k8s.io/v1/servicecidrs', undefined],
    ]);
  });
});
