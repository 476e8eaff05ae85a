/** Attributes: as they were written, in any order, nested, and of any content. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Attributes,
  nested,
  parseAttributes,
  readString,
  readU8,
  readU16,
  readU16BigEndian,
  readU32,
  readU32BigEndian,
  readU64,
} from '../../../src/netlink/attributes.ts';
import { parseDatagram } from '../../../src/netlink/message.ts';
import { createWriter, type MessageWriter } from '../../../src/netlink/writer.ts';

/** The attributes that a function writes. */
function bytesOf(write: (writer: MessageWriter) => void): Uint8Array {
  const writer = createWriter();
  writer.begin(30, 0, 1);
  write(writer);
  writer.end();
  return parseDatagram(writer.take())?.[0]?.payload ?? new Uint8Array();
}
function attributesOf(write: (writer: MessageWriter) => void): Attributes {
  const attributes = parseAttributes(bytesOf(write));
  if (attributes === null) throw new Error('not attributes');
  return attributes;
}
const plain = (attributes: Attributes | null): (readonly [number, readonly number[]])[] | null =>
  attributes === null ? null : [...attributes].map(([type, value]) => [type, [...value]]);

const type = fc.nat(0x3fff);
const attribute = fc.tuple(type, fc.uint8Array({ maxLength: 20 }));
const attributeList = fc.array(attribute, { maxLength: 10 });
const writeList =
  (list: readonly (readonly [number, Uint8Array])[]) =>
  (writer: MessageWriter): void =>
    list.forEach(([of, value]) => writer.attributeBytes(of, value));

describe('attributes', () => {
  it('are read as they were written, aligned to four, the last of equals', () => {
    fc.assert(
      fc.property(attributeList, (list) => {
        const bytes = bytesOf(writeList(list));
        expect(bytes.byteLength % 4).toBe(0);
        expect(plain(parseAttributes(bytes))).toEqual([...new Map(list.map(([of, value]) => [of, [...value]]))]);
      }),
    );
  });

  it('give every kind of value back', () => {
    fc.assert(
      fc.property(
        type,
        fc.nat(0xff),
        fc.nat(0xffff),
        fc.nat(0xffffffff),
        fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0')),
        (of, u8, u16, u32, text) => {
          expect(
            readU8(
              attributesOf((writer) => writer.attributeU8(of, u8)),
              of,
            ),
          ).toBe(u8);
          expect(
            readU16(
              attributesOf((writer) => writer.attributeU16(of, u16)),
              of,
            ),
          ).toBe(u16);
          expect(
            readU16BigEndian(
              attributesOf((writer) => writer.attributeU16BigEndian(of, u16)),
              of,
            ),
          ).toBe(u16);
          expect(
            readU32(
              attributesOf((writer) => writer.attributeU32(of, u32)),
              of,
            ),
          ).toBe(u32);
          expect(
            readU32BigEndian(
              attributesOf((writer) => writer.attributeU32BigEndian(of, u32)),
              of,
            ),
          ).toBe(u32);
          expect(
            readString(
              attributesOf((writer) => writer.attributeString(of, text)),
              of,
            ),
          ).toBe(text);
        },
      ),
    );
  });

  it('are in the order of bytes that their name says', () => {
    const attributes = attributesOf((writer) => writer.attributeBytes(1, Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 0x88])));
    expect(readU8(attributes, 1)).toBe(1);
    expect(readU16(attributes, 1)).toBe(0x0201);
    expect(readU16BigEndian(attributes, 1)).toBe(0x0102);
    expect(readU32(attributes, 1)).toBe(0x04030201);
    expect(readU32BigEndian(attributes, 1)).toBe(0x01020304);
    expect(readU64(attributes, 1)).toBe(0x8807060504030201n);
  });

  it('that are shorter than what is asked for, or missing, are nothing', () => {
    const readers = [
      [readU8, 1],
      [readU16, 2],
      [readU16BigEndian, 2],
      [readU32, 4],
      [readU32BigEndian, 4],
      [readU64, 8],
    ] as const;
    for (const [read, size] of readers) {
      // What follows must not be taken for the rest.
      const attributes = attributesOf((writer) => {
        writer.attributeBytes(1, new Uint8Array(size - 1));
        writer.attributeBytes(2, new Uint8Array(16).fill(0xff));
      });
      expect(read(attributes, 1)).toBeNull();
      expect(read(attributes, 3)).toBeNull();
      expect(
        read(
          attributesOf((writer) => writer.attributeBytes(1, new Uint8Array(size))),
          1,
        ),
      ).toEqual(size === 8 ? 0n : 0);
    }
    expect(readString(new Map(), 1)).toBeNull();
  });

  it('of text end at the NUL, or with the attribute', () => {
    expect(readString(new Map([[1, Buffer.from('wlc\0rest')]]), 1)).toBe('wlc');
    expect(readString(new Map([[1, Buffer.from('wlc')]]), 1)).toBe('wlc');
    expect(readString(new Map([[1, Buffer.from('')]]), 1)).toBe('');
  });

  it('are read without the two bits that are no part of their type', () => {
    expect(plain(parseAttributes(Uint8Array.from([5, 0, 1, 0xc0, 9, 0, 0, 0])))).toEqual([[1, [9]]]);
    expect(plain(parseAttributes(Uint8Array.from([5, 0, 1, 0x3f, 9, 0, 0, 0])))).toEqual([[0x3f01, [9]]]);
  });

  it('need no padding behind the last', () => {
    expect(plain(parseAttributes(Uint8Array.from([4, 0, 2, 0, 5, 0, 1, 0, 9])))).toEqual([
      [2, []],
      [1, [9]],
    ]);
    expect(plain(parseAttributes(new Uint8Array()))).toEqual([]);
  });

  it.each([
    ['a length of 0', [0, 0, 1, 0]],
    ['a length of 3', [3, 0, 1, 0]],
    ['a length beyond the end', [9, 0, 1, 0, 1, 2, 3, 4]],
    ['the greatest length', [0xff, 0xff, 1, 0, 1, 2, 3, 4]],
    ['half a header', [4, 0, 1]],
    ['half a header behind a whole one', [4, 0, 1, 0, 4, 0]],
  ])('with %s are not to be trusted', (_what, bytes) => {
    expect(parseAttributes(Uint8Array.from(bytes))).toBeNull();
  });

  it('may be nested, and are nothing when what is inside is missing or malformed', () => {
    fc.assert(
      fc.property(attributeList, attributeList, (inner, deeper) => {
        const attributes = attributesOf((writer) =>
          writer.attributeNested(1, () => {
            writeList(inner)(writer);
            writer.attributeNested(2, () => writeList(deeper)(writer));
          }),
        );
        const first = nested(attributes, 1) ?? new Map<number, Uint8Array>();
        const known = new Map(inner.map(([of, value]) => [of, [...value]]));
        known.delete(2);
        expect(plain(first)?.filter(([of]) => of !== 2)).toEqual([...known]);
        expect(plain(nested(first, 2))).toEqual([...new Map(deeper.map(([of, value]) => [of, [...value]]))]);
      }),
    );
    expect(nested(new Map(), 1)).toBeNull();
    expect(nested(new Map([[1, Uint8Array.from([1])]]), 1)).toBeNull();
  });
});

describe('any bytes', () => {
  const READERS = [readU8, readU16, readU16BigEndian, readU32, readU32BigEndian, readU64, readString, nested];

  /** Reads everything that is there; every value lies inside the bytes and takes its four of header. */
  const expectReadable = (bytes: Uint8Array): void => {
    const attributes = parseAttributes(bytes);
    if (attributes === null) return;
    let total = 0;
    for (const [of, value] of attributes) {
      total += value.byteLength + 4;
      for (const read of READERS) read(attributes, of);
    }
    expect(total).toBeLessThanOrEqual(bytes.byteLength);
  };

  it('are read or not, and reading ends', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => expectReadable(bytes)));
  });

  it('that were attributes until one byte changed are read or not', () => {
    fc.assert(
      fc.property(attributeList, fc.nat(), fc.nat(0xff), (list, at, value) => {
        const bytes = Uint8Array.from(bytesOf(writeList(list)));
        if (bytes.byteLength > 0) bytes[at % bytes.byteLength] = value;
        expectReadable(bytes);
      }),
    );
  });
});
