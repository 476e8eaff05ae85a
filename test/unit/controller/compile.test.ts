/** Objects to desired state. */
import { describe, expect, it } from 'vitest';
import { compile } from '../../../src/controller/compile.ts';
import { destinationKeyText } from '../../../src/ipvs/types.ts';
import { folderWorld, realServerObject, valid, virtualServiceObject } from '../../support/objects.ts';

const objects = (...data: object[]) => compile(folderWorld(data.map(valid)));
/** `KEY SCHEDULER masq|plain: DESTINATION*WEIGHT …` for each service, which is all that tests look at mostly. */
const table = (compiled: ReturnType<typeof compile>): string[] =>
  [...compiled.services].map(([key, { service, destinations, masquerade }]) => {
    const list = destinations.map((entry) => `${destinationKeyText(entry.key)}*${entry.config.weight}`).join(' ');
    return `${key} ${service.config.scheduler} ${masquerade ? 'masq' : 'plain'}: ${list}`;
  });
const remarks = (compiled: ReturnType<typeof compile>): string[] =>
  compiled.objects.flatMap((object) =>
    object.remarks.map(({ reason, message }) => `${object.owner.name} ${reason}: ${message}`),
  );

const rs1 = realServerObject('rs1', { port: 10_000 });
const rs2 = realServerObject('rs2', { address: '192.168.112.154', port: 10_000, weight: 3 });

describe('compile', () => {
  it('makes the classic exercise', () => {
    const compiled = objects(rs1, rs2, virtualServiceObject({ scheduler: 'wrr' }));
    expect(table(compiled)).toEqual([
      'TCP/192.168.112.152:81 wrr masq: 192.168.112.153:10000*1 192.168.112.154:10000*3',
    ]);
    expect(remarks(compiled)).toEqual([]);
    expect(compiled.objects).toMatchObject([{ owner: { name: 'default/web' }, keys: ['TCP/192.168.112.152:81'] }]);
    expect(compiled.realServerNames.get('TCP/192.168.112.152:81 > 192.168.112.154:10000')).toBe('rs2');
    expect(compiled.services.get('TCP/192.168.112.152:81')).toEqual({
      owner: compiled.objects[0]?.owner,
      masquerade: true,
      refused: false,
      refusedDestinations: new Set(),
      service: {
        key: { family: 'ipv4', protocol: 'TCP', address: '192.168.112.152', port: 81 },
        config: {
          scheduler: 'wrr',
          flags: 0,
          persistenceSeconds: 0,
          persistencePrefixLength: 32,
          persistenceEngine: null,
        },
      },
      destinations: ['192.168.112.153', '192.168.112.154'].map((address, index) => ({
        key: { family: 'ipv4', address, port: 10_000 },
        config: { forwarding: 'NAT', weight: index === 0 ? 1 : 3, upperThreshold: 0, lowerThreshold: 0, tunnel: null },
      })),
    });
  });

  it('takes the port from targetPort, else from the real server, else from the service', () => {
    const ports = [{ port: 80, targetPort: 8080 }, { port: 81 }];
    expect(
      table(objects(rs1, realServerObject('rs3', { address: '10.0.0.3' }), virtualServiceObject({ ports }))),
    ).toEqual([
      'TCP/192.168.112.152:80 wlc masq: 192.168.112.153:8080*1 10.0.0.3:8080*1',
      'TCP/192.168.112.152:81 wlc masq: 192.168.112.153:10000*1 10.0.0.3:81*1',
    ]);
  });

  it('makes each port on each address, and matches families', () => {
    const spec = {
      addresses: ['10.0.0.1', '2001:DB8:0::1'],
      ports: [{ port: 53, protocol: 'UDP' }, { port: 53 }],
      masquerade: 'Never',
    };
    const six = realServerObject('six', { address: '2001:db8::53' });
    const compiled = objects(rs1, six, virtualServiceObject(spec));
    expect(table(compiled)).toEqual([
      'UDP/10.0.0.1:53 wlc plain: 192.168.112.153:10000*1',
      'TCP/10.0.0.1:53 wlc plain: 192.168.112.153:10000*1',
      'UDP/[2001:db8::1]:53 wlc plain: [2001:db8::53]:53*1',
      'TCP/[2001:db8::1]:53 wlc plain: [2001:db8::53]:53*1',
    ]);
    expect(compiled.services.get('TCP/[2001:db8::1]:53')?.service.config.persistencePrefixLength).toBe(128);
    expect(remarks(compiled)).toEqual([]);
  });

  it('says when no real server has the family of an address, and serves without', () => {
    const compiled = objects(rs1, virtualServiceObject({ addresses: ['10.0.0.1', '2001:db8::1'] }));
    expect(table(compiled)).toEqual([
      'TCP/10.0.0.1:81 wlc masq: 192.168.112.153:10000*1',
      'TCP/[2001:db8::1]:81 wlc masq: ',
    ]);
    expect(remarks(compiled)).toEqual([
      'default/web NoRealServers: none of the selected RealServers has an IPv6 address, as 2001:db8::1 needs',
    ]);
  });

  it('says so of IPv4 too, and finds spellings of one address to be the same', () => {
    const servers = ['2001:DB8::53', '2001:db8:0::53'].map((address, index) =>
      realServerObject(`six${index}`, { address, port: 1 }),
    );
    const compiled = objects(...servers, virtualServiceObject({ addresses: ['2001:db8::1', '10.0.0.1'] }));
    expect(table(compiled)).toEqual([
      'TCP/[2001:db8::1]:81 wlc masq: [2001:db8::53]:1*1',
      'TCP/10.0.0.1:81 wlc masq: ',
    ]);
    expect(remarks(compiled)).toEqual([
      'default/web DuplicateRealServer: RealServer six1 leads to [2001:db8::53]:1 as six0 does, and only six0 counts',
      'default/web NoRealServers: none of the selected RealServers has an IPv4 address, as 10.0.0.1 needs',
    ]);
  });

  it('needs every label, looks in its namespace only, and takes each real server once', () => {
    const backends = [
      { realServers: { matchLabels: { app: 'web', tier: 'a' } } },
      { realServers: { matchLabels: { tier: 'a' } } },
    ];
    const compiled = objects(
      realServerObject('a', { address: '10.0.0.1' }, { labels: { app: 'web', tier: 'a', x: 'y' } }),
      realServerObject('b', { address: '10.0.0.2' }, { labels: { app: 'web' } }),
      realServerObject('c', { address: '10.0.0.3' }, { labels: { app: 'web', tier: 'a' }, namespace: 'other' }),
      virtualServiceObject({ backends }),
    );
    expect(table(compiled)).toEqual(['TCP/192.168.112.152:81 wlc masq: 10.0.0.1:81*1']);
    expect(remarks(compiled)).toEqual([]);
  });

  it('says which selector matches nothing, once for all ports', () => {
    const backends = [
      { realServers: { matchLabels: { app: 'web' } } },
      { realServers: { matchLabels: { app: 'x', b: 'c' } } },
    ];
    const compiled = objects(rs1, virtualServiceObject({ backends, ports: [{ port: 1 }, { port: 2 }] }));
    expect(remarks(compiled)).toEqual(['default/web NoRealServers: no RealServer of this namespace carries app=x,b=c']);
    expect(remarks(objects(virtualServiceObject({})))).toEqual([
      'default/web NoRealServers: no RealServer of this namespace carries app=web',
    ]);
  });

  it('lets two RealServers of one address and port count once', () => {
    const compiled = objects(rs1, realServerObject('rs9', { port: 10_000, weight: 5 }), virtualServiceObject({}));
    expect(table(compiled)).toEqual(['TCP/192.168.112.152:81 wlc masq: 192.168.112.153:10000*1']);
    expect(remarks(compiled)).toEqual([
      'default/web DuplicateRealServer: RealServer rs9 leads to 192.168.112.153:10000 as rs1 does, and only rs1 counts',
    ]);
  });

  it('gives what two VirtualServices want to the first by namespace and name', () => {
    const ports = [{ port: 81 }, { port: 82 }];
    const compiled = objects(
      rs1,
      virtualServiceObject({}, { name: 'a' }),
      virtualServiceObject({ ports, scheduler: 'rr' }, { name: 'b' }),
    );
    expect(table(compiled)).toEqual([
      'TCP/192.168.112.152:81 wlc masq: 192.168.112.153:10000*1',
      'TCP/192.168.112.152:82 rr masq: 192.168.112.153:10000*1',
    ]);
    expect(remarks(compiled)).toEqual([
      'default/b Conflict: TCP/192.168.112.152:81 belongs to VirtualService default/a',
    ]);
    expect(compiled.objects.map((object) => object.keys)).toEqual([
      ['TCP/192.168.112.152:81'],
      ['TCP/192.168.112.152:82'],
    ]);
  });
});
