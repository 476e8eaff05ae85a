/**
 * An API server that says what a test tells it to: each request waits until the test takes it and answers. Real TLS over
 * the loopback, so that connections, half lines and broken connections are real, too.
 */
import { createServer } from 'node:https';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { ConnectionOptions, Credentials } from '../../src/controller/kubernetes/credentials.ts';
import { newAuthority, type Authority } from './certificates.ts';

/** A request that waits for its answer. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** The client has a certificate of the server's authority. */
  readonly certified: boolean;
  /** Resolves when the connection that brought it ends. */
  readonly disconnected: Promise<unknown>;
  /** Answer with JSON. */
  json(value: unknown, status?: number, headers?: Readonly<Record<string, string>>): void;
  /** Answer with a Status object. */
  fail(status: number, reason: string, headers?: Readonly<Record<string, string>>): void;
  /** Answer with any text. */
  text(text: string, status?: number): void;
  /** Answer with 200 and keep the answer open. */
  watch(): Watching;
  /** Break the connection. */
  destroy(): void;
  /** Resolves when the answer is over, or its connection. */
  readonly over: Promise<void>;
}

export interface Watching {
  send(type: string, object: unknown): void;
  raw(bytes: string | Uint8Array): void;
  end(): void;
  destroy(): void;
  readonly over: Promise<void>;
}

export interface ApiServer {
  readonly url: URL;
  readonly authority: Authority;
  /** TLS connections so far. */
  readonly connections: number;
  /** Requests so far. */
  readonly requests: number;
  /** The next request, in the order in which they came. Rejects when none comes in five seconds. */
  next(): Promise<Asked>;
  /** Answer all requests from now on by this. */
  answerBy(answer: (asked: Asked) => void): void;
  /** Use another certificate for new connections. */
  replaceCertificate(authority: Authority): void;
  /** Credentials without a file. */
  credentials(options?: Partial<ConnectionOptions>): Credentials & { readonly renewals: number };
  stop(): Promise<void>;
}

const DEADLINE_MS = 5_000;

/** Listens at 127.0.0.1. */
export async function startApiServer(): Promise<ApiServer> {
  const authority = newAuthority('test authority');
  const waiting: Asked[] = [];
  const takers: ((asked: Asked) => void)[] = [];
  /** With the end of each. */
  const sockets = new Map<Socket, Promise<void>>();
  let connections = 0;
  let requests = 0;
  let answer = (asked: Asked): void => {
    const taker = takers.shift();
    if (taker === undefined) waiting.push(asked);
    else taker(asked);
  };

  const server = createServer(
    { ...authority.issue('api server'), ca: authority.ca, requestCert: true, rejectUnauthorized: false },
    (request, response) => {
      requests += 1;
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const url = new URL(request.url ?? '', 'https://localhost');
        answer({
          method: request.method ?? '',
          path: url.pathname,
          query: Object.fromEntries(url.searchParams),
          headers: request.headers,
          body: Buffer.concat(chunks).toString(),
          certified: request.socket instanceof TLSSocket && request.socket.authorized,
          disconnected: sockets.get(request.socket) ?? Promise.resolve(),
          ...answers(response),
        });
      });
    },
  );
  server.on('secureConnection', (socket: Socket) => {
    connections += 1;
    socket.on('error', () => {});
    const ended = new Promise<void>((resolve) => {
      socket.on('close', () => {
        sockets.delete(socket);
        resolve();
      });
    });
    sockets.set(socket, ended);
  });
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const url = new URL(`https://127.0.0.1:${(server.address() as AddressInfo).port}`);

  return {
    url,
    authority,
    get connections() {
      return connections;
    },
    get requests() {
      return requests;
    },
    next() {
      const asked = waiting.shift();
      if (asked !== undefined) return Promise.resolve(asked);
      return new Promise((resolve, reject) => {
        const taker = (taken: Asked): void => {
          clearTimeout(timer);
          resolve(taken);
        };
        const timer = setTimeout(() => {
          takers.splice(takers.indexOf(taker), 1);
          reject(new Error('no request came in five seconds'));
        }, DEADLINE_MS);
        takers.push(taker);
      });
    },
    answerBy(by) {
      answer = by;
      for (const asked of waiting.splice(0)) by(asked);
    },
    replaceCertificate(other) {
      server.setSecureContext({ ...other.issue('api server'), ca: other.ca });
    },
    credentials(options = {}) {
      let renewals = 0;
      return {
        server: url,
        trouble: null,
        get renewals() {
          return renewals;
        },
        options: () => Promise.resolve({ headers: {}, ca: authority.ca, ...options }),
        renew() {
          renewals += 1;
        },
      };
    },
    async stop() {
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      server.closeAllConnections();
      for (const socket of sockets.keys()) socket.destroy();
      await closed;
    },
  };
}

function answers(response: ServerResponse): Pick<Asked, 'json' | 'fail' | 'text' | 'watch' | 'destroy' | 'over'> {
  const over = new Promise<void>((resolve) => {
    response.on('close', resolve);
  });
  const json = (value: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): void => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(value));
  };
  const destroy = (): void => {
    response.destroy();
  };
  return {
    over,
    json,
    destroy,
    fail: (code, reason, headers) =>
      json(
        { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message: `told: ${reason}` },
        code,
        headers,
      ),
    text(text, status = 200) {
      response.writeHead(status, { 'content-type': 'text/html' });
      response.end(text);
    },
    watch() {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.flushHeaders();
      return {
        send: (type, object) => response.write(`${JSON.stringify({ type, object })}\n`),
        raw: (bytes) => response.write(bytes),
        end: () => response.end(),
        destroy,
        over,
      };
    },
  };
}
