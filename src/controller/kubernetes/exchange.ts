/** One HTTP exchange up to the head of its answer, and reading the body of an answer within bounds. */
import type { IncomingMessage } from 'node:http';
import type { Agent, RequestOptions } from 'node:https';
import type { Socket } from 'node:net';
import { messageOf } from './values.ts';

// Not imported: as an ES module it evaluates the getter of node:http's WebSocket, which loads all of undici.
const { request: httpsRequest } = process.getBuiltinModule('node:https');

export interface Exchange {
  readonly agent: Agent;
  readonly server: URL;
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  /** Destroys the exchange at any time, the body of the answer included. */
  readonly signal: AbortSignal;
  /** Time for name, TCP and TLS together. */
  readonly connectMs: number;
}

export type Opened =
  | { readonly kind: 'answered'; readonly response: IncomingMessage }
  | {
      readonly kind: 'broken';
      readonly message: string;
      /** One of the two sides does not like the other's certificate. */
      readonly distrust: boolean;
      /** A connection that had been used before was closed by the server, probably before it saw this request. */
      readonly stale: boolean;
    };

/** Sockets whose TLS handshake is over. A pool hands them on without saying so. */
const secured = new WeakSet<Socket>();

/** Resolves with the head of the answer. Never rejects. */
export function openExchange(exchange: Exchange): Promise<Opened> {
  return new Promise((resolve) => {
    let connecting: NodeJS.Timeout | undefined;
    let connected = false;
    let used = false;
    const options: RequestOptions = {
      agent: exchange.agent,
      ...hostOf(exchange.server),
      method: exchange.method,
      path: exchange.path,
      headers: exchange.headers,
      signal: exchange.signal,
    };
    const broken = (error: unknown): void => {
      clearTimeout(connecting);
      const code = error instanceof Error && 'code' in error ? String(error.code) : '';
      const message = messageOf(error);
      resolve({
        kind: 'broken',
        message: message === '' ? code : message,
        distrust: isTlsCode(code) && (connected || used),
        stale: used && (code === 'ECONNRESET' || code === 'EPIPE'),
      });
    };
    try {
      const request = httpsRequest(options);
      request.on('socket', (socket) => {
        used = secured.has(socket);
        if (used) return;
        connecting = setTimeout(
          () => request.destroy(new Error(`no connection in ${exchange.connectMs / 1_000} s`)),
          exchange.connectMs,
        );
        socket.once('connect', () => {
          connected = true;
        });
        socket.once('secureConnect', () => {
          secured.add(socket);
          clearTimeout(connecting);
        });
      });
      request.on('response', (response) => {
        clearTimeout(connecting);
        // It may break before anybody reads it.
        response.on('error', () => {});
        resolve({ kind: 'answered', response });
      });
      // Comes after the answer, too, and then ends the answer as well.
      request.on('error', broken);
      request.end(exchange.body ?? undefined);
    } catch (error) {
      // For example a header with characters that no header may have.
      broken(error);
    }
  });
}

/** Where to connect. Brackets around an address are for URLs only. */
export function hostOf({ hostname, port }: URL): { readonly hostname: string; readonly port: number } {
  return {
    hostname: hostname.startsWith('[') ? hostname.slice(1, -1) : hostname,
    port: port === '' ? 443 : Number(port),
  };
}

/** Codes of OpenSSL and of Node for certificates and for what the other side says of ours (nodejs.org/api/tls.html). */
const isTlsCode = (code: string): boolean =>
  /^(EPROTO$|ERR_SSL_|ERR_OSSL_|ERR_TLS_|CERT_|CRL_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|INVALID_|PATH_LENGTH_|HOSTNAME_)/.test(
    code,
  );

export const ENDED_EARLY = 'the connection ended within the answer';

export type Body =
  | { readonly kind: 'whole'; readonly text: string }
  /** The first `longest` bytes; the rest is not read. */
  | { readonly kind: 'too-large'; readonly text: string }
  | { readonly kind: 'broken'; readonly message: string };

/** Reads up to `longest` bytes. Never rejects. */
export function readBody(response: IncomingMessage, longest: number): Promise<Body> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const early = (): void => resolve({ kind: 'broken', message: ENDED_EARLY });
    // Then nothing is told any more.
    if (response.destroyed) early();
    response.on('data', (chunk: Buffer) => {
      length += chunk.length;
      chunks.push(chunk);
      if (length <= longest) return;
      resolve({ kind: 'too-large', text: Buffer.concat(chunks).toString('utf8', 0, longest) });
      response.destroy();
    });
    response.on('end', () => resolve({ kind: 'whole', text: Buffer.concat(chunks).toString('utf8') }));
    response.on('error', (error) => resolve({ kind: 'broken', message: error.message }));
    response.on('close', early);
  });
}
