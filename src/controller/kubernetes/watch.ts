/** One watch, from its opening to its end. */
import type { ApiClient, ApiError } from './client.ts';
import { parseEvent, type WatchEvent } from './wire.ts';

export interface WatchOptions {
  readonly kind: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** What is newer is told. */
  readonly resourceVersion: string;
  /** The server ends the watch by then. */
  readonly timeoutSeconds: number;
  readonly idleMs: number;
  readonly signal: AbortSignal;
  readonly onOpen: () => void;
  readonly onEvent: (event: Told) => void;
}

/** What tells something about objects. */
export type Told = Extract<WatchEvent, { type: 'present' | 'deleted' | 'bookmark' }>;

export type WatchEnd =
  /** The version is too old: a list is needed. */
  | { readonly kind: 'expired' }
  /** Something that is no event came: what else is wrong cannot be known. */
  | { readonly kind: 'garbage'; readonly message: string }
  /** The server ended it, it was silent, or the connection broke. */
  | { readonly kind: 'ended' }
  /** The server reported a failure of its own within the watch. */
  | { readonly kind: 'error'; readonly error: ApiError }
  /** There was no watch. */
  | { readonly kind: 'refused'; readonly error: ApiError };

/** Resolves when the watch is over. Never rejects unless a callback throws. */
export async function watchOnce(client: ApiClient, options: WatchOptions): Promise<WatchEnd> {
  const { kind, path } = options;
  const ending = new AbortController();
  const abort = (): void => ending.abort();
  let verdict: WatchEnd | null = null;
  let opened = false;
  const onLine = (line: string): void => {
    if (line.trim() === '') return;
    const event = parseEvent(kind, line);
    if (event.type === 'garbage') verdict = { kind: 'garbage', message: event.message };
    else if (event.type === 'error') verdict = errorEnd(path, event);
    else if (event.type !== 'unknown') options.onEvent(event);
    if (verdict !== null) abort();
  };
  if (options.signal.aborted) abort();
  options.signal.addEventListener('abort', abort);
  try {
    const end = await client.stream({
      path,
      query: {
        ...options.query,
        watch: 'true',
        allowWatchBookmarks: 'true',
        resourceVersion: options.resourceVersion,
        timeoutSeconds: String(options.timeoutSeconds),
      },
      idleMs: options.idleMs,
      signal: ending.signal,
      onOpen: () => {
        opened = true;
        options.onOpen();
      },
      onLine,
    });
    if (verdict !== null) return verdict;
    if (end.kind !== 'failed' || opened) return { kind: 'ended' };
    return end.error.status === 410 ? { kind: 'expired' } : { kind: 'refused', error: end.error };
  } finally {
    options.signal.removeEventListener('abort', abort);
  }
}

function errorEnd(path: string, event: Extract<WatchEvent, { type: 'error' }>): WatchEnd {
  if (event.code === 410 || event.reason === 'Expired' || event.reason === 'Gone') return { kind: 'expired' };
  const message = `GET ${path}: ${event.code ?? 'an error'} within the watch: ${event.message}`;
  return { kind: 'error', error: { status: event.code, reason: event.reason, message, retryAfterMs: null } };
}
