/** What the API server sends in lists and watches, checked and taken apart. Pure. */
import { isRecord } from './values.ts';

/** An object with the part of its metadata that following it needs. */
export interface Seen {
  /** namespace/name, or name for objects without a namespace. */
  readonly key: string;
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly resourceVersion: string;
  readonly generation: number | null;
  readonly object: Readonly<Record<string, unknown>>;
}

export type Page =
  | {
      readonly ok: true;
      readonly resourceVersion: string;
      /** Token of the next page, or null. */
      readonly next: string | null;
      readonly objects: readonly Seen[];
    }
  | { readonly ok: false; readonly message: string };

/** A page of a list of `kind`. Objects get the kind and apiVersion that lists of built-in kinds leave out. */
export function parsePage(kind: string, value: unknown): Page {
  if (!isRecord(value)) return nonsense('the answer is not an object');
  if (value['kind'] !== `${kind}List`) return nonsense(`the answer is a ${show(value['kind'])}, not a ${kind}List`);
  const { metadata, items, apiVersion } = value;
  if (!isRecord(metadata) || !isVersion(metadata['resourceVersion']))
    return nonsense('the list has no resourceVersion');
  if (!Array.isArray(items)) return nonsense('the items of the list are no list');
  const objects: Seen[] = [];
  for (const item of items as unknown[]) {
    const object = isRecord(item) ? seen(kind, { kind, apiVersion, ...item }) : null;
    if (object === null)
      return nonsense(`the list holds something that is no ${kind} with name, uid and resourceVersion`);
    objects.push(object);
  }
  const next = metadata['continue'];
  return {
    ok: true,
    resourceVersion: metadata['resourceVersion'],
    next: typeof next === 'string' && next !== '' ? next : null,
    objects,
  };
}

export type WatchEvent =
  | { readonly type: 'present' | 'deleted'; readonly object: Seen }
  | { readonly type: 'bookmark'; readonly resourceVersion: string }
  | { readonly type: 'error'; readonly code: number | null; readonly reason: string | null; readonly message: string }
  /** Of a type that we do not know. */
  | { readonly type: 'unknown' }
  | { readonly type: 'garbage'; readonly message: string };

/** A line of a watch of `kind`. */
export function parseEvent(kind: string, line: string): WatchEvent {
  let event: unknown;
  try {
    event = JSON.parse(line);
  } catch {
    return garbage(line);
  }
  if (!isRecord(event) || typeof event['type'] !== 'string' || !isRecord(event['object'])) return garbage(line);
  const { type, object } = event as { type: string; object: Readonly<Record<string, unknown>> };
  if (type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED') {
    const found = seen(kind, { kind, ...object });
    if (found === null) return garbage(line);
    return { type: type === 'DELETED' ? 'deleted' : 'present', object: found };
  }
  if (type === 'BOOKMARK') {
    const version = isRecord(object['metadata']) ? object['metadata']['resourceVersion'] : null;
    return isVersion(version) ? { type: 'bookmark', resourceVersion: version } : garbage(line);
  }
  if (type !== 'ERROR') return { type: 'unknown' };
  const { code, reason, message } = object;
  return {
    type: 'error',
    code: typeof code === 'number' ? code : null,
    reason: typeof reason === 'string' ? reason : null,
    message: typeof message === 'string' ? message : 'no explanation',
  };
}

/** Whether a resourceVersion is older than another. Only decimal ones can be compared; others never are. */
export const isOlder = (a: string, b: string): boolean => DECIMAL.test(a) && DECIMAL.test(b) && BigInt(a) < BigInt(b);

const DECIMAL = /^\d{1,40}$/;

function seen(kind: string, object: Readonly<Record<string, unknown>>): Seen | null {
  const { metadata } = object;
  if (object['kind'] !== kind || !isRecord(metadata)) return null;
  const { name, namespace = '', uid, resourceVersion, generation } = metadata;
  if (typeof name !== 'string' || name === '' || typeof namespace !== 'string') return null;
  if (typeof uid !== 'string' || uid === '' || !isVersion(resourceVersion)) return null;
  return {
    key: namespace === '' ? name : `${namespace}/${name}`,
    uid,
    namespace,
    name,
    resourceVersion,
    generation: typeof generation === 'number' ? generation : null,
    object,
  };
}

const isVersion = (value: unknown): value is string => typeof value === 'string' && value !== '';
const nonsense = (message: string): Page => ({ ok: false, message });
const garbage = (line: string): WatchEvent => ({ type: 'garbage', message: line.slice(0, 100) });
const show = (value: unknown): string => (typeof value === 'string' ? value : 'nameless thing');
