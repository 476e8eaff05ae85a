/**
 * The real netlink socket, from the `netlink` addon's lowest layer. The addon (0.3.0) ends the whole process in three
 * cases, and this file is written round them:
 * - an exception inside one of its callbacks is not caught by anybody: every callback body is guarded;
 * - a receive buffer that overflows (ENOBUFS): the buffer is raised, no multicast group is joined, and the connection
 *   above keeps few answers outstanding;
 * - `close` while a message is delivered: it is put off to the next turn of the event loop.
 */
import { createRequire } from 'node:module';
import type { RawNetlinkSocket } from 'netlink';
import type { NetlinkTransport, OpenTransport, TransportHandlers } from './transport.ts';

export const NETLINK_ROUTE = 0;
export const NETLINK_GENERIC = 16;

/** The kernel caps both at net.core.rmem_max and wmem_max without an error. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;
const SEND_BUFFER_BYTES = 1024 * 1024;
/** A dump's datagram fills what the reader offers, up to 32 kB; larger buffers are cleared for every message. */
const MESSAGE_BYTES = 16 * 1024;

/** Opens sockets of one netlink family. The addon is loaded at the first one, so that what needs no kernel needs no addon. */
export function socketTransport(family: number): OpenTransport {
  return (handlers) => open(family, handlers);
}

function open(family: number, handlers: TransportHandlers): NetlinkTransport {
  // Its index loads thousands of lines for families that are not used here.
  const { RawNetlinkSocket: Socket } = createRequire(import.meta.url)('netlink/dist/raw.js') as {
    RawNetlinkSocket: typeof RawNetlinkSocket;
  };
  const socket = new Socket(family, {
    messagePeeking: false,
    msgBufferSize: MESSAGE_BYTES,
    recvBufferSize: RECEIVE_BUFFER_BYTES,
    sendBufferSize: SEND_BUFFER_BYTES,
  });
  let closed = false;
  const broken = (why: string): void => guarded(() => handlers.onBroken(why));
  const guarded = (run: () => void): void => {
    if (closed) return;
    try {
      run();
    } catch (error) {
      // Nothing may leave an addon's callback; the next turn reports it as any other programming error.
      setImmediate(() => {
        throw error;
      });
    }
  };
  // Any process may send to a netlink socket; only port 0 is the kernel.
  socket.on('message', (message, sender) => {
    if (sender.port === 0) guarded(() => handlers.onDatagram(message));
  });
  socket.on('truncatedMessage', (_message, sender) => {
    if (sender.port === 0) broken('a netlink message was longer than the buffer');
  });
  socket.on('error', (error) => broken(`the netlink socket failed: ${error.message}`));
  return {
    send(datagram) {
      const unsent = (error: Error): void => broken(`sending to the kernel failed: ${error.message}`);
      try {
        socket.send(datagram, {}, (error) => {
          if (error !== undefined && error !== null) unsent(error);
        });
      } catch (error) {
        // The addon closes itself after an error of its poll.
        unsent(error instanceof Error ? error : new Error(String(error)));
      }
    },
    close() {
      if (closed) return;
      closed = true;
      setImmediate(() => socket.close());
    },
  };
}
