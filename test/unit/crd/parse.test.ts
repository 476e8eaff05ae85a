/** Objects against their schemas: what is accepted, with which defaults, and what a refusal says. */
import { describe, expect, it } from 'vitest';
import { parseObject } from '../../../src/crd/parse.ts';
import { problemText } from '../../../src/crd/problem.ts';
import { SCHEDULERS } from '../../../src/crd/virtualservice.ts';
import { realServerObject, virtualServiceObject } from '../../support/objects.ts';

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
        spec: { scheduler: 'wlc', masquerade: 'Always', ports: [{ protocol: 'TCP', port: 81 }] },
      },
    });
  });

  it.each(SCHEDULERS)('accepts the scheduler %s', (scheduler) => {
    expect(parseObject(virtualServiceObject({ scheduler })).status).toBe('valid');
  });

  const port = (value: unknown) => ({ ports: [{ port: value }] });
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
  ])('refuses %j', (spec, text) => {
    const found = refusals(realServerObject('a', spec));
    expect(found).toHaveLength(1);
    expect(found[0]).toContain('RealServer default/a: ');
    expect(found[0]).toContain(text);
  });
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
