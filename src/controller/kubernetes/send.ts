/**
 * Sends a call with the credentials of the moment, and once more when they were refused or the connection had gone stale.
 */
import type { IncomingMessage } from 'node:http';
import { noAnswer, refusal } from './api-error.ts';
import { unlessAborted, type Cancel } from './cancel.ts';
import type { ApiError } from './client.ts';
import { openConnections } from './connections.ts';
import type { ConnectionOptions, Credentials } from './credentials.ts';
import { openExchange, readBody, type Opened } from './exchange.ts';
import { messageOf } from './values.ts';

export interface Call {
  /** Method and path, for messages. */
  readonly what: string;
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly body: string | null;
  readonly contentType: string;
  readonly cancel: Cancel;
  /** Until the whole answer is there, or the stream has begun. */
  readonly deadlineMs: number;
}

export type Outcome =
  | { readonly kind: 'answered'; readonly response: IncomingMessage }
  | { readonly kind: 'failed'; readonly error: ApiError };

export interface Sender {
  /** Resolves with the head of the answer, whatever its status. Never rejects. */
  send(call: Call): Promise<Outcome>;
  /** One stream more (1) or less (-1). */
  streams(change: 1 | -1): void;
  close(): void;
}

const LONGEST_REFUSAL = 64 * 1024;

export function openSender(credentials: Credentials, connectMs: number): Sender {
  const connections = openConnections();

  const once = async (call: Call): Promise<Opened | { readonly kind: 'unready'; readonly message: string }> => {
    const { signal } = call.cancel;
    let options: ConnectionOptions | null;
    try {
      options = await unlessAborted(credentials.options(), signal);
    } catch (error) {
      return { kind: 'unready', message: messageOf(error) };
    }
    if (options === null || signal.aborted) return { kind: 'unready', message: 'not sent' };
    return openExchange({
      agent: connections.agentFor(options),
      server: credentials.server,
      method: call.method,
      path: call.path,
      headers: { ...options.headers, ...headersOf(call) },
      body: call.body,
      signal,
      connectMs,
    });
  };

  return {
    async send(call) {
      call.cancel.limit(call.deadlineMs);
      const failed = (message: string): Outcome => ({
        kind: 'failed',
        error: noAnswer(call.what, endOf(call, message)),
      });
      let first = await once(call);
      // A new object may have been made although the connection broke, so POST is left to the caller.
      if (first.kind === 'broken' && first.stale && call.method !== 'POST') first = await once(call);
      if (first.kind === 'unready') return failed(first.message);
      if (first.kind === 'broken' && !first.distrust) return failed(first.message);
      if (first.kind === 'answered' && first.response.statusCode !== 401) return first;
      const refused =
        first.kind === 'answered' ? await refusalOf(call, first.response) : noAnswer(call.what, first.message);
      credentials.renew();
      const second = await once(call);
      if (second.kind === 'answered') return second;
      if (second.kind === 'broken') return failed(second.message);
      return { kind: 'failed', error: { ...refused, message: `${refused.message}; ${second.message}` } };
    },
    streams: (change) => connections.streams(change),
    close: () => connections.close(),
  };
}

/** The error that an answer other than 2xx is, its body read and dropped. */
export async function refusalOf(call: Call, response: IncomingMessage): Promise<ApiError> {
  const body = await readBody(response, LONGEST_REFUSAL);
  const text = body.kind === 'broken' ? '' : body.text;
  return refusal(call.what, response.statusCode ?? 0, response.headers['retry-after'], text);
}

/** Who ended a call says more than how it broke. */
export function endOf(call: Call, message: string): string {
  if (call.cancel.why === 'late') return `no answer in ${call.deadlineMs / 1_000} s`;
  return call.cancel.why === 'aborted' ? 'stopped' : message;
}

function headersOf(call: Call): Record<string, string> {
  const headers = { accept: 'application/json', 'user-agent': 'lvs-director' };
  if (call.body === null) return headers;
  return { ...headers, 'content-type': call.contentType, 'content-length': String(Buffer.byteLength(call.body)) };
}
