/** Messages longer than the writer's first buffer, and datagrams of any content. */
import fc from 'fast-check';
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
    expect(() => one((writer) => writer.attributeBytes(1, new Uint8Array(0x10000)))).toThrow(RangeError);
  });
});

describe('messages', () => {
  it('are read as they were written, however many', () => {
    const message = fc.record({
      type: fc.nat(0xffff),
      flags: fc.nat(0xffff),
      sequence: fc.nat(0xffffffff),
      payload: fc.uint8Array({ maxLength: 300 }),
    });
    fc.assert(
      fc.property(fc.array(message, { maxLength: 20 }), (messages) => {
        const writer = createWriter();
        for (const { type, flags, sequence, payload } of messages) {
          writer.begin(type, flags, sequence);
          writer.bytes(payload);
          writer.end();
        }
        const read = parseDatagram(writer.take());
        expect(read?.map((entry) => ({ ...entry, payload: Uint8Array.from(entry.payload) }))).toEqual(messages);
      }),
    );
  });

  it('of any bytes are read or not, and reading ends', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        const messages = parseDatagram(bytes);
        for (const { payload } of messages ?? []) parseAttributes(payload);
        expect(parseAttributes(bytes)?.size ?? 0).toBeLessThanOrEqual(bytes.byteLength / 4);
      }),
      { numRuns: 2_000 },
    );
  });
});
