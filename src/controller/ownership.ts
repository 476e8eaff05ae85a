/**
 * Which IPVS services are ours. Pure. What decides is written down beside the kernel's table, because IPVS itself has no
 * place for a mark: the ledger in our nftables table and the witness in /run.
 */
import type { Elements } from '../host/netfilter/table.ts';
import { parseEndpointElement } from '../host/netfilter/table.ts';
import type { WitnessEntry, WitnessServices } from '../host/witness.ts';
import { type AddressServiceKey, serviceKeyText } from '../ipvs/types.ts';

export interface OwnedService {
  readonly key: AddressServiceKey;
  readonly uid: string;
}

/** By service key text. */
export type Owned = ReadonlyMap<string, OwnedService>;

/**
 * Our services by the two witnesses.
 *
 * - No table (the ledger is lost): what the witness names, whether settled or not; without a witness nothing is ours.
 * - With a table: what its ledger names, and what the witness names as settled. The second is for a ledger that somebody
 *   emptied in part; an unsettled entry may stand for a service that we were about to make when somebody else made it.
 */
export function resolveOwnership(ledger: Elements | null, witness: WitnessServices | null): Owned {
  const owned = new Map<string, OwnedService>();
  for (const [text, entry] of witness ?? []) {
    const key = parseServiceKeyText(text);
    if (key !== null && (ledger === null || entry.settled)) owned.set(text, { key, uid: entry.uid });
  }
  for (const set of ['ledger4', 'ledger6'] as const) {
    for (const [element, uid] of ledger?.[set] ?? []) {
      const key = parseEndpointElement(set, element);
      if (key !== null) owned.set(serviceKeyText(key), { key, uid });
    }
  }
  return owned;
}

/** Entries of our services for who only looks: where the witness has none, the object goes by the uid in the ledger. */
export function ownedEntries(ledger: Elements | null, witness: WitnessServices | null): WitnessServices {
  const entryOf = (text: string, uid: string): WitnessEntry =>
    witness?.get(text) ?? { uid, name: `object ${uid}`, masquerade: true, settled: true, silent: false };
  return new Map([...resolveOwnership(ledger, witness)].map(([text, { uid }]) => [text, entryOf(text, uid)]));
}

/** The inverse of `serviceKeyText` for services by address; null for any other text. */
export function parseServiceKeyText(text: string): AddressServiceKey | null {
  const match = /^(TCP|UDP|SCTP)\/(?:\[([0-9a-f:.]+)\]|([0-9.]+)):(\d{1,5})$/.exec(text);
  if (match === null) return null;
  const [, protocol, v6, v4, port] = match;
  const address = v6 ?? v4;
  if (address === undefined || (protocol !== 'TCP' && protocol !== 'UDP' && protocol !== 'SCTP')) return null;
  return { family: v6 === undefined ? 'ipv4' : 'ipv6', protocol, address, port: Number(port) };
}
