/**
 * VirtualService: one or more virtual addresses and ports, how they are balanced and to which real servers. This schema
 * is the only source of its type, defaults and checks.
 */
import { z } from 'zod';
import { canonicalAddress } from '../net/address.ts';
import { dnsSubdomain, expected, port, show, unicastAddress } from './fields.ts';
import { API_VERSION } from './group.ts';
import { labels, metadata } from './metadata.ts';

/** Schedulers by the kernel's names (net/netfilter/ipvs/ip_vs_*.c). Which of them a kernel has, only it can say. */
export const SCHEDULERS = [
  'rr',
  'wrr',
  'lc',
  'wlc',
  'lblc',
  'lblcr',
  'dh',
  'sh',
  'sed',
  'nq',
  'fo',
  'ovf',
  'mh',
  'twos',
] as const;

export const PROTOCOLS = ['TCP', 'UDP'] as const;
export const MASQUERADE = ['Always', 'Never'] as const;

const choice = <const T extends readonly [string, ...string[]]>(values: T, what: string) =>
  z.enum(values, { error: (issue) => `${show(issue.input)} is no ${what}: use one of ${values.join(', ')}` });

const list = <T extends z.ZodType>(item: T, most: number, what: string) =>
  z
    .array(item, { error: (issue) => expected(`a list of ${what}`, issue.input) })
    .min(1, { error: `is empty: at least one of ${what} is needed` })
    .max(most, { error: `is longer than ${most}` });

const servicePort = z.strictObject({
  name: dnsSubdomain('a port name').max(63).optional(),
  protocol: choice(PROTOCOLS, 'protocol').default('TCP'),
  port: port.meta({ description: 'Port that clients ask for.' }),
  targetPort: port
    .meta({ description: "Port of the real servers. Without it the real server's own port, or else the same as port." })
    .optional(),
});

const backend = z.strictObject({
  realServers: z
    .strictObject({
      matchLabels: labels.refine((map) => Object.keys(map).length > 0, {
        error: 'is empty: a selector that matches every RealServer is refused, name at least one label',
      }),
    })
    .meta({ description: 'RealServer objects of this namespace that carry all these labels.' }),
});

export const virtualServiceSpec = z
  .strictObject({
    addresses: list(unicastAddress, 16, 'virtual addresses (VIPs)').meta({
      description: 'Virtual addresses, IPv4 and IPv6 together. An address that the node already has is used as it is.',
    }),
    ports: list(servicePort, 64, 'ports').meta({ description: 'Each port on each address is one IPVS service.' }),
    scheduler: choice(SCHEDULERS, 'scheduler')
      .default('wlc')
      .meta({ description: 'How the kernel picks a real server for a new connection.' }),
    masquerade: choice(MASQUERADE, 'masquerade mode').default('Always').meta({
      description:
        'Always: real servers see the address of the director. Never: they see the client, and must route back through the director.',
    }),
    backends: list(backend, 32, 'back ends'),
  })
  .check((context) => {
    const { addresses, ports } = context.value;
    const seen = new Set<string>();
    addresses.forEach((text, index) => {
      const address = canonicalAddress(text) ?? text;
      if (seen.has(address)) repeated(context, ['addresses', index], `${address} stands in the list twice`);
      seen.add(address);
    });
    const taken = new Set<string>();
    ports.forEach((entry, index) => {
      const key = `${entry.protocol} ${entry.port}`;
      if (taken.has(key)) repeated(context, ['ports', index, 'port'], `${key} stands in the list twice`);
      taken.add(key);
    });
  });

function repeated(context: { issues: object[]; value: unknown }, path: (string | number)[], message: string): void {
  context.issues.push({ code: 'custom', path, message, input: context.value });
}

export const virtualService = z.strictObject({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal('VirtualService'),
  metadata,
  spec: virtualServiceSpec,
  status: z.unknown().optional(),
});

export type VirtualServiceSpec = z.output<typeof virtualServiceSpec>;
export type VirtualService = z.output<typeof virtualService>;
