/**
 * Waiting for objects of the API to become what is expected: a list, then a watch, so that nothing is missed and nothing is
 * asked twice.
 */
import type { Requests } from './requests.ts';

export interface ApiObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly generation?: number;
    readonly labels?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
}

export interface UntilOptions {
  /** labelSelector, fieldSelector. */
  readonly query?: Readonly<Record<string, string>>;
  readonly deadlineMs?: number;
}

const DEADLINE_MS = 60_000;

/**
 * Resolves with what `judge` makes of the objects of a collection, as soon as that is not undefined; `judge` is asked for
 * the list and after each event. Rejects at the deadline, with the last objects.
 */
export async function until<O extends ApiObject, T>(
  requests: Requests,
  collection: string,
  judge: (objects: readonly O[]) => T | undefined,
  { query = {}, deadlineMs = DEADLINE_MS }: UntilOptions = {},
): Promise<T> {
  const late = AbortSignal.timeout(deadlineMs);
  const objects = new Map<string, O>();
  const look = (): T | undefined => judge([...objects.values()]);
  const path = (more: Readonly<Record<string, string>>): string =>
    `${collection}?${new URLSearchParams({ ...query, ...more }).toString()}`;
  // The server may end a watch when it likes, or say that it is too old: then all over.
  while (!late.aborted) {
    const list = await requests.api<{ metadata: { resourceVersion: string }; items: O[] }>('GET', path({}));
    objects.clear();
    for (const object of list.items) objects.set(object.metadata.uid, object);
    let result = look();
    if (result !== undefined) return result;
    const found = new AbortController();
    const onLine = (line: string): void => {
      if (result !== undefined) return;
      const { type, object } = JSON.parse(line) as { type: string; object: O };
      if (type === 'ERROR') return;
      if (type === 'DELETED') objects.delete(object.metadata.uid);
      else objects.set(object.metadata.uid, object);
      result = look();
      if (result !== undefined) found.abort();
    };
    const watch = path({ watch: 'true', resourceVersion: list.metadata.resourceVersion });
    try {
      await requests.lines(watch, onLine, AbortSignal.any([late, found.signal]));
    } catch (error) {
      if (!late.aborted && !found.signal.aborted) throw error;
    }
    if (result !== undefined) return result;
  }
  // Who wrote which field is most of an object, and of no interest here.
  const last = JSON.stringify([...objects.values()], (key, value: unknown) =>
    key === 'managedFields' ? undefined : value,
  );
  throw new Error(`${collection}: not as expected after ${deadlineMs} ms; the objects are:\n${last}`);
}
