/**
 * Writes netlink messages one behind the other into one growing buffer: a Buffer for each attribute cost more time than
 * the kernel needed for the messages.
 */
import { align4, HEADER_BYTES } from './message.ts';

const FIRST_SIZE = 4096;
const MOST_ATTRIBUTE_BYTES = 0xffff;

export interface MessageWriter {
  /** Begin a message; its length is filled in by `end`. */
  begin(type: number, flags: number, sequence: number): void;
  end(): void;
  u8(value: number): void;
  u16(value: number): void;
  u32(value: number): void;
  bytes(value: Uint8Array): void;
  attributeU8(type: number, value: number): void;
  attributeU16(type: number, value: number): void;
  /** Network byte order, as IPVS wants ports and IPv4 netmasks. */
  attributeU16BigEndian(type: number, value: number): void;
  attributeU32(type: number, value: number): void;
  attributeU32BigEndian(type: number, value: number): void;
  attributeBytes(type: number, value: Uint8Array): void;
  /** With the closing NUL that the kernel's NLA_NUL_STRING wants. */
  attributeString(type: number, value: string): void;
  /** A nested attribute with NLA_F_NESTED. */
  attributeNested(type: number, content: () => void): void;
  /** The flags of the message that was ended last are set anew: only the last of a batch asks to be acknowledged. */
  addFlagsToLast(flags: number): void;
  readonly length: number;
  readonly messages: number;
  /** A copy of what was written. The writer is empty afterwards. */
  take(): Uint8Array;
}

const NLA_F_NESTED = 0x8000;

export function createWriter(): MessageWriter {
  let buffer = Buffer.alloc(FIRST_SIZE);
  let length = 0;
  let start = 0;
  let messages = 0;

  const reserve = (more: number): number => {
    const at = length;
    length += more;
    if (length > buffer.length) {
      const larger = Buffer.alloc(Math.max(length, buffer.length * 2));
      buffer.copy(larger, 0, 0, at);
      buffer = larger;
    }
    return at;
  };
  // The place is worked out before `buffer` is looked up: `reserve` may have put a larger one in its stead.
  const put = (at: number, write: (at: number) => unknown): void => void write(at);
  const attribute = (type: number, size: number): number => {
    if (size + 4 > MOST_ATTRIBUTE_BYTES) throw new RangeError(`netlink attribute ${type} of ${size} bytes is too long`);
    const at = reserve(4 + align4(size));
    buffer.writeUInt16LE(4 + size, at);
    buffer.writeUInt16LE(type, at + 2);
    buffer.fill(0, at + 4, length);
    return at + 4;
  };
  return {
    begin(type, flags, sequence) {
      start = reserve(HEADER_BYTES);
      buffer.writeUInt32LE(0, start);
      buffer.writeUInt16LE(type, start + 4);
      buffer.writeUInt16LE(flags, start + 6);
      buffer.writeUInt32LE(sequence, start + 8);
      // The port id: zero lets the kernel take the socket's own.
      buffer.writeUInt32LE(0, start + 12);
    },
    end() {
      buffer.writeUInt32LE(length - start, start);
      const at = reserve(align4(length) - length);
      buffer.fill(0, at, length);
      messages++;
    },
    u8: (value) => put(reserve(1), (at) => buffer.writeUInt8(value, at)),
    u16: (value) => put(reserve(2), (at) => buffer.writeUInt16LE(value, at)),
    u32: (value) => put(reserve(4), (at) => buffer.writeUInt32LE(value, at)),
    bytes: (value) => put(reserve(value.byteLength), (at) => buffer.set(value, at)),
    attributeU8: (type, value) => put(attribute(type, 1), (at) => buffer.writeUInt8(value, at)),
    attributeU16: (type, value) => put(attribute(type, 2), (at) => buffer.writeUInt16LE(value, at)),
    attributeU16BigEndian: (type, value) => put(attribute(type, 2), (at) => buffer.writeUInt16BE(value, at)),
    attributeU32: (type, value) => put(attribute(type, 4), (at) => buffer.writeUInt32LE(value, at)),
    attributeU32BigEndian: (type, value) => put(attribute(type, 4), (at) => buffer.writeUInt32BE(value, at)),
    attributeBytes: (type, value) => put(attribute(type, value.byteLength), (at) => buffer.set(value, at)),
    attributeString(type, value) {
      const at = attribute(type, Buffer.byteLength(value) + 1);
      buffer.write(value, at);
    },
    attributeNested(type, content) {
      const at = reserve(4);
      content();
      buffer.writeUInt16LE(length - at, at);
      buffer.writeUInt16LE(type | NLA_F_NESTED, at + 2);
    },
    addFlagsToLast: (flags) => void buffer.writeUInt16LE(buffer.readUInt16LE(start + 6) | flags, start + 6),
    get length() {
      return length;
    },
    get messages() {
      return messages;
    },
    take() {
      const copy = Uint8Array.prototype.slice.call(buffer, 0, length);
      length = 0;
      messages = 0;
      return copy;
    },
  };
}
