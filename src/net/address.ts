/**
 * Addresses as text and as bytes. Pure arithmetic that everybody may use; knows neither the kernel nor Kubernetes.
 */
import { isIPv4, isIPv6 } from 'node:net';

/**
 * One text for one address: IPv4 as four decimal numbers, IPv6 by RFC 5952. Null for what is no address of one host:
 * other text, zone ids (`fe80::1%eth0`), and IPv4-mapped IPv6, which would be a second name of an IPv4 address.
 */
export function canonicalAddress(text: string): string | null {
  if (isIPv4(text)) return text;
  if (!isIPv6(text) || text.includes('%')) return null;
  const bytes = ipv6Bytes(text);
  return isMapped(bytes) ? null : addressText(bytes);
}

/** The family of a canonical address. */
export const addressFamily = (address: string): 'ipv4' | 'ipv6' => (address.includes(':') ? 'ipv6' : 'ipv4');

/** The 4 or 16 bytes of a canonical address, in network order. */
export const addressBytes = (address: string): Uint8Array =>
  addressFamily(address) === 'ipv4' ? ipv4Bytes(address) : ipv6Bytes(address);

/** The canonical text of 4 or 16 bytes in network order. */
export function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, index) => ((bytes[2 * index] ?? 0) << 8) | (bytes[2 * index + 1] ?? 0));
  const [start, length] = longestZeros(groups);
  const hex = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(':');
  // RFC 5952, 4.2.2: a single zero group is not shortened.
  if (length < 2) return hex(groups);
  return `${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}`;
}

const ipv4Bytes = (address: string): Uint8Array => Uint8Array.from(address.split('.'), Number);

function ipv6Bytes(text: string): Uint8Array {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const plain = dotted === null ? text : `${dotted[1] ?? ''}${pairs(ipv4Bytes(dotted[2] ?? ''))}`;
  const [head = '', tail] = plain.split('::');
  const front = groupsOf(head);
  const back = tail === undefined ? [] : groupsOf(tail);
  const zeros = Array.from({ length: 8 - front.length - back.length }, () => 0);
  return Uint8Array.from([...front, ...zeros, ...back].flatMap((group) => [group >> 8, group & 0xff]));
}

const groupsOf = (text: string): number[] =>
  text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
const pairs = (bytes: Uint8Array): string =>
  `${(((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0)).toString(16)}:${(((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0)).toString(16)}`;

const isMapped = (bytes: Uint8Array): boolean =>
  bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;

/** Start and length of the longest run of zeros, the first of several equally long ones (RFC 5952, 4.2.3). */
function longestZeros(groups: readonly number[]): readonly [number, number] {
  let best: readonly [number, number] = [0, 0];
  let start = 0;
  groups.forEach((group, index) => {
    if (group !== 0) start = index + 1;
    else if (index + 1 - start > best[1]) best = [start, index + 1 - start];
  });
  return best;
}
