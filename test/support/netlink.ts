/** Datagrams as the kernel sends them, for a transport that a script answers. */
import { NLMSG_DONE, NLMSG_ERROR } from '../../src/netlink/message.ts';
import { createWriter } from '../../src/netlink/writer.ts';

export interface Part {
  readonly type: number;
  readonly sequence: number;
  readonly flags?: number;
  readonly words?: readonly number[];
  /** The payload, in place of words. */
  readonly bytes?: Uint8Array;
}

export function datagram(...parts: readonly Part[]): Uint8Array {
  const writer = createWriter();
  for (const { type, sequence, flags = 0, words = [], bytes } of parts) {
    writer.begin(type, flags, sequence);
    if (bytes === undefined) for (const word of words) writer.u32(word >>> 0);
    else writer.bytes(bytes);
    writer.end();
  }
  return writer.take();
}

export const acknowledge = (sequence: number, errno = 0): Part => ({ type: NLMSG_ERROR, sequence, words: [errno] });
export const done = (sequence: number, errno = 0): Part => ({ type: NLMSG_DONE, sequence, words: [errno] });
