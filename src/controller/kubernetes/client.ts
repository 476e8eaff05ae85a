/**
 * Requests to the API server and streams from it, over one pool of connections. What goes wrong is a value: nothing here
 * rejects.
 */
import type { IncomingMessage } from 'node:http';
import { BODY_TOO_LARGE, noAnswer } from './api-error.ts';
import { openCancel, type Cancel } from './cancel.ts';
import type { Credentials } from './credentials.ts';
import { readBody } from './exchange.ts';
import { follow } from './follow.ts';
import { messageOf } from './values.ts';
import { endOf, openSender, refusalOf, type Call } from './send.ts';

/** Why a request got no good answer. */
export interface ApiError {
  /** The HTTP status, or null when there was no HTTP answer. */
  readonly status: number | null;
  /** `reason` of the Status object, for example `AlreadyExists`; ours is BODY_TOO_LARGE. */
  readonly reason: string | null;
  /** For people: names the method, the path, and what to do. */
  readonly message: string;
  /** When to come again, in milliseconds, if the server said so. */
  readonly retryAfterMs: number | null;
}

export type ApiResult<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: ApiError };

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Of the body; `application/json` by default. */
  readonly contentType?: string;
  /** For the whole exchange, a second try included. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
}

export interface ApiStream {
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** The stream is destroyed when nothing arrives for so long. */
  readonly idleMs: number;
  readonly signal: AbortSignal;
  /** The server answered with 200. */
  readonly onOpen?: () => void;
  /** A complete line without its end. */
  readonly onLine: (line: string) => void;
}

export type StreamEnd =
  | { readonly kind: 'closed' }
  | { readonly kind: 'idle' }
  | { readonly kind: 'aborted' }
  | { readonly kind: 'failed'; readonly error: ApiError };

export interface ApiClient {
  readonly server: URL;
  /** JSON in, JSON out; null for an answer without a body. Never rejects. */
  request(request: ApiRequest): Promise<ApiResult<unknown>>;
  /** Line by line. Resolves when the stream ends, for whatever reason. Never rejects. */
  stream(stream: ApiStream): Promise<StreamEnd>;
  /** Ends what is under way. */
  close(): void;
}

export interface ClientOptions {
  /** Of requests, and of streams until their answer begins. */
  readonly deadlineMs?: number;
  /** For name, TCP and TLS of a new connection. */
  readonly connectMs?: number;
}

const DEADLINE_MS = 15_000;
const CONNECT_MS = 10_000;
const LONGEST_BODY = 64 * 1024 * 1024;

/** A client that has not connected yet. */
export function openApiClient(credentials: Credentials, options: ClientOptions = {}): ApiClient {
  const { deadlineMs = DEADLINE_MS, connectMs = CONNECT_MS } = options;
  const { server } = credentials;
  const sender = openSender(credentials, connectMs);
  const closing = new AbortController();
  /** Never rejects, whatever is wrong with the call. */
  const guarded = async <T>(
    what: string,
    signal: AbortSignal | undefined,
    work: (cancel: Cancel) => Promise<T>,
    failed: (error: ApiError) => T,
  ): Promise<T> => {
    const cancel = openCancel([closing.signal, signal]);
    try {
      return await work(cancel);
    } catch (error) {
      return failed(noAnswer(what, messageOf(error)));
    } finally {
      cancel.end();
    }
  };

  return {
    server,
    request(request) {
      const what = `${request.method} ${request.path}`;
      const work = async (cancel: Cancel): Promise<ApiResult<unknown>> => {
        const call: Call = {
          what,
          method: request.method,
          path: target(server, request.path, request.query),
          body: request.body === undefined ? null : JSON.stringify(request.body),
          contentType: request.contentType ?? 'application/json',
          cancel,
          deadlineMs: request.deadlineMs ?? deadlineMs,
        };
        const outcome = await sender.send(call);
        return outcome.kind === 'failed' ? { ok: false, error: outcome.error } : readAnswer(call, outcome.response);
      };
      return guarded<ApiResult<unknown>>(what, request.signal, work, (error) => ({ ok: false, error }));
    },
    async stream(stream) {
      const what = `GET ${stream.path}`;
      const work = async (cancel: Cancel): Promise<StreamEnd> => {
        const path = target(server, stream.path, stream.query);
        const call: Call = { what, method: 'GET', path, body: null, contentType: '', cancel, deadlineMs };
        const outcome = await sender.send(call);
        if (outcome.kind === 'failed') return outcome;
        const { response } = outcome;
        if (response.statusCode !== 200) return { kind: 'failed', error: await refusalOf(call, response) };
        cancel.limit(null);
        return follow(call, response, stream);
      };
      sender.streams(1);
      const end = await guarded<StreamEnd>(what, stream.signal, work, (error) => ({ kind: 'failed', error }));
      sender.streams(-1);
      return stream.signal.aborted || closing.signal.aborted ? { kind: 'aborted' } : end;
    },
    close() {
      closing.abort();
      sender.close();
    },
  };
}

async function readAnswer(call: Call, response: IncomingMessage): Promise<ApiResult<unknown>> {
  const status = response.statusCode ?? 0;
  if (status < 200 || status > 299) return { ok: false, error: await refusalOf(call, response) };
  const body = await readBody(response, LONGEST_BODY);
  if (body.kind === 'broken') return { ok: false, error: noAnswer(call.what, endOf(call, body.message)) };
  const bad = (message: string, reason: string | null): ApiResult<unknown> => ({
    ok: false,
    error: { status, reason, message: `${call.what}: ${message}`, retryAfterMs: null },
  });
  if (body.kind === 'too-large') return bad(`the answer is longer than ${LONGEST_BODY / 2 ** 20} MiB`, BODY_TOO_LARGE);
  if (body.text === '') return { ok: true, value: null };
  try {
    return { ok: true, value: JSON.parse(body.text) as unknown };
  } catch {
    return bad(`the answer is not JSON: ${body.text.slice(0, 100)}`, null);
  }
}

/** The path of a request; the server may have one of its own, in front. */
function target(server: URL, path: string, query: Readonly<Record<string, string>> | undefined): string {
  const text = new URLSearchParams(query).toString();
  return `${server.pathname.replace(/\/$/, '')}${path}${text === '' ? '' : `?${text}`}`;
}
