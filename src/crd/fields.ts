/**
 * Field types that several kinds share. Messages say what was wrong and what is right, because they are all that a
 * person sees at `kubectl apply` or in the log of a folder.
 */
import { z } from 'zod';
import { addressFamily, canonicalAddress } from '../net/address.ts';
import { rules } from './cel.ts';

export const dnsSubdomain = (what: string): z.ZodString =>
  z
    .string({ error: (issue) => expected(`${what}: a name`, issue.input) })
    .max(253, { error: `${what} is longer than 253 characters` })
    .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/, {
      error: (issue) => `${show(issue.input)} is no name: use lower case letters, digits, '-' and '.'`,
    });

export const dnsLabel = (what: string): z.ZodString =>
  z
    .string({ error: (issue) => expected(`${what}: a name`, issue.input) })
    .max(63, { error: `${what} is longer than 63 characters` })
    .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, {
      error: (issue) => `${show(issue.input)} is no name: use lower case letters, digits and '-'`,
    });

/** An object with these fields and no others; `what` says what it is when something else stands there. */
export const object = <const T extends z.core.$ZodShape>(shape: T, what: string) =>
  z.strictObject(shape, {
    error: (issue) => (issue.code === 'unrecognized_keys' ? undefined : expected(what, issue.input)),
  });

/** A port that packets can carry: 1 to 65535. */
export const port = z
  .int({ error: (issue) => expected('a port, a whole number from 1 to 65535', issue.input) })
  .min(1, { error: (issue) => `${show(issue.input)} is no port: ports are 1 to 65535` })
  .max(65535, { error: (issue) => `${show(issue.input)} is no port: ports are 1 to 65535` });

/** IP_VS_SVC weights; the kernel takes more, but schedulers lose precision and ipvsadm refuses above 65535. */
export const weight = z
  .int({ error: (issue) => expected('a weight, a whole number from 0 to 65535', issue.input) })
  .min(0, { error: (issue) => `${show(issue.input)} is no weight: weights are 0 to 65535` })
  .max(65535, { error: (issue) => `${show(issue.input)} is no weight: weights are 0 to 65535` });

const firstOctet = "int(self.split('.')[0])";
const usableIpv4 = `${firstOctet} > 0 && ${firstOctet} < 224 && ${firstOctet} != 127`;

/** `unusable` in CEL, for an address that is. */
const unusableText = [
  `ip(self).family() == 4 ? (${firstOctet} == 0 ? 'an address of "this network"'`,
  `${firstOctet} == 127 ? 'a loopback address'`,
  `${firstOctet} < 240 ? 'a multicast address' : 'a reserved or broadcast address')`,
  `ip(self).isUnspecified() ? 'the unspecified address'`,
  `ip(self).isLoopback() ? 'the loopback address'`,
  `ip(self).isLinkLocalUnicast() ? 'a link-local address' : 'a multicast address'`,
].join(' : ');

/**
 * A unicast address of one machine in any spelling. Zone ids and IPv4-mapped IPv6 are refused: the kernel compares
 * bytes, and both would make two names of one address. The longest spelling has 45 characters: six groups and an IPv4
 * address.
 */
export const unicastAddress = z
  .string({ error: (issue) => expected('an IPv4 or IPv6 address', issue.input) })
  .refine((text) => canonicalAddress(text) !== null, {
    error: (issue) => `${show(issue.input)} is no IP address`,
    abort: true,
  })
  .refine((text) => unusable(text) === null, {
    error: (issue) => `${show(issue.input)} is ${unusable(String(issue.input)) ?? ''} and cannot be served or reached`,
  })
  .meta({
    maxLength: 45,
    ...rules(
      {
        rule: 'isIP(self)',
        message: 'is no IP address',
        expression: `"'" + self + "' is no IP address"`,
      },
      {
        rule: `!isIP(self) || (ip(self).family() == 4 ? ${usableIpv4} : ip(self).isGlobalUnicast())`,
        message: 'is no address of one machine, and cannot be served or reached',
        expression: `"'" + self + "' is " + (${unusableText}) + " and cannot be served or reached"`,
      },
    ),
  });

/** What kind of address a director can neither serve nor forward to, or null when it can. */
function unusable(text: string): string | null {
  const address = canonicalAddress(text);
  if (address === null) return null;
  if (addressFamily(address) === 'ipv4') {
    const first = Number(address.slice(0, address.indexOf('.')));
    if (first === 0) return 'an address of "this network"';
    if (first === 127) return 'a loopback address';
    if (first >= 224 && first <= 239) return 'a multicast address';
    if (first >= 240) return 'a reserved or broadcast address';
    return null;
  }
  if (address === '::') return 'the unspecified address';
  if (address === '::1') return 'the loopback address';
  if (address.startsWith('ff')) return 'a multicast address';
  if (/^fe[89ab]/.test(address)) return 'a link-local address';
  return null;
}

/** One of several words; `what` is what they are. */
export const choice = <const T extends readonly [string, ...string[]]>(values: T, what: string) =>
  z.enum(values, { error: (issue) => `${show(issue.input)} is no ${what}: use one of ${values.join(', ')}` });

/** A list that is not empty and has at most `most` items. */
export const list = <T extends z.ZodType>(item: T, most: number, what: string) =>
  z
    .array(item, { error: (issue) => expected(`a list of ${what}`, issue.input) })
    .min(1, { error: `is empty: at least one of ${what} is needed` })
    .max(most, { error: `is longer than ${most}` });

/** Add to what a check of a whole object finds. */
export function refuse(
  context: { issues: object[]; value: unknown },
  path: (string | number)[],
  message: string,
): void {
  context.issues.push({ code: 'custom', path, message, input: context.value });
}

/** The input as people wrote it, short enough for a message. */
export function show(input: unknown): string {
  const text = typeof input === 'string' ? `'${input}'` : (JSON.stringify(input) ?? String(input));
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

/** `expected WHAT, not INPUT`, or that the field is missing. */
export const expected = (what: string, input: unknown): string =>
  input === undefined ? `is missing: expected ${what}` : `${show(input)} is not right: expected ${what}`;
