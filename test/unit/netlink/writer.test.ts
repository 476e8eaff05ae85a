/** Messages longer than the writer's first buffer, byte by byte. */
import { describe, expect, it } from 'vitest';
import { nested, parseAttributes, readString, readU32 } from '../../../src/netlink/attributes.ts';
import { type NetlinkMessage, parseDatagram } from '../../../src/netlink/message.ts';
import { createWriter, type MessageWriter } from '../../../src/netlink/writer.ts';

function one(write: (writer: MessageWriter) => void): NetlinkMessage {
  const writer = createWriter();
  writer.begin(30, 5, 9);
  write(writer);
  writer.end();
  const [message, ...more] = parseDatagram(writer.take()) ?? [];
  if (message === undefined || more.length > 0) throw new Error('not one message');
  return message;
}

describe('a writer', () => {
  it.each([0, 1, 2, 3, 4, 5, 6, 7])('keeps everything when its buffer grows (%i bytes before)', (before) => {
    const big = 'x'.repeat(4_070 + before);
    const message = one((writer) => {
      writer.attributeString(1, big);
      writer.attributeNested(2, () => {
        writer.attributeU32(3, 0x01020304);
        writer.attributeNested(4, () => writer.attributeString(5, 'y'.repeat(9_000)));
        writer.attributeU32(6, 0x05060708);
      });
    });
    const attributes = parseAttributes(message.payload) ?? new Map<number, Uint8Array>();
    expect(readString(attributes, 1)).toBe(big);
    const inner = nested(attributes, 2) ?? new Map<number, Uint8Array>();
    expect(readU32(inner, 3)).toBe(0x01020304);
    expect(readU32(inner, 6)).toBe(0x05060708);
    expect(readString(nested(inner, 4) ?? new Map<number, Uint8Array>(), 5)).toBe('y'.repeat(9_000));
  });

  it('keeps each of many plain values when its buffer grows', () => {
    const message = one((writer) => {
      for (let index = 0; index < 3_000; index++) writer.u32(index);
    });
    const view = new DataView(message.payload.buffer, message.payload.byteOffset, message.payload.byteLength);
    expect(Array.from({ length: 3_000 }, (_, index) => view.getUint32(index * 4, true))).toEqual(
      Array.from({ length: 3_000 }, (_, index) => index),
    );
  });

  const NESTED = 0x8000;
  const padded = (bytes: readonly number[]): number[] => [
    ...bytes,
    ...Array.from({ length: (4 - (bytes.length % 4)) % 4 }, () => 0),
  ];
  const u16 = (value: number): number[] => [value & 0xff, value >> 8];
  const u32 = (value: number): number[] => [0, 8, 16, 24].map((shift) => (value >>> shift) & 0xff);
  const attribute = (type: number, value: readonly number[]): number[] =>
    padded([...u16(value.length + 4), ...u16(type), ...value]);
  const header = (length: number, type: number, flags: number, sequence: number): number[] => [
    ...u32(length),
    ...u16(type),
    ...u16(flags),
    ...u32(sequence),
    ...u32(0),
  ];
  const xs = (length: number): number[] => Array.from({ length }, () => 0x78);

  const SPACES = Array.from({ length: 17 }, (_, space) => space);
  it.each<[string, (writer: MessageWriter) => void, number[]]>([
    ['u8', (writer) => writer.u8(0xab), [0xab]],
    ['u16', (writer) => writer.u16(0xabcd), [0xcd, 0xab]],
    ['u32', (writer) => writer.u32(0x89abcdef), [0xef, 0xcd, 0xab, 0x89]],
    ['bytes', (writer) => writer.bytes(Uint8Array.from([1, 2, 3])), [1, 2, 3]],
    ['attributeU8', (writer) => writer.attributeU8(7, 0xab), attribute(7, [0xab])],
    ['attributeU16', (writer) => writer.attributeU16(7, 0xabcd), attribute(7, [0xcd, 0xab])],
    ['attributeU16BigEndian', (writer) => writer.attributeU16BigEndian(7, 0xabcd), attribute(7, [0xab, 0xcd])],
    ['attributeU32', (writer) => writer.attributeU32(7, 0x89abcdef), attribute(7, [0xef, 0xcd, 0xab, 0x89])],
    [
      'attributeU32BigEndian',
      (writer) => writer.attributeU32BigEndian(7, 0x89abcdef),
      attribute(7, [0x89, 0xab, 0xcd, 0xef]),
    ],
    ['attributeBytes', (writer) => writer.attributeBytes(7, Uint8Array.from([1, 2, 3])), attribute(7, [1, 2, 3])],
    ['attributeString', (writer) => writer.attributeString(7, 'ab'), attribute(7, [97, 98, 0])],
    [
      'attributeNested',
      (writer) => writer.attributeNested(7, () => writer.attributeNested(8, () => writer.attributeU16(9, 0xabcd))),
      attribute(7 | NESTED, attribute(8 | NESTED, attribute(9, [0xcd, 0xab]))),
    ],
    ['an empty attributeNested', (writer) => writer.attributeNested(7, () => undefined), attribute(7 | NESTED, [])],
  ])('puts %s where it belongs however much of the buffer is left, twice over', (_what, write, expected) => {
    for (const space of SPACES) {
      const lead = xs(4096 - 16 - 4 - space);
      const writer = createWriter();
      writer.begin(30, 5, 9);
      // An open attribute: its length is written when the buffer is another.
      writer.attributeNested(3, () => {
        writer.bytes(Uint8Array.from(lead));
        write(writer);
        // The second buffer is full too, to the same byte.
        writer.bytes(Uint8Array.from(xs(4096 - expected.length)));
        write(writer);
      });
      writer.end();
      const content = [...lead, ...expected, ...xs(4096 - expected.length), ...expected];
      const body = [...u16(content.length + 4), ...u16(3 | NESTED), ...content];
      // Compared as one text: a difference among thousands of numbers takes seconds to be shown.
      expect(Buffer.from(writer.take()).toString('hex')).toBe(
        Buffer.from(padded([...header(16 + body.length, 30, 5, 9), ...body])).toString('hex'),
      );
    }
  });

  it('begins a message, ends it and sets its flags in a buffer that grew meanwhile', () => {
    for (const space of SPACES) {
      const writer = createWriter();
      const lead = 4096 - 16 - space;
      writer.begin(30, 5, 9);
      writer.bytes(Uint8Array.from(xs(lead)));
      writer.end();
      writer.begin(31, 1, 10);
      writer.bytes(Uint8Array.from(xs(9_001)));
      writer.end();
      writer.addFlagsToLast(4);
      expect(writer.messages).toBe(2);
      const expected = [
        ...padded([...header(16 + lead, 30, 5, 9), ...xs(lead)]),
        ...padded([...header(16 + 9_001, 31, 5, 10), ...xs(9_001)]),
      ];
      expect(writer.length).toBe(expected.length);
      expect(Buffer.from(writer.take()).toString('hex')).toBe(Buffer.from(expected).toString('hex'));
      expect([writer.length, writer.messages]).toEqual([0, 0]);
    }
  });

  it('gives a copy that the next message does not change', () => {
    const writer = createWriter();
    writer.begin(30, 5, 9);
    writer.u32(1);
    writer.end();
    const first = writer.take();
    const before = [...first];
    writer.begin(31, 6, 10);
    writer.u32(2);
    writer.end();
    expect([...first]).toEqual(before);
    expect(writer.take()).not.toEqual(first);
  });

  it('leaves nothing of an earlier message in the padding of a later one', () => {
    const writer = createWriter();
    writer.begin(30, 0, 1);
    writer.bytes(new Uint8Array(64).fill(0xff));
    writer.end();
    writer.take();
    writer.begin(30, 0, 2);
    writer.attributeU8(1, 7);
    writer.attributeString(2, 'ab');
    writer.end();
    expect([...writer.take().subarray(16)]).toEqual([5, 0, 1, 0, 7, 0, 0, 0, 7, 0, 2, 0, 97, 98, 0, 0]);
  });

  it('refuses an attribute that its length field cannot hold', () => {
    expect(() => one((writer) => writer.attributeBytes(1, new Uint8Array(0xffff - 3)))).toThrow(RangeError);
    expect(one((writer) => writer.attributeBytes(1, new Uint8Array(0xffff - 4))).payload).toHaveLength(0x10000);
    expect(() =>
      one((writer) =>
        writer.attributeNested(1, () => {
          writer.attributeBytes(2, new Uint8Array(0x8000));
          writer.attributeBytes(3, new Uint8Array(0x8000));
        }),
      ),
    ).toThrow(RangeError);
  });
});
