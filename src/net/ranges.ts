/**
 * Sets of addresses as an administrator writes them: CIDR blocks and single addresses. Knows neither the kernel nor
 * Kubernetes.
 */
import { BlockList } from 'node:net';
import { addressBytes, addressFamily, addressText, canonicalAddress } from './address.ts';

export interface AddressRanges {
  /** Whether a canonical address lies in one of the ranges. */
  has(address: string): boolean;
  /** The ranges in canonical form, in the order in which they were given. */
  readonly ranges: readonly string[];
}

export type ParsedRanges =
  | { readonly ok: true; readonly value: AddressRanges }
  | { readonly ok: false; readonly message: string };

/**
 * Parse `10.0.0.0/8`, `2001:db8::/32` and single addresses. A block whose address has bits behind its prefix is refused:
 * `192.168.112.5/24` may mean one address or all 256.
 */
export function parseRanges(texts: readonly string[]): ParsedRanges {
  const list = new BlockList();
  const ranges: string[] = [];
  for (const text of texts) {
    const range = parseRange(text);
    if (typeof range === 'string') return { ok: false, message: range };
    list.addSubnet(range.address, range.prefix, addressFamily(range.address));
    ranges.push(`${range.address}/${range.prefix}`);
  }
  return { ok: true, value: { ranges, has: (address) => list.check(address, addressFamily(address)) } };
}

/** Ranges of which each is known to be right; those that are not are left out. For what an API server has checked. */
export function trustedRanges(texts: readonly string[]): AddressRanges {
  const parsed = parseRanges(texts.filter((text) => typeof parseRange(text) !== 'string'));
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.value;
}

function parseRange(text: string): { address: string; prefix: number } | string {
  const [host = '', length, ...rest] = text.split('/');
  const address = canonicalAddress(host);
  if (address === null || rest.length > 0) return `'${text}' is neither an address nor a block like 10.0.0.0/8`;
  const bits = addressFamily(address) === 'ipv4' ? 32 : 128;
  if (length === undefined) return { address, prefix: bits };
  const prefix = Number(length);
  if (!/^\d{1,3}$/.test(length) || prefix > bits) return `'${text}': the prefix length must be 0 to ${bits}`;
  const base = addressText(masked(addressBytes(address), prefix));
  return base === address
    ? { address, prefix }
    : `'${text}' has bits behind its prefix: write ${base}/${prefix}, or ${address} alone`;
}

const masked = (bytes: Uint8Array, prefix: number): Uint8Array =>
  bytes.map((byte, index) => byte & (0xff00 >> Math.min(8, Math.max(0, prefix - 8 * index))) & 0xff);
