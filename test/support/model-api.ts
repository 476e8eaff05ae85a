/** Objects behind a client without a network: lists, watches, merge patches and their conditions, as an API server has them. */
import type { ApiClient, ApiError, ApiRequest, ApiResult, ApiStream } from '../../src/controller/kubernetes/client.ts';

export type ApiObject = Record<string, unknown> & { readonly metadata: Readonly<Record<string, unknown>> };

export interface ModelApi {
  readonly client: ApiClient;
  /** Writes that were asked for, in order. */
  readonly writes: ApiRequest[];
  /** Requests that no watch made, in order, as `METHOD PATH`. */
  readonly asked: string[];
  /** Watches that are open. */
  readonly watches: number;
  /** What is answered in place of the truth; null: nothing. */
  refuse: (request: ApiRequest) => ApiError | null;
  /** What watches of these collections are told comes later: at `release`. */
  hold(...collections: readonly string[]): void;
  release(): void;
  /** Make it or put it in place of another; `resourceVersion` is given. */
  put(collection: string, object: ApiObject): void;
  remove(collection: string, key: string): void;
  get(collection: string, key: string): ApiObject | undefined;
}

export const apiError = (status: number | null, more: Partial<ApiError> = {}): ApiError => ({
  status,
  reason: null,
  message: `told ${status ?? 'nothing'}`,
  retryAfterMs: null,
  ...more,
});

interface Watch {
  readonly collection: string;
  readonly stream: ApiStream;
}

/** @param kinds kinds by collection: `/apis/lvs-director.io/v1alpha1/directors` to `Director` */
export function openModelApi(kinds: Readonly<Record<string, string>>): ModelApi {
  const objects = new Map<string, Map<string, ApiObject>>(Object.keys(kinds).map((path) => [path, new Map()]));
  const watches = new Set<Watch>();
  const writes: ApiRequest[] = [];
  const asked: string[] = [];
  let version = 100;
  const holding = new Set<string>();
  const held: (() => void)[] = [];

  const of = (collection: string): Map<string, ApiObject> => {
    const found = objects.get(collection);
    if (found === undefined) throw new Error(`nobody knows ${collection}`);
    return found;
  };
  const tell = (collection: string, type: string, object: ApiObject): void => {
    const line = JSON.stringify({ type, object });
    const say = (): void => {
      for (const watch of watches) if (watch.collection === collection) watch.stream.onLine(line);
    };
    if (holding.has(collection)) held.push(say);
    else say();
  };
  const store = (collection: string, object: ApiObject): ApiObject => {
    version += 1;
    const key = keyOf(object);
    const stored = {
      kind: kinds[collection],
      ...object,
      metadata: { uid: `uid-${key}`, ...object.metadata, resourceVersion: String(version) },
    };
    const type = of(collection).has(key) ? 'MODIFIED' : 'ADDED';
    of(collection).set(key, stored);
    tell(collection, type, stored);
    return stored;
  };
  const patch = (collection: string, key: string, body: unknown): ApiResult<unknown> => {
    const before = of(collection).get(key);
    if (before === undefined) return refusal(404);
    const { metadata, ...change } = body as { metadata?: Readonly<Record<string, unknown>> };
    for (const field of ['uid', 'resourceVersion']) {
      const wanted = metadata?.[field];
      if (wanted !== undefined && wanted !== before.metadata[field]) return refusal(409);
    }
    const after = merged(before, change) as ApiObject;
    // What changes nothing is no change.
    if (JSON.stringify(after) === JSON.stringify(before)) return { ok: true, value: before };
    return { ok: true, value: store(collection, after) };
  };
  const answer = (request: ApiRequest): ApiResult<unknown> => {
    const { method, path, body } = request;
    const at = placeOf(path, kinds);
    if (method === 'PATCH' && at.key !== null) return patch(at.collection, at.key, body);
    if (method === 'POST') {
      const made = body as ApiObject;
      return of(at.collection).has(keyOf(made)) ? refusal(409) : { ok: true, value: store(at.collection, made) };
    }
    if (at.key === null) {
      const items = [...of(at.collection).values()];
      return {
        ok: true,
        value: { kind: `${kinds[at.collection]}List`, metadata: { resourceVersion: String(version) }, items },
      };
    }
    const found = of(at.collection).get(at.key);
    return found === undefined ? refusal(404) : { ok: true, value: found };
  };

  const api: ModelApi = {
    client: {
      server: new URL('https://localhost'),
      async request(request) {
        asked.push(`${request.method} ${request.path}`);
        if (request.method !== 'GET') writes.push(request);
        if (request.signal?.aborted === true) return { ok: false, error: apiError(null) };
        const error = api.refuse(request);
        return error === null ? answer(request) : { ok: false, error };
      },
      stream(stream) {
        const error = api.refuse({ method: 'GET', path: stream.path, query: stream.query });
        if (error !== null) return Promise.resolve({ kind: 'failed', error });
        const watch = { collection: stream.path, stream };
        watches.add(watch);
        stream.onOpen?.();
        return new Promise((resolve) => {
          const end = (): void => {
            watches.delete(watch);
            resolve({ kind: 'aborted' });
          };
          if (stream.signal.aborted) end();
          else stream.signal.addEventListener('abort', end);
        });
      },
      close: () => undefined,
    },
    writes,
    asked,
    get watches() {
      return watches.size;
    },
    refuse: () => null,
    hold(...collections) {
      for (const collection of collections) holding.add(collection);
    },
    release() {
      holding.clear();
      for (const say of held.splice(0)) say();
    },
    put(collection, object) {
      store(collection, object);
    },
    remove(collection, key) {
      const gone = of(collection).get(key);
      of(collection).delete(key);
      version += 1;
      if (gone === undefined) return;
      tell(collection, 'DELETED', { ...gone, metadata: { ...gone.metadata, resourceVersion: String(version) } });
    },
    get: (collection, key) => of(collection).get(key),
  };
  return api;
}

const refusal = (status: number): ApiResult<unknown> => ({ ok: false, error: apiError(status) });

function keyOf({ metadata: { namespace, name } }: ApiObject): string {
  const words = [namespace, name].filter((word): word is string => typeof word === 'string');
  return words.join('/');
}

/** The collection of a path, and the key of the object; a status is found where its object is. */
function placeOf(path: string, kinds: Readonly<Record<string, string>>): { collection: string; key: string | null } {
  const whole = path.replace(/\/status$/, '');
  if (whole in kinds) return { collection: whole, key: null };
  const parent = whole.replace(/\/[^/]+$/, '');
  const name = whole.slice(parent.length + 1);
  if (parent in kinds) return { collection: parent, key: name };
  const within = /^(.*)\/namespaces\/([^/]+)\/([^/]+)$/.exec(parent);
  if (within === null) throw new Error(`nobody knows ${path}`);
  return { collection: `${within[1]}/${within[3]}`, key: `${within[2]}/${name}` };
}

/** RFC 7396. */
function merged(before: unknown, change: unknown): unknown {
  if (!isRecord(change)) return change;
  const result: Record<string, unknown> = isRecord(before) ? { ...before } : {};
  for (const [key, value] of Object.entries(change)) {
    if (value === null) delete result[key];
    else result[key] = merged(result[key], value);
  }
  return result;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
