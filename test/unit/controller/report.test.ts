/** The kernel's services as `list` shows them. */
import { describe, expect, it } from 'vitest';
import { compile } from '../../../src/controller/compile.ts';
import { reportServices } from '../../../src/controller/report.ts';
import type { WitnessServices } from '../../../src/host/witness.ts';
import type { ObservedService } from '../../../src/ipvs/types.ts';
import { destination, service } from '../../support/desired.ts';
import { folderWorld, realServerObject, valid, virtualServiceObject } from '../../support/objects.ts';

const KEY = 'TCP/192.168.112.152:81';
const observed = (key: string, ...destinations: string[]): ObservedService => ({
  ...service(key, 'wrr'),
  statistics: null,
  destinations: destinations.map((text, index) => ({
    ...destination(text, index + 1),
    activeConnections: 10 + index,
    inactiveConnections: 20 + index,
    persistentConnections: 0,
    statistics: null,
  })),
});
const witness: WitnessServices = new Map([
  [KEY, { uid: 'u', name: 'default/web', masquerade: true, settled: true, silent: false }],
]);
const compiled = compile(
  folderWorld([valid(realServerObject('rs1', { port: 10_000 })), valid(virtualServiceObject({}))]),
);

describe('the report of services', () => {
  it('names the objects behind them', () => {
    expect(reportServices([observed(KEY, '192.168.112.153:10000', '192.168.112.200:1')], witness, compiled)).toEqual([
      {
        service: KEY,
        scheduler: 'wrr',
        object: 'default/web',
        destinations: [
          {
            destination: '192.168.112.153:10000',
            forwarding: 'NAT',
            weight: 1,
            activeConnections: 10,
            inactiveConnections: 20,
            realServer: 'rs1',
          },
          {
            destination: '192.168.112.200:1',
            forwarding: 'NAT',
            weight: 2,
            activeConnections: 11,
            inactiveConnections: 21,
            realServer: null,
          },
        ],
      },
    ]);
  });

  it('names nothing when nobody knows the objects', () => {
    expect(reportServices([observed(KEY, '192.168.112.153:10000')], null, null)).toMatchObject([
      { service: KEY, object: null, destinations: [{ realServer: null }] },
    ]);
  });

  it('has the order of numbers, as ipvsadm has it', () => {
    const marks = [7, 5].map((firewallMark): ObservedService => ({
      ...observed(KEY),
      key: { family: 'ipv4', firewallMark },
    }));
    const all = [
      ...marks,
      observed('TCP/[2001:db8::1]:80'),
      observed('SCTP/10.0.0.1:1'),
      observed('TCP/10.0.0.10:80'),
      observed('TCP/10.0.0.9:443'),
      observed('TCP/10.0.0.9:80', '10.0.0.9:9', '10.0.0.10:1', '10.0.0.9:80'),
    ];
    const sorted = reportServices(all, null, null);
    expect(sorted.map((entry) => entry.service)).toEqual([
      'TCP/10.0.0.9:80',
      'TCP/10.0.0.9:443',
      'TCP/10.0.0.10:80',
      'TCP/[2001:db8::1]:80',
      'SCTP/10.0.0.1:1',
      'mark/ipv4/5',
      'mark/ipv4/7',
    ]);
    expect(sorted[0]?.destinations.map((entry) => entry.destination)).toEqual([
      '10.0.0.9:9',
      '10.0.0.9:80',
      '10.0.0.10:1',
    ]);
  });

  it('shows services of others among ours, in order of their keys', () => {
    const mark: ObservedService = { ...observed(KEY), key: { family: 'ipv4', firewallMark: 7 } };
    const all = [observed('UDP/10.0.0.1:53'), mark, observed(KEY), observed('TCP/10.0.0.1:80')];
    expect(reportServices(all, witness, compiled).map((entry) => `${entry.service} ${entry.object}`)).toEqual([
      'TCP/10.0.0.1:80 null',
      `${KEY} default/web`,
      'UDP/10.0.0.1:53 null',
      'mark/ipv4/7 null',
    ]);
  });
});
