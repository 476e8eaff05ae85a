/**
 * VirtualService: one or more virtual addresses and ports, how they are balanced and to which real servers. This schema
 * is the only source of its type, defaults and checks.
 */
import { z } from 'zod';
import { canonicalAddress } from '../net/address.ts';
import { backend } from './backend.ts';
import { rules } from './cel.ts';
import { choice, list, object, refuse, unicastAddress } from './fields.ts';
import { API_VERSION } from './group.ts';
import { metadata } from './metadata.ts';
import { SCHEDULER_TEXT, SCHEDULERS } from './scheduler.ts';
import { labelSelector } from './selector.ts';
import { PROTOCOLS, servicePort } from './service-port.ts';

export { PROTOCOLS, SCHEDULERS };

export const MASQUERADE = ['Always', 'Never'] as const;
export const ANNOUNCE = ['L2', 'None'] as const;

const directors = object(
  {
    nodeSelector: labelSelector('nodeSelector')
      .default({})
      .meta({ description: 'Labels with their values. A Node must carry all of them. Empty: every director.' }),
  },
  'a nodeSelector',
)
  .default({ nodeSelector: {} })
  .meta({ description: 'Which of the Nodes with the label lvs-director.io/director=true serve this object.' });

const NO_NAMED_PORTS = 'is the name of a port of an EndpointSlice, and RealServers have none: write a number';

export const virtualServiceSpec = object(
  {
    addresses: list(unicastAddress, 16, 'virtual addresses (VIPs)').meta({
      description: [
        'Virtual addresses (VIPs), IPv4 and IPv6 together: the addresses that clients ask for.',
        'An address that a node already has is used as it is, and only that node can serve it.',
      ].join('\n'),
      'x-kubernetes-list-type': 'set',
      ...rules({
        rule: 'self.all(a, !isIP(a) || self.exists_one(b, isIP(b) && ip(b) == ip(a)))',
        message: 'an address stands in the list twice, perhaps in two spellings',
      }),
    }),
    ports: list(servicePort, 64, 'ports').meta({
      description: 'Each port on each address is one IPVS service. All of them have the same back ends.',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['port', 'protocol'],
    }),
    scheduler: choice(SCHEDULERS, 'scheduler').default('wlc').meta({ description: SCHEDULER_TEXT }),
    masquerade: choice(MASQUERADE, 'masquerade mode')
      .default('Always')
      .meta({
        description: [
          'Whose address the real servers see.',
          'Always: that of the director, to which they answer without further ado.',
          'Never: that of the client; they must route their answers back through the director.',
        ].join('\n'),
      }),
    backends: list(backend, 32, 'back ends').meta({
      description: 'Real servers that share the connections. What several of them name counts once.',
      'x-kubernetes-list-type': 'atomic',
    }),
    directors,
    announce: choice(ANNOUNCE, 'way to announce')
      .default('L2')
      .meta({
        description: [
          'Who answers for the addresses on the LAN; which directors have the table is another question.',
          'L2: the director, when it is the only one; several stay silent, and the addresses are reached by route.',
          'None: nobody. The addresses are reached by route.',
        ].join('\n'),
      }),
  },
  'a spec with addresses, ports and backends',
)
  .check((context) => {
    const { addresses, ports, backends } = context.value;
    const seen = new Set<string>();
    addresses.forEach((text, index) => {
      const address = canonicalAddress(text) ?? text;
      if (seen.has(address)) refuse(context, ['addresses', index], `${address} stands in the list twice`);
      seen.add(address);
    });
    const taken = new Set<string>();
    ports.forEach((entry, index) => {
      const key = `${entry.protocol} ${entry.port}`;
      if (taken.has(key)) refuse(context, ['ports', index, 'port'], `${key} stands in the list twice`);
      taken.add(key);
      if (typeof entry.targetPort !== 'string' || !backends.some((each) => each.realServers !== undefined)) return;
      refuse(context, ['ports', index, 'targetPort'], `'${entry.targetPort}' ${NO_NAMED_PORTS}`);
    });
  })
  .meta({
    description: 'What is served, how it is balanced, and to which real servers.',
    ...rules({
      rule: '!self.backends.exists(b, has(b.realServers)) || !self.ports.exists(p, has(p.targetPort) && type(p.targetPort) == string)',
      message: `a targetPort ${NO_NAMED_PORTS}`,
      fieldPath: '.ports',
    }),
  });

export const virtualService = z.strictObject({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal('VirtualService'),
  metadata,
  spec: virtualServiceSpec,
  status: z.unknown().optional(),
});

export type VirtualServiceSpec = z.output<typeof virtualServiceSpec>;
export type VirtualService = z.output<typeof virtualService>;
