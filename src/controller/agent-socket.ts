/**
 * The agent's Unix socket, for root only: what it knows, and whether its loop is alive. HTTP, so that any client can ask.
 */
import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isErrno } from '../host/files.ts';
import type { Report } from './report.ts';

// Not imported: as an ES module node:http evaluates its getter of WebSocket, which loads all of undici and takes a third
// of the time that a command needs to start.
const { createServer, get } = process.getBuiltinModule('node:http');

export interface SocketOptions {
  readonly runDirectory: string;
  readonly namespace: string;
  readonly report: () => Promise<Report>;
  /** Milliseconds by which the loop is behind. */
  readonly silence: () => number;
  readonly onError: (message: string) => void;
}

/** A loop that is this late is stuck: the longest request has a deadline of one minute. */
const STUCK_MS = 180_000;
const ANSWER_DEADLINE_MS = 30_000;

const socketPath = (runDirectory: string, namespace: string): string => join(runDirectory, namespace, 'agent.sock');

/** Serve until stopped. A socket that cannot be made is reported and does not stop the data plane. */
export async function serveReport(options: SocketOptions): Promise<{ stop: () => Promise<void> }> {
  const path = socketPath(options.runDirectory, options.namespace);
  const server = createServer((request, response) => {
    const answer = (status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(`${JSON.stringify(body)}\n`);
    };
    if (request.url === '/healthz') {
      const silence = options.silence();
      answer(silence < STUCK_MS ? 200 : 503, { behindMilliseconds: silence });
    } else if (request.url === '/report') {
      options.report().then(
        (report) => answer(200, report),
        (error: unknown) => answer(500, { message: error instanceof Error ? error.message : String(error) }),
      );
    } else {
      answer(404, { message: 'there is /report and /healthz' });
    }
  });
  server.on('error', (error) => options.onError(`${path}: ${error.message}`));
  server.maxConnections = 32;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    // We hold the node lock, so a socket that is there belongs to nobody who lives.
    await rm(path, { force: true });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, () => {
        server.off('error', reject);
        resolve();
      });
    });
  } catch (error) {
    options.onError(`${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
  server.unref();
  return {
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export type AgentAnswer =
  | { readonly status: 'answered'; readonly report: Report }
  /** No agent listens there. */
  | { readonly status: 'absent' }
  | { readonly status: 'failed'; readonly message: string };

/** Ask the agent of this node, if there is one. */
export function askAgent(runDirectory: string, namespace: string): Promise<AgentAnswer> {
  return new Promise((resolve) => {
    const request = get(
      { socketPath: socketPath(runDirectory, namespace), path: '/report', timeout: ANSWER_DEADLINE_MS },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          if (response.statusCode === 200) resolve({ status: 'answered', report: JSON.parse(text) as Report });
          else resolve({ status: 'failed', message: text.trim() });
        });
      },
    );
    request.on('timeout', () => request.destroy(new Error(`no answer in ${ANSWER_DEADLINE_MS / 1000} s`)));
    request.on('error', (error) => {
      const absent = isErrno(error, 'ENOENT') || isErrno(error, 'ECONNREFUSED');
      resolve(absent ? { status: 'absent' } : { status: 'failed', message: error.message });
    });
  });
}
