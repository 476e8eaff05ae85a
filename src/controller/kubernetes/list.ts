/** Reads a complete list, page by page. */
import { BODY_TOO_LARGE } from './api-error.ts';
import type { ApiClient, ApiError } from './client.ts';
import { parsePage, type Seen } from './wire.ts';

export interface ListOptions<T> {
  readonly kind: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** Objects in a page. */
  readonly limit: number;
  readonly signal: AbortSignal;
  /** Called for each object; only what it makes of it is kept. */
  readonly project: (object: Seen) => T;
  /** A page came. */
  readonly onPage: () => void;
}

export type Listing<T> =
  | { readonly kind: 'listed'; readonly resourceVersion: string; readonly objects: readonly T[] }
  /** The server has forgotten the state that the pages are of. */
  | { readonly kind: 'expired' }
  | { readonly kind: 'failed'; readonly error: ApiError }
  /** The answer is no list. */
  | { readonly kind: 'nonsense'; readonly message: string };

/** A page may be tens of MB. */
const PAGE_DEADLINE_MS = 30_000;
/** A server that always has another page must not fill our memory. */
const MOST_OBJECTS = 1_000_000;
const MOST_PAGES = 100_000;

/** Resolves with the whole list or with why there is none. Never rejects unless `project` throws. */
export async function listAll<T>(client: ApiClient, options: ListOptions<T>): Promise<Listing<T>> {
  const { kind, path, signal } = options;
  const objects: T[] = [];
  let { limit } = options;
  let resourceVersion: string | null = null;
  let token: string | null = null;
  for (let pages = 0; pages < MOST_PAGES && objects.length <= MOST_OBJECTS;) {
    const query: Record<string, string> = { ...options.query, limit: String(limit) };
    if (token !== null) query['continue'] = token;
    const answer = await client.request({ method: 'GET', path, query, deadlineMs: PAGE_DEADLINE_MS, signal });
    if (!answer.ok) {
      if (answer.error.status === 410) return { kind: 'expired' };
      if (answer.error.reason !== BODY_TOO_LARGE || limit === 1) return { kind: 'failed', error: answer.error };
      limit = Math.ceil(limit / 2);
      continue;
    }
    const page = parsePage(kind, answer.value);
    if (!page.ok) return { kind: 'nonsense', message: page.message };
    options.onPage();
    pages += 1;
    // One version for all pages; if they differ, a watch from the first repeats what the later ones know already.
    resourceVersion ??= page.resourceVersion;
    for (const object of page.objects) objects.push(options.project(object));
    if (page.next === null) return { kind: 'listed', resourceVersion, objects };
    if (page.next === token) return { kind: 'nonsense', message: 'a page of the list names itself as the next one' };
    token = page.next;
  }
  return { kind: 'nonsense', message: `the list does not end after ${objects.length} objects` };
}
