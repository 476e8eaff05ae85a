/** One text for one address, whatever spelling it comes in. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressBytes, addressFamily, addressText, canonicalAddress } from '../../../src/net/address.ts';

describe('a canonical address', () => {
  it.each([
    ['10.0.0.1', '10.0.0.1'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:0:0:1:1:0:0:1', '2001::1:1:0:0:1'],
    ['1:2:0:0:3:4:5:6', '1:2::3:4:5:6'],
    ['1:2:3:4:5:6:0:0', '1:2:3:4:5:6::'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['64:ff9b::255.100.12.10', '64:ff9b::ff64:c0a'],
    ['64:ff9b:1:2:3:4:192.0.2.33', '64:ff9b:1:2:3:4:c000:221'],
    ['::1.2.3.4', '::102:304'],
    ['::ff:a00:1', '::ff:a00:1'],
    ['::ff00:a00:1', '::ff00:a00:1'],
    ['::fffe:a00:1', '::fffe:a00:1'],
    ['::feff:a00:1', '::feff:a00:1'],
    ['1::ffff:a00:1', '1::ffff:a00:1'],
    ['0:0:0:0:1:ffff:a00:1', '::1:ffff:a00:1'],
  ])('of %s is %s', (text, expected) => {
    expect(canonicalAddress(text)).toBe(expected);
  });

  it.each([
    '',
    'vip',
    '10.0.0',
    '10.0.0.256',
    '1::2::3',
    'fe80::1%eth0',
    '::ffff:10.0.0.1',
    '::FFFF:a00:1',
    '0:0:0:0:0:ffff:0:0',
  ])('is not to be had of %j', (text) => {
    expect(canonicalAddress(text)).toBeNull();
  });

  it('has a family', () => {
    expect(addressFamily('10.0.0.1')).toBe('ipv4');
    expect(addressFamily('::')).toBe('ipv6');
  });

  it('has bytes', () => {
    expect([...addressBytes('10.0.255.1')]).toEqual([10, 0, 255, 1]);
    expect([...addressBytes('2001:db8::1')]).toEqual([0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    expect([...addressBytes('::1:2:3:4:5:6:7')].slice(0, 4)).toEqual([0, 0, 0, 1]);
  });

  it('is what its bytes say, and what a browser writes', () => {
    const group = fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(0xffff) });
    const groups = fc.array(group, { minLength: 8, maxLength: 8 });
    expect(
      fc.assert(
        fc.property(groups, (parts) => {
          const bytes = Uint8Array.from(parts.flatMap((part) => [part >> 8, part & 0xff]));
          const text = addressText(bytes);
          expect([...addressBytes(text)]).toEqual([...bytes]);
          expect(`[${text}]`).toBe(new URL(`http://[${parts.map((part) => part.toString(16)).join(':')}]`).hostname);
        }),
      ),
    ).toBeUndefined();
    expect(
      fc.assert(
        fc.property(fc.ipV4(), (text) => {
          expect(addressText(addressBytes(text))).toBe(text);
        }),
      ),
    ).toBeUndefined();
  });
});
