/** The changes of one service, and how they are said to a person. */
import { describe, expect, it } from 'vitest';
import type { IpvsChange } from '../../../src/ipvs/client.ts';
import { planService } from '../../../src/ipvs/plan.ts';
import type { DestinationConfig, ObservedService, ServiceConfig, ServiceKey } from '../../../src/ipvs/types.ts';
import { ipvsWords } from '../../../src/ipvs/words.ts';
import { destination, service } from '../../support/desired.ts';

const WEB = 'TCP/10.0.0.1:80';
const wantedService = (config: Partial<ServiceConfig> = {}) => ({
  ...service(WEB),
  config: { ...service(WEB).config, ...config },
});
const wantedDestination = (config: Partial<DestinationConfig> = {}) => ({
  ...destination('10.1.0.1:80'),
  config: { ...destination('10.1.0.1:80').config, ...config },
});
const NO_CONNECTIONS = { activeConnections: 0, inactiveConnections: 0, persistentConnections: 0, statistics: null };
const observed = (config: Partial<ServiceConfig> = {}, entry: Partial<DestinationConfig> = {}): ObservedService => ({
  ...wantedService(config),
  statistics: null,
  destinations: [{ ...wantedDestination(entry), ...NO_CONNECTIONS }],
});
const verbs = (changes: readonly IpvsChange[]): string[] => changes.map((change) => change.verb);

describe('a service that is there', () => {
  it.each<Partial<ServiceConfig>>([
    { scheduler: 'rr' },
    { flags: 4 },
    { persistenceSeconds: 300 },
    { persistencePrefixLength: 24 },
    { persistenceEngine: 'sip' },
  ])('is set when it differs in %j, in either direction', (config) => {
    const wanted = { service: wantedService(config), destinations: [wantedDestination()] };
    expect(planService(wanted, observed())).toEqual([{ verb: 'set-service', service: wanted.service }]);
    const plain = { service: wantedService(), destinations: [wantedDestination()] };
    expect(verbs(planService(plain, observed(config)))).toEqual(['set-service']);
    expect(planService(wanted, observed(config))).toEqual([]);
  });

  const gue = { type: 'gue', port: 5555, checksum: 'none' } as const;
  it.each<[Partial<DestinationConfig>, Partial<DestinationConfig>]>([
    [{ weight: 3 }, {}],
    [{ forwarding: 'DirectRouting' }, {}],
    [{ upperThreshold: 9 }, {}],
    [{ lowerThreshold: 9 }, {}],
    [{ tunnel: gue }, {}],
    [{ tunnel: gue }, { tunnel: { ...gue, port: 5556 } }],
    [{ tunnel: gue }, { tunnel: { ...gue, checksum: 'remote' } }],
    [{ tunnel: gue }, { tunnel: { ...gue, type: 'gre' } }],
  ])('has its destination set when that is to be %j and is %j', (config, now) => {
    const wanted = { service: wantedService(), destinations: [wantedDestination(config)] };
    expect(planService(wanted, observed({}, now))).toEqual([
      { verb: 'set-destination', service: service(WEB).key, destination: wantedDestination(config) },
    ]);
    expect(planService(wanted, observed({}, config))).toEqual([]);
  });

  it('gets new destinations before old ones go', () => {
    const wanted = { service: wantedService(), destinations: [destination('10.1.0.2:80')] };
    expect(verbs(planService(wanted, observed()))).toEqual(['new-destination', 'delete-destination']);
  });
});

describe('the words of ipvsadm', () => {
  const make = (config: Partial<ServiceConfig>, key: ServiceKey = service(WEB).key): string =>
    ipvsWords({ verb: 'new-service', service: { key, config: wantedService(config).config } });
  const six = service('TCP/[2001:db8::1]:80').key;

  it.each([
    ['persistence', () => make({ persistenceSeconds: 300 }), '-t 10.0.0.1:80 -s wlc -p 300'],
    ['a mask without persistence', () => make({ persistencePrefixLength: 24 }), '-t 10.0.0.1:80 -s wlc'],
    [
      'a mask',
      () => make({ persistenceSeconds: 1, persistencePrefixLength: 24 }),
      '-t 10.0.0.1:80 -s wlc -p 1 -M 255.255.255.0',
    ],
    [
      'an odd mask',
      () => make({ persistenceSeconds: 1, persistencePrefixLength: 11 }),
      '-t 10.0.0.1:80 -s wlc -p 1 -M 255.224.0.0',
    ],
    [
      'no mask at all',
      () => make({ persistenceSeconds: 1, persistencePrefixLength: 0 }),
      '-t 10.0.0.1:80 -s wlc -p 1 -M 0.0.0.0',
    ],
    [
      'a whole IPv6 address',
      () => make({ persistenceSeconds: 1, persistencePrefixLength: 128 }, six),
      '-t [2001:db8::1]:80 -s wlc -p 1',
    ],
    [
      'an IPv6 prefix',
      () => make({ persistenceSeconds: 1, persistencePrefixLength: 32 }, six),
      '-t [2001:db8::1]:80 -s wlc -p 1 -M 32',
    ],
    ['a persistence engine', () => make({ persistenceEngine: 'sip' }), '-t 10.0.0.1:80 -s wlc --pe sip'],
    ['one packet', () => make({ flags: 4 }), '-t 10.0.0.1:80 -s wlc -o'],
    ['flags of the scheduler', () => make({ flags: 0x28 }), '-t 10.0.0.1:80 -s wlc -b flag-1,flag-3'],
    ['a flag of the scheduler', () => make({ flags: 0x10 }), '-t 10.0.0.1:80 -s wlc -b flag-2'],
    ['a firewall mark', () => make({}, { family: 'ipv4', firewallMark: 7 }), '-f 7 -s wlc'],
    ['a firewall mark of IPv6', () => make({}, { family: 'ipv6', firewallMark: 7 }), '-f 7 -6 -s wlc'],
  ])('say %s', (_what, words, expected) => {
    expect(words()).toBe(`ipvsadm -A ${expected}`);
  });

  const add = (config: Partial<DestinationConfig>): string =>
    ipvsWords({ verb: 'new-destination', service: service(WEB).key, destination: wantedDestination(config) });
  it.each([
    ['direct routing', () => add({ forwarding: 'DirectRouting' }), '-g -w 1'],
    ['what only the kernel chooses', () => add({ forwarding: 'LocalNode' }), '-l -w 1'],
    ['a bypass', () => add({ forwarding: 'Bypass' }), '-b -w 1'],
    ['thresholds', () => add({ upperThreshold: 20, lowerThreshold: 10 }), '-m -w 1 -x 20 -y 10'],
    ['a plain tunnel', () => add({ forwarding: 'Tunnel' }), '-i -w 1'],
    [
      'an ipip tunnel',
      () => add({ forwarding: 'Tunnel', tunnel: { type: 'ipip', port: 0, checksum: 'none' } }),
      '-i -w 1',
    ],
    [
      'a gue tunnel',
      () => add({ forwarding: 'Tunnel', tunnel: { type: 'gue', port: 5555, checksum: 'none' } }),
      '-i --tun-type gue --tun-port 5555 --tun-nocsum -w 1',
    ],
    [
      'a gre tunnel',
      () => add({ forwarding: 'Tunnel', tunnel: { type: 'gre', port: 0, checksum: 'checksum' } }),
      '-i --tun-type gre --tun-csum -w 1',
    ],
    [
      'a remote checksum',
      () => add({ forwarding: 'Tunnel', tunnel: { type: 'gue', port: 1, checksum: 'remote' } }),
      '-i --tun-type gue --tun-port 1 --tun-remcsum -w 1',
    ],
  ])('say %s', (_what, words, expected) => {
    expect(words()).toBe(`ipvsadm -a -t 10.0.0.1:80 -r 10.1.0.1:80 ${expected}`);
  });
});
