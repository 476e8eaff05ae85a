/**
 * Netlink messages: the 16-byte header (RFC 3549 section 2.3.2; include/uapi/linux/netlink.h), many to a datagram. Pure.
 * Integers are in host order; every platform that Node and the netlink addon support is little endian.
 */

export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;

export const NLM_F_REQUEST = 0x001;
export const NLM_F_ACK = 0x004;
/** A dump that was changed while it was read. IPVS never sets it; rtnetlink and nlctrl do. */
export const NLM_F_DUMP_INTR = 0x010;
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
export const NLM_F_DUMP = 0x300;

export const HEADER_BYTES = 16;

export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly payload: Uint8Array;
}

/** Every message of a datagram, or null when its lengths do not add up, so that nothing in it can be trusted. */
export function parseDatagram(datagram: Uint8Array): readonly NetlinkMessage[] | null {
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  const messages: NetlinkMessage[] = [];
  let offset = 0;
  while (offset < datagram.byteLength) {
    if (offset + HEADER_BYTES > datagram.byteLength) return null;
    const length = view.getUint32(offset, true);
    if (length < HEADER_BYTES || offset + length > datagram.byteLength) return null;
    messages.push({
      type: view.getUint16(offset + 4, true),
      flags: view.getUint16(offset + 6, true),
      sequence: view.getUint32(offset + 8, true),
      payload: datagram.subarray(offset + HEADER_BYTES, offset + length),
    });
    offset += align4(length);
  }
  return messages;
}

/**
 * The errno of NLMSG_ERROR (0 is an acknowledgement) and of NLMSG_DONE (a dump that failed half-way says so there), as
 * the kernel sends it: zero or negative. Null when the payload is too short to hold one.
 */
export function messageErrno({ payload }: NetlinkMessage): number | null {
  if (payload.byteLength < 4) return null;
  return new DataView(payload.buffer, payload.byteOffset, 4).getInt32(0, true);
}

/** NLMSG_ALIGN and NLA_ALIGN. */
export const align4 = (length: number): number => (length + 3) & ~3;
