/**
 * Reads netlink attributes (include/uapi/linux/netlink.h, struct nlattr). Pure. They come in any order, and unknown ones
 * come with every new kernel, so they are read into a map by type.
 */
import { align4 } from './message.ts';

/** NLA_F_NESTED and NLA_F_NET_BYTEORDER are no part of the type. */
const NLA_TYPE_MASK = 0x3fff;

export type Attributes = ReadonlyMap<number, Uint8Array>;

/** Attributes by type, the last of equals; null when the lengths do not add up. */
export function parseAttributes(bytes: Uint8Array): Attributes | null {
  const view = viewOf(bytes);
  const found = new Map<number, Uint8Array>();
  let offset = 0;
  while (offset + 4 <= bytes.byteLength) {
    const length = view.getUint16(offset, true);
    if (length < 4 || offset + length > bytes.byteLength) return null;
    found.set(view.getUint16(offset + 2, true) & NLA_TYPE_MASK, bytes.subarray(offset + 4, offset + length));
    offset += align4(length);
  }
  return offset < bytes.byteLength ? null : found;
}

/** A nested attribute's own attributes; null when it is missing or malformed. */
export function nested(attributes: Attributes, type: number): Attributes | null {
  const bytes = attributes.get(type);
  return bytes === undefined ? null : parseAttributes(bytes);
}

export const readU8 = (attributes: Attributes, type: number): number | null => attributes.get(type)?.[0] ?? null;
export const readU16 = (attributes: Attributes, type: number): number | null =>
  read(attributes, type, 2, (view) => view.getUint16(0, true));
export const readU16BigEndian = (attributes: Attributes, type: number): number | null =>
  read(attributes, type, 2, (view) => view.getUint16(0, false));
export const readU32 = (attributes: Attributes, type: number): number | null =>
  read(attributes, type, 4, (view) => view.getUint32(0, true));
export const readU32BigEndian = (attributes: Attributes, type: number): number | null =>
  read(attributes, type, 4, (view) => view.getUint32(0, false));
export const readU64 = (attributes: Attributes, type: number): bigint | null =>
  read(attributes, type, 8, (view) => view.getBigUint64(0, true));

/** Text up to its closing NUL. */
export function readString(attributes: Attributes, type: number): string | null {
  const bytes = attributes.get(type);
  if (bytes === undefined) return null;
  const end = bytes.indexOf(0);
  return Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString('utf8');
}

function read<T>(attributes: Attributes, type: number, size: number, get: (view: DataView) => T): T | null {
  const bytes = attributes.get(type);
  return bytes === undefined || bytes.byteLength < size ? null : get(viewOf(bytes));
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
