/**
 * Requests to the API server as its administrator, over connections that stay open.
 */
import { Agent, request as httpsRequest } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';

export interface ApiAnswer {
  readonly status: number;
  readonly text: string;
}

export interface RequestOptions {
  /** Of the body; `application/json`, and for PATCH `application/merge-patch+json`. */
  readonly contentType?: string;
  /** Of somebody else than the administrator. */
  readonly token?: string;
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
}

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface Requests {
  /** Whatever the status of the answer. */
  request(method: Method, path: string, body?: unknown, options?: RequestOptions): Promise<ApiAnswer>;
  /** The JSON of the answer; rejects, with the server's words, when it is not a good one. */
  api<T = unknown>(method: Method, path: string, body?: unknown, options?: RequestOptions): Promise<T>;
  /** The lines of the answer, until the server or the signal ends it. */
  lines(path: string, onLine: (line: string) => void, signal: AbortSignal): Promise<void>;
  /** Close connections that are open. The next request opens new ones. */
  close(): void;
}

export interface Server {
  readonly port: number;
  /** The authority's certificate, as PEM. */
  readonly ca: string;
  readonly token: string;
}

const DEADLINE_MS = 30_000;

export function makeRequests(server: Server): Requests {
  const agent = new Agent({ keepAlive: true, ca: server.ca });

  const send = (method: Method, path: string, body: unknown, options: RequestOptions): Promise<IncomingMessage> => {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const type = options.contentType ?? (method === 'PATCH' ? 'application/merge-patch+json' : 'application/json');
    const sent = httpsRequest({
      host: '127.0.0.1',
      port: server.port,
      path,
      method,
      agent,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      headers: {
        authorization: `Bearer ${options.token ?? server.token}`,
        accept: 'application/json',
        ...(payload === undefined ? {} : { 'content-type': type, 'content-length': Buffer.byteLength(payload) }),
      },
    });
    // More than one may come, also after the response has begun; whoever reads that is told.
    sent.on('error', reject);
    sent.once('response', resolve);
    sent.end(payload);
    return promise;
  };

  const request: Requests['request'] = async (method, path, body, options = {}) => {
    const late = AbortSignal.timeout(options.deadlineMs ?? DEADLINE_MS);
    const signal = options.signal === undefined ? late : AbortSignal.any([options.signal, late]);
    try {
      const response = await send(method, path, body, { ...options, signal });
      return { status: response.statusCode ?? 0, text: await text(response) };
    } catch (error) {
      const why = late.aborted ? 'no answer in time' : error instanceof Error ? error.message : String(error);
      throw new Error(`${method} ${path}: ${why}`, { cause: error });
    }
  };

  return {
    request,
    async api<T>(method: Method, path: string, body?: unknown, options?: RequestOptions): Promise<T> {
      const answer = await request(method, path, body, options);
      if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
      return JSON.parse(answer.text) as T;
    },
    async lines(path, onLine, signal) {
      const response = await send('GET', path, undefined, { signal });
      if (response.statusCode !== 200) throw new Error(`GET ${path}: ${await text(response)}`);
      response.setEncoding('utf8');
      let rest = '';
      for await (const chunk of response as AsyncIterable<string>) {
        const parts = (rest + chunk).split('\n');
        rest = parts.pop() ?? '';
        for (const line of parts) onLine(line);
      }
    },
    close: () => agent.destroy(),
  };
}
