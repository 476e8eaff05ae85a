/**
 * The elements of our nftables table as data, and the difference between two states of it. Pure.
 */
import type { Protocol } from '../../ipvs/types.ts';
import type { AddressServiceKey } from '../../ipvs/types.ts';
import { removalText, type SetName, SET_NAMES, tableOf, tableText } from './ruleset.ts';

/** For each set its elements with their comments; a missing comment is an empty text. */
export type Elements = Readonly<Record<SetName, ReadonlyMap<string, string>>>;
export type MutableElements = Record<SetName, Map<string, string>>;

export interface ObservedTable {
  /** Sets, chains and rules are those that we would write. */
  readonly shapeCurrent: boolean;
  readonly elements: Elements;
}

export type NetfilterChange =
  /** The table, new and without elements; what was there is gone in the same transaction. */
  | { readonly verb: 'create-table' }
  | { readonly verb: 'add-element'; readonly set: SetName; readonly element: string; readonly comment: string }
  | { readonly verb: 'delete-element'; readonly set: SetName; readonly element: string }
  | { readonly verb: 'delete-table' };

export const emptyElements = (): MutableElements => ({
  vip4: new Map(),
  vip6: new Map(),
  svc4: new Map(),
  svc6: new Map(),
  masq4: new Map(),
  masq6: new Map(),
  ledger4: new Map(),
  ledger6: new Map(),
  silent4: new Map(),
});

/** `192.168.112.152 . tcp . 81`, as nft writes a concatenation. */
export const endpointElement = (key: AddressServiceKey): string =>
  `${key.address} . ${key.protocol.toLowerCase()} . ${key.port}`;

const PROTOCOL_NAMES: Readonly<Record<string, Protocol>> = { tcp: 'TCP', udp: 'UDP', sctp: 'SCTP' };

/** The service key that `endpointElement` wrote; null for what it never writes. */
export function parseEndpointElement(set: 'ledger4' | 'ledger6', element: string): AddressServiceKey | null {
  const [address, name, port] = element.split(' . ');
  const protocol = name === undefined ? undefined : PROTOCOL_NAMES[name];
  if (address === undefined || protocol === undefined || port === undefined || !/^\d{1,5}$/.test(port)) return null;
  return { family: set === 'ledger4' ? 'ipv4' : 'ipv6', protocol, address, port: Number(port) };
}

/** The changes that lead from one state to another, deletions first; a changed comment is delete and add. */
export function elementChanges(from: Elements, to: Elements): NetfilterChange[] {
  const deletions: NetfilterChange[] = [];
  const additions: NetfilterChange[] = [];
  for (const set of SET_NAMES) {
    for (const [element, comment] of from[set]) {
      if (to[set].get(element) !== comment) deletions.push({ verb: 'delete-element', set, element });
    }
    for (const [element, comment] of to[set]) {
      if (from[set].get(element) !== comment) additions.push({ verb: 'add-element', set, element, comment });
    }
  }
  return [...deletions, ...additions];
}

/** One change in nft's own words. */
export function netfilterWords(change: NetfilterChange): string {
  switch (change.verb) {
    case 'create-table':
      return tableText();
    case 'delete-table':
      return removalText();
    case 'add-element': {
      const comment = change.comment === '' ? '' : ` comment "${change.comment}"`;
      return `add element ${tableOf(change.set)} ${change.set} { ${change.element}${comment} }`;
    }
    case 'delete-element':
      return `delete element ${tableOf(change.set)} ${change.set} { ${change.element} }`;
  }
}

/** All changes as input of one `nft -f -`, which the kernel takes whole or not at all. */
export const transactionText = (changes: readonly NetfilterChange[]): string =>
  `${changes.map(netfilterWords).join('\n')}\n`;
