/**
 * etcd, in which the API server keeps its objects: on a Unix socket, and without waiting for the disk.
 */
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { join } from 'node:path';
import { type Child, startChild } from './child.ts';
import { awaitReady } from './ready.ts';

export interface Etcd {
  readonly child: Child;
  /** For `--etcd-servers`. */
  readonly url: string;
  /** Forget all but the newest revision. */
  compact(): Promise<void>;
}

const DEADLINE_MS = 20_000;

export async function startEtcd(program: string, folder: string): Promise<Etcd> {
  const socket = join(folder, 'etcd.sock');
  // It insists on an address for peers, and there are none.
  const nobody = 'http://localhost:1';
  const flags = {
    name: 'lab',
    'data-dir': join(folder, 'etcd'),
    'unsafe-no-fsync': true,
    'log-level': 'warn',
    'listen-client-urls': `unix://${socket}`,
    'advertise-client-urls': nobody,
    'listen-peer-urls': `unix://${join(folder, 'etcd-peer.sock')}`,
    'initial-advertise-peer-urls': nobody,
    'initial-cluster': `lab=${nobody}`,
  };
  const child = await startChild(program, flags, join(folder, 'etcd.log'));
  await awaitReady(child, async () => (await ask(socket, 'GET', '/health')).status === 200);
  return {
    child,
    url: `unix://${socket}`,
    async compact() {
      const status = await ask(socket, 'POST', '/v3/maintenance/status', {});
      const { header } = JSON.parse(status.text) as { header: { revision: string } };
      const answer = await ask(socket, 'POST', '/v3/kv/compaction', { revision: header.revision, physical: true });
      // There is nothing to forget when it was compacted at this revision before.
      if (answer.status !== 200 && !answer.text.includes('has been compacted')) {
        throw new Error(`etcd did not compact revision ${header.revision}: ${answer.text}`);
      }
    },
  };
}

/** One request to its gRPC gateway. */
async function ask(
  socketPath: string,
  method: 'GET' | 'POST',
  path: string,
  body?: object,
): Promise<{ status: number; text: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>();
  const asked = request({ socketPath, path, method, signal: AbortSignal.timeout(DEADLINE_MS) }, (response) => {
    text(response).then((answer) => resolve({ status: response.statusCode ?? 0, text: answer }), reject);
  });
  asked.once('error', reject);
  asked.end(body === undefined ? undefined : JSON.stringify(body));
  return promise;
}
