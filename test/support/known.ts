/** Objects as the reflector has them, for tests of what is made of them. */
import type { OwnItems } from '../../src/controller/kubernetes/known.ts';
import type { OwnRecord } from '../../src/controller/kubernetes/records.ts';
import type { Item } from '../../src/controller/kubernetes/reflector.ts';

export interface ApiMeta {
  readonly uid?: string;
  readonly generation?: number;
  readonly resourceVersion?: string;
  readonly created?: string;
  readonly status?: unknown;
}

/** An object without checks, as it came from the API, with its key. */
export function apiItem(object: Record<string, unknown>, meta: ApiMeta = {}): [string, Item<OwnRecord>] {
  const { metadata, ...rest } = object as { metadata: { name: string; namespace?: string } };
  const { name, namespace = 'default' } = metadata;
  const { uid = `uid-${name}`, generation = 1, resourceVersion = '1', created = '2026-01-01T00:00:10Z' } = meta;
  const whole = { ...rest, metadata: { ...metadata, namespace, uid, generation, creationTimestamp: created } };
  const item: Item<OwnRecord> = {
    uid,
    namespace,
    name,
    resourceVersion,
    generation,
    generationSince: resourceVersion,
    record: { object: whole, status: meta.status },
  };
  return [`${namespace}/${name}`, item];
}

export const shown = (...items: readonly [string, Item<OwnRecord>][]): OwnItems => ({
  items: new Map(items),
  unreadable: new Set(),
});
