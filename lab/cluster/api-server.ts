/**
 * kube-apiserver, which can be stopped, frozen and started again on the same port with the same objects.
 */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type Child, startChild } from './child.ts';
import { HOST_IN_LAB } from '../expose.ts';
import type { Certificates } from './certificates.ts';
import { awaitReady } from './ready.ts';
import type { Requests } from './requests.ts';

export interface ApiServer {
  isRunning(): boolean;
  /** End it at once, as a machine that fails. */
  stop(): Promise<void>;
  /** On the same port, with the same objects; resolves when it is ready. */
  start(): Promise<void>;
  /** Resolves when it does nothing any more; its connections stay. */
  freeze(): Promise<void>;
  /** Let it go on. */
  thaw(): void;
}

export interface ApiServerOptions {
  readonly program: string;
  readonly folder: string;
  readonly port: number;
  readonly etcdUrl: string;
  readonly certificates: Certificates;
  readonly tokenFile: string;
  /** Flags that make it write an audit log. */
  readonly audit: Readonly<Record<string, string>>;
  readonly requests: Requests;
}

const SERVICE_RANGES = ['10.96.0.0/16', 'fd00:96::/112'];

/** What the serving certificate is for. */
export const SERVER_NAMES = [
  'IP:127.0.0.1',
  `IP:${HOST_IN_LAB}`,
  'DNS:localhost',
  // As Pods call it.
  'IP:10.96.0.1',
  'IP:fd00:96::1',
  'DNS:kubernetes',
  'DNS:kubernetes.default.svc',
];

/** Does not start it yet. */
export function makeApiServer(options: ApiServerOptions): ApiServer {
  const { certificates, folder, port, requests } = options;
  const flags = {
    'bind-address': '127.0.0.1',
    'secure-port': port,
    // Clients outside of this machine are those in the lab. `default/kubernetes` names this address.
    'advertise-address': HOST_IN_LAB,
    'etcd-servers': options.etcdUrl,
    'token-auth-file': options.tokenFile,
    'authorization-mode': 'RBAC',
    'tls-cert-file': certificates.servingCertificate,
    'tls-private-key-file': certificates.servingKey,
    'service-account-issuer': 'https://kubernetes.default.svc',
    'service-account-signing-key-file': certificates.serviceAccountKey,
    'service-account-key-file': certificates.serviceAccountKey,
    'service-cluster-ip-range': SERVICE_RANGES.join(','),
    ...options.audit,
  };
  let child: Child | null = null;
  return {
    isRunning: () => child !== null,
    async start() {
      if (child !== null) throw new Error('the API server runs already');
      const started = await startChild(options.program, flags, join(folder, 'kube-apiserver.log'));
      await awaitReady(started, async () => (await requests.request('GET', '/readyz')).status === 200);
      child = started;
    },
    async stop() {
      const stopping = child;
      child = null;
      await stopping?.kill();
      // Connections to it that are still in the pool would fail the first requests to the next one.
      requests.close();
    },
    freeze: async () => child?.freeze(),
    thaw: () => child?.thaw(),
  };
}

const FIRST_PORT = 20_000;
const LAST_PORT = 30_000;
const PORT_ATTEMPTS = 20;

/**
 * A free port on the loopback, below those that the kernel gives to clients: one of them could take it while the API
 * server is stopped.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < PORT_ATTEMPTS; attempt++) {
    const port = randomInt(FIRST_PORT, LAST_PORT);
    if (await isFree(port)) return port;
  }
  throw new Error(`${PORT_ATTEMPTS} ports between ${FIRST_PORT} and ${LAST_PORT} are all in use`);
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
