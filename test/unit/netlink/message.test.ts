/** Datagrams of messages: as they were written, as the kernel may pad them, and of any content. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { align4, messageErrno, type NetlinkMessage, parseDatagram } from '../../../src/netlink/message.ts';
import { datagram, type Part } from '../../support/netlink.ts';

const parts: fc.Arbitrary<Part[]> = fc.array(
  fc.record({
    type: fc.nat(0xffff),
    flags: fc.nat(0xffff),
    sequence: fc.nat(0xffffffff),
    bytes: fc.uint8Array({ maxLength: 40 }),
  }),
  { maxLength: 10 },
);

const plain = (messages: readonly NetlinkMessage[] | null): readonly Part[] | null =>
  messages?.map(({ type, flags, sequence, payload }) => ({ type, flags, sequence, bytes: Uint8Array.from(payload) })) ??
  null;

describe('messages', () => {
  it('are read from the bytes of the standard', () => {
    const bytes = Uint8Array.from(
      [
        [0x15, 0, 0, 0, 0x1e, 0, 0x05, 0x03, 0x04, 0x03, 0x02, 0x81, 9, 9, 9, 9, 0xaa, 0xbb, 0xcc, 0xdd, 0xee],
        [0x77, 0x77, 0x77],
        [0x10, 0, 0, 0, 0x02, 0, 0, 0, 0x01, 0, 0, 0, 0, 0, 0, 0],
      ].flat(),
    );
    expect(plain(parseDatagram(bytes))).toEqual([
      { type: 0x1e, flags: 0x305, sequence: 0x81020304, bytes: Uint8Array.from([0xaa, 0xbb, 0xcc, 0xdd, 0xee]) },
      { type: 2, flags: 0, sequence: 1, bytes: new Uint8Array() },
    ]);
  });

  it('are read as they were written, however many, wherever in a buffer', () => {
    fc.assert(
      fc.property(parts, fc.nat(9), (messages, before) => {
        const bytes = datagram(...messages);
        expect(bytes.byteLength % 4).toBe(0);
        const room = new Uint8Array(before + bytes.byteLength + 5).fill(0xff);
        room.set(bytes, before);
        expect(plain(parseDatagram(room.subarray(before, before + bytes.byteLength)))).toEqual(messages);
      }),
    );
  });

  it('need no padding behind the last', () => {
    fc.assert(
      fc.property(parts, fc.uint8Array({ minLength: 1, maxLength: 9 }), (messages, bytes) => {
        const last = { type: 1, flags: 2, sequence: 3, bytes };
        const whole = datagram(...messages, last);
        const padding = align4(bytes.byteLength) - bytes.byteLength;
        expect(plain(parseDatagram(whole.subarray(0, whole.byteLength - padding)))).toEqual([...messages, last]);
      }),
    );
  });

  it('that were cut are the whole ones before the cut or nothing', () => {
    fc.assert(
      fc.property(parts, fc.nat(), (messages, cut) => {
        const whole = datagram(...messages);
        const end = whole.byteLength === 0 ? 0 : cut % whole.byteLength;
        const read = plain(parseDatagram(whole.subarray(0, end)));
        // Where each message ends, without and with its padding.
        let offset = 0;
        const ends = messages.map(({ bytes }) => {
          const least = offset + 16 + (bytes?.byteLength ?? 0);
          offset = align4(least);
          return { least, most: offset };
        });
        const count = ends.filter(({ least }) => least <= end).length;
        const clean = end === 0 || ends.some(({ least, most }) => least <= end && end <= most);
        expect(read).toEqual(clean ? messages.slice(0, count) : null);
      }),
    );
  });

  it.each([0, 1, 15, 21, 0x7fffffff, 0x80000000, 0xfffffffd, 0xffffffff])(
    'with a length of %i in 20 bytes are not to be trusted',
    (length) => {
      const bytes = datagram({ type: 1, sequence: 1, words: [1] });
      new DataView(bytes.buffer).setUint32(0, length, true);
      expect(parseDatagram(bytes)).toBeNull();
    },
  );

  it('with any byte changed lie inside the datagram', () => {
    fc.assert(
      fc.property(parts, fc.nat(), fc.nat(0xff), (messages, at, value) => {
        const bytes = datagram(...messages);
        if (bytes.byteLength > 0) bytes[at % bytes.byteLength] = value;
        const read = parseDatagram(bytes) ?? [];
        const total = read.reduce((sum, { payload }) => sum + align4(16 + payload.byteLength), 0);
        expect([0, bytes.byteLength]).toContain(total);
      }),
    );
  });
});

describe('an errno', () => {
  const errno = (...bytes: readonly number[]): number | null =>
    messageErrno({ type: 2, flags: 0, sequence: 1, payload: Uint8Array.from([9, ...bytes]).subarray(1) });

  it('is zero or negative, with anything behind it', () => {
    expect(errno(0, 0, 0, 0)).toBe(0);
    expect(errno(0xef, 0xff, 0xff, 0xff)).toBe(-17);
    expect(errno(0xef, 0xff, 0xff, 0xff, 1, 2, 3)).toBe(-17);
  });

  it('is not read from less than four bytes', () => {
    expect(errno()).toBeNull();
    expect(errno(0, 0, 0)).toBeNull();
  });
});

describe('alignment', () => {
  it('is to the next four', () => {
    expect([0, 1, 2, 3, 4, 5, 16, 17].map(align4)).toEqual([0, 4, 4, 4, 4, 8, 16, 20]);
  });
});
