/** Lines out of bytes, however they are cut. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitLines } from '../../../../src/controller/kubernetes/lines.ts';

describe('splitting lines', () => {
  it('finds the same lines however the bytes are cut', () => {
    const line = fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\n', ' ').toWellFormed());
    fc.assert(
      fc.property(fc.array(line), line, fc.array(fc.nat(20)), (lines, rest, cuts) => {
        const bytes = Buffer.from(lines.map((text) => `${text}\n`).join('') + rest);
        const splitter = splitLines(1_000_000);
        const found: string[] = [];
        let start = 0;
        for (const cut of [...cuts, bytes.length]) {
          const end = Math.min(bytes.length, start + cut);
          found.push(...(splitter.push(bytes.subarray(start, end)) ?? ['too long']));
          start = end;
        }
        expect(found).toEqual(lines);
      }),
    );
  });

  it('ends lines at 0x0a and nowhere else', () => {
    expect(splitLines(100).push(Buffer.from('a\u2028b\u0085c\r\nd\n'))).toEqual(['a\u2028b\u0085c\r', 'd']);
  });

  it('takes a line of the longest length and no longer one', () => {
    expect(splitLines(5).push(Buffer.from('12345\n'))).toEqual(['12345']);
    expect(splitLines(5).push(Buffer.from('123456\n'))).toBeNull();
  });

  it('holds no more than the longest line of a line without end', () => {
    const splitter = splitLines(5);
    expect(splitter.push(Buffer.from('1234'))).toEqual([]);
    expect(splitter.push(Buffer.from('56'))).toBeNull();
    expect(splitter.push(Buffer.from('\nnext\n'))).toBeNull();
  });
});
