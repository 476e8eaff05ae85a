/**
 * Random histories of a node, for the kernel in memory and for the real one: what objects ask for, what other people do
 * with ipvsadm, nft and ip, and processes that are killed or disturbed between two writes.
 */
import fc from 'fast-check';
import { parseServiceKeyText } from '../../src/controller/ownership.ts';
import type { AddressServiceKey } from '../../src/ipvs/types.ts';

/** An address that the node has by itself. */
export const NODE_ADDRESS = '192.168.112.1';
/** Two services of one address, one of IPv6, one on an address of the node itself, and one more. */
const KEYS = [
  'TCP/10.0.0.1:80',
  'UDP/10.0.0.1:80',
  'TCP/[2001:db8::1]:80',
  `TCP/${NODE_ADDRESS}:80`,
  'TCP/10.0.0.2:443',
] as const;
const NAMES = ['default/a', 'default/b'] as const;

/** What people and programs other than us do. */
export type Interference =
  | { readonly does: 'add by hand'; readonly key: string; readonly weight: number }
  | { readonly does: 'remove by hand' | 'forget an element'; readonly key: string }
  | {
      readonly does:
        | 'clear ipvs'
        | 'delete table'
        | 'change table'
        | 'delete device'
        | 'device down'
        | 'lose witness'
        | 'lose both';
    };

export type Operation =
  | Interference
  | {
      readonly does: 'want';
      readonly key: string;
      readonly weights: readonly (number | null)[];
      readonly scheduler: string;
      readonly masquerade: boolean;
      readonly name: string;
    }
  | { readonly does: 'want no more'; readonly key: string }
  | { readonly does: 'reconcile' }
  | { readonly does: 'reconcile, killed'; readonly before: number }
  | { readonly does: 'reconcile, disturbed'; readonly before: number; readonly by: Interference };

const key = fc.constantFrom(...KEYS);
const interference: fc.Arbitrary<Interference> = fc.oneof(
  fc.record({ does: fc.constant('add by hand' as const), key, weight: fc.nat(3) }),
  fc.record({ does: fc.constantFrom('remove by hand' as const, 'forget an element' as const), key }),
  fc.record({
    does: fc.constantFrom(
      'clear ipvs' as const,
      'delete table' as const,
      'change table' as const,
      'delete device' as const,
      'device down' as const,
      'lose witness' as const,
      'lose both' as const,
    ),
  }),
);
export const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      does: fc.constant('want' as const),
      key,
      weights: fc.array(fc.option(fc.nat(3)), { minLength: 3, maxLength: 3 }),
      scheduler: fc.constantFrom('wlc', 'rr'),
      masquerade: fc.boolean(),
      name: fc.constantFrom(...NAMES),
    }),
  },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('want no more' as const), key }) },
  { weight: 4, arbitrary: interference },
  { weight: 4, arbitrary: fc.constant({ does: 'reconcile' as const }) },
  {
    weight: 3,
    arbitrary: fc.record({ does: fc.constant('reconcile, killed' as const), before: fc.integer({ min: 1, max: 14 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      does: fc.constant('reconcile, disturbed' as const),
      before: fc.integer({ min: 1, max: 14 }),
      // A process that lives writes the witness again, so that both are never lost under it.
      by: interference.filter((what) => what.does !== 'lose both'),
    }),
  },
);

export const keyOf = (text: string): AddressServiceKey => {
  const parsed = parseServiceKeyText(text);
  if (parsed === null) throw new Error(text);
  return parsed;
};

/** Destinations of a wanted service, as `ADDRESS:PORT` to weight. */
export function wantedWeights({ key: text, weights }: Extract<Operation, { does: 'want' }>): Record<string, number> {
  const host = (index: number): string =>
    keyOf(text).family === 'ipv4' ? `10.1.0.${index}:80` : `[2001:db8::1:${index}]:80`;
  return Object.fromEntries(
    weights.flatMap((weight, index) => (weight === null ? [] : [[host(index + 1), weight] as const])),
  );
}

/** The one destination of a service made by hand. */
export const handDestination = (text: string): string =>
  keyOf(text).family === 'ipv4' ? '10.1.0.1:80' : '[2001:db8::9]:80';
