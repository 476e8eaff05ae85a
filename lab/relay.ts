/**
 * Passes connections on from one address to another; either may be a TCP port or a Unix socket.
 */
import { connect, createServer, type ListenOptions, type NetConnectOpts, type Server } from 'node:net';

/** Resolves when it listens; rejects when it cannot. */
export async function startRelay(from: ListenOptions, to: NetConnectOpts): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ ...to, allowHalfOpen: true });
    near.pipe(far).pipe(near);
    // Whoever breaks off, breaks off for the other one too.
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      socket.on('error', () => other.destroy());
      socket.on('close', () => other.destroy());
    }
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(from, () => resolve(server));
  });
}
