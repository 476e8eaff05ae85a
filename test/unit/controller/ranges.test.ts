/** Address ranges as an administrator writes them. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRanges, trustedRanges } from '../../../src/net/ranges.ts';

const ranges = (...texts: string[]) => {
  const parsed = parseRanges(texts);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.value;
};

describe('ranges', () => {
  it('are blocks and single addresses of both families', () => {
    const set = ranges('192.168.112.0/24', '10.0.0.7', '2001:DB8::/32', 'fd00::1');
    expect(set.ranges).toEqual(['192.168.112.0/24', '10.0.0.7/32', '2001:db8::/32', 'fd00::1/128']);
    const inside = ['192.168.112.0', '192.168.112.255', '10.0.0.7', '2001:db8:ffff::1', 'fd00::1'];
    const outside = ['192.168.113.0', '10.0.0.8', '2001:db9::', 'fd00::2', '::1'];
    expect(inside.filter((address) => !set.has(address))).toEqual([]);
    expect(outside.filter((address) => set.has(address))).toEqual([]);
    expect(ranges().has('10.0.0.1')).toBe(false);
    expect(ranges('0.0.0.0/0').has('203.0.113.9')).toBe(true);
    expect(ranges('0.0.0.0/0').has('2001:db8::1')).toBe(false);
  });

  it.each([
    ['10.0.0.0/33', 'the prefix length must be 0 to 32'],
    ['10.0.0.0/', 'the prefix length must be 0 to 32'],
    ['2001:db8::/129', 'the prefix length must be 0 to 128'],
    ['10.0.0.0/8/8', 'is neither an address nor a block'],
    ['web', 'is neither an address nor a block'],
    ['::ffff:10.0.0.1', 'is neither an address nor a block'],
    ['192.168.112.5/24', 'write 192.168.112.0/24, or 192.168.112.5 alone'],
  ])('%s is refused', (text, why) => {
    expect(parseRanges(['10.0.0.1', text])).toEqual({ ok: false, message: expect.stringContaining(why) as string });
  });

  it('that an API server has checked lose only what cannot be read', () => {
    expect(trustedRanges(['10.244.0.0/24', 'nonsense']).ranges).toEqual(['10.244.0.0/24']);
  });

  it('hold exactly the addresses that share the prefix', () => {
    const byte = fc.nat(255);
    fc.assert(
      fc.property(fc.tuple(byte, byte, byte, byte), fc.tuple(byte, byte, byte, byte), fc.nat(32), (a, b, prefix) => {
        const number = (parts: readonly number[]): bigint => parts.reduce((sum, part) => sum * 256n + BigInt(part), 0n);
        const rest = BigInt(32 - prefix);
        const base = (number(a) >> rest) << rest;
        const text = [24n, 16n, 8n, 0n].map((shift) => (base >> shift) & 255n).join('.');
        expect(ranges(`${text}/${prefix}`).has(b.join('.'))).toBe(number(b) >> rest === base >> rest);
      }),
    );
  });
});
