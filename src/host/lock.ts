/**
 * The node lock: an abstract Unix socket. The kernel gives it back when its holder dies, however it dies, and there is
 * one of it in each network namespace, which is just what an agent owns. It answers with its holder, so that a second
 * agent can say who is in the way.
 */
import { connect, createServer, type Server } from 'node:net';
import { isErrno } from './files.ts';

const NAME = '\0lvs-director';
const ANSWER_DEADLINE_MS = 2_000;
const LONGEST_ANSWER = 4_096;

export interface Holder {
  readonly pid: number;
  /** What the holder is doing, as `run --directory /etc/lvs`. */
  readonly command: string;
  /** ISO 8601. */
  readonly since: string;
}

export type LockResult =
  | { readonly held: true; readonly release: () => Promise<void> }
  /** The holder is null when the socket is there but does not answer as ours would. */
  | { readonly held: false; readonly holder: Holder | null };

/** Take the lock, or learn who has it. Bounded in time; throws only when abstract sockets do not work at all. */
export async function takeNodeLock(holder: Holder): Promise<LockResult> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.setTimeout(ANSWER_DEADLINE_MS, () => socket.destroy());
    socket.end(`${JSON.stringify(holder)}\n`);
  });
  server.maxConnections = 16;
  try {
    await listen(server);
  } catch (error) {
    if (!isErrno(error, 'EADDRINUSE')) throw error;
    return { held: false, holder: await askHolder() };
  }
  // The lock is held by the socket; it alone must not keep a finished process alive.
  server.unref();
  return { held: true, release: () => new Promise((resolve) => server.close(() => resolve())) };
}

const listen = (server: Server): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(NAME, () => {
      server.off('error', reject);
      resolve();
    });
  });

/** Who holds the lock, or null when nobody answers in time. */
export function askHolder(): Promise<Holder | null> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(NAME);
    const finish = (): void => {
      socket.destroy();
      resolve(parseHolder(text));
    };
    socket.setTimeout(ANSWER_DEADLINE_MS, finish);
    socket.on('error', finish);
    socket.on('end', finish);
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text.length > LONGEST_ANSWER) finish();
    });
  });
}

function parseHolder(text: string): Holder | null {
  try {
    const json: unknown = JSON.parse(text);
    if (typeof json !== 'object' || json === null) return null;
    if (!('pid' in json && 'command' in json && 'since' in json)) return null;
    const { pid, command, since } = json;
    if (typeof pid !== 'number' || typeof command !== 'string' || typeof since !== 'string') return null;
    return { pid, command, since };
  } catch {
    return null;
  }
}

export const holderText = (holder: Holder | null): string =>
  holder === null
    ? 'a process that does not say who it is'
    : `process ${holder.pid} (${holder.command}, since ${holder.since})`;
