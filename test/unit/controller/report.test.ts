/** The kernel's services as `list` shows them. */
import { describe, expect, it } from 'vitest';
import { compile } from '../../../src/controller/compile.ts';
import { reportServices } from '../../../src/controller/report.ts';
import type { WitnessServices } from '../../../src/host/witness.ts';
import type { ObservedService } from '../../../src/ipvs/types.ts';
import { destination, service } from '../../support/desired.ts';
import { realServerObject, valid, virtualServiceObject } from '../../support/objects.ts';

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
const witness: WitnessServices = new Map([[KEY, { uid: 'u', name: 'default/web', masquerade: true, settled: true }]]);
const compiled = compile([valid(realServerObject('rs1', { port: 10_000 })), valid(virtualServiceObject({}))]);

describe('the report of services', () => {
  it('names the objects behind them', () => {
    expect(reportServices([observed(KEY, '192.168.112.153:10000', '10.0.0.9:1')], witness, compiled)).toEqual([
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
            destination: '10.0.0.9:1',
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
