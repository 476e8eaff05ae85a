/**
 * Leases on an API server that exists in memory only, behind networks that do what a test tells them to. All time is that
 * of the test's fake timers.
 */
import type { ApiClient, ApiError, ApiRequest, ApiResult } from '../../../../src/controller/kubernetes/client.ts';

/** What becomes of one request. */
export interface Fate {
  /** Until it is at the server. Infinity: it never gets there. */
  readonly thereMs?: number;
  /** Until the answer is back. Infinity: it never is. */
  readonly backMs?: number;
  /** The server refuses it. */
  readonly error?: Pick<ApiError, 'status' | 'retryAfterMs'>;
}

export interface Lease {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Readonly<Record<string, unknown>> & { readonly name: string; readonly resourceVersion: string };
  readonly spec: Readonly<Record<string, unknown>>;
}

/** A request as it came to the server. */
export interface Came {
  readonly ms: number;
  readonly request: ApiRequest;
}

export interface LeaseServer {
  readonly leases: ReadonlyMap<string, Lease>;
  readonly came: readonly Came[];
  /** Change a Lease from outside, or make one. */
  write(name: string, spec: Readonly<Record<string, unknown>>): void;
  remove(name: string): void;
  /** A client, each of whose requests meets its own fate. It keeps to deadlines and signals, as the real one does. */
  client(fate?: (request: ApiRequest) => Fate): ApiClient;
}

export const LEASES = '/apis/coordination.k8s.io/v1/namespaces/lvs/leases';

/** The namespace is `lvs`. */
export function openLeaseServer(): LeaseServer {
  const leases = new Map<string, Lease>();
  const came: Came[] = [];
  let version = 100;

  const refuse = (
    request: ApiRequest,
    status: number | null,
    retryAfterMs: number | null = null,
  ): ApiResult<never> => ({
    ok: false,
    error: { status, reason: null, message: `${request.method} ${request.path}: ${status ?? 'lost'}`, retryAfterMs },
  });
  const store = (object: Omit<Lease, 'metadata'> & { readonly metadata: { readonly name: string } }): Lease => {
    version += 1;
    const lease = { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
    leases.set(lease.metadata.name, lease);
    return lease;
  };
  const serve = (request: ApiRequest): ApiResult<unknown> => {
    const { method, path } = request;
    // What is sent is what it was when it was sent.
    const body = JSON.parse(JSON.stringify(request.body ?? null)) as Lease;
    if (method === 'POST') {
      if (path !== LEASES) return refuse(request, 404);
      if (leases.has(body.metadata.name)) return refuse(request, 409);
      return { ok: true, value: store(body) };
    }
    const lease = leases.get(path.slice(LEASES.length + 1));
    if (!path.startsWith(`${LEASES}/`) || lease === undefined) return refuse(request, 404);
    if (method === 'GET') return { ok: true, value: lease };
    if (method === 'PATCH') return { ok: true, value: store(merge(lease, body) as Lease) };
    if (method !== 'PUT') return refuse(request, 405);
    // A write without it would be without condition: that of ours must have one.
    if (body.metadata.resourceVersion === undefined) return refuse(request, 422);
    if (body.metadata.resourceVersion !== lease.metadata.resourceVersion) return refuse(request, 409);
    return { ok: true, value: store(body) };
  };

  return {
    leases,
    came,
    write(name, spec) {
      store({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name }, spec });
    },
    remove(name) {
      leases.delete(name);
    },
    client: (fate = () => ({})) => ({
      server: new URL('https://test'),
      request: (request) =>
        new Promise((resolve) => {
          const { thereMs = 0, backMs = 0, error } = fate(request);
          let timer: NodeJS.Timeout | undefined;
          const end = (answer: ApiResult<unknown>): void => {
            clearTimeout(timer);
            request.signal?.removeEventListener('abort', lost);
            resolve(answer);
          };
          const lost = (): void => end(refuse(request, null));
          if (request.signal?.aborted === true) return lost();
          request.signal?.addEventListener('abort', lost);
          if (request.deadlineMs !== undefined) timer = setTimeout(lost, request.deadlineMs);
          after(thereMs, () => {
            came.push({ ms: performance.now(), request });
            const answer = error === undefined ? serve(request) : refuse(request, error.status, error.retryAfterMs);
            after(backMs, () => end(answer));
          });
          return undefined;
        }),
      stream: () => Promise.resolve({ kind: 'closed' }),
      close: () => undefined,
    }),
  };
}

function after(ms: number, then: () => void): void {
  if (ms === 0) queueMicrotask(then);
  else if (ms !== Infinity) setTimeout(then, ms);
}

/** RFC 7396. */
function merge(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const merged: Record<string, unknown> = isObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key];
    else merged[key] = merge(merged[key], value);
  }
  return merged;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
