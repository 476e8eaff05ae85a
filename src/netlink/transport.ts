/**
 * A netlink socket as an interface: datagrams out, datagrams in. Small, so that a script can stand in for the kernel.
 */

export interface TransportHandlers {
  onDatagram(datagram: Uint8Array): void;
  /** The socket failed, or a datagram was cut: whatever is under way has no certain answer any more. */
  onBroken(why: string): void;
}

export interface NetlinkTransport {
  /** Never throws: what goes wrong is told to `onBroken`. */
  send(datagram: Uint8Array): void;
  /** After this no handler is called any more. */
  close(): void;
}

/** Opens a socket; throws with a reason that a person can act on when it cannot. */
export type OpenTransport = (handlers: TransportHandlers) => NetlinkTransport;
