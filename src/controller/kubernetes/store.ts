/** The objects of one kind as records, and what each list and event changes about them. Knows no network. */
import type { Item } from './reflector.ts';
import { isOlder, type Seen } from './wire.ts';

/** An object and its record; null when it was not understood. */
export interface Projected<T> extends Omit<Seen, 'object'> {
  readonly record: T | null;
}

export interface Difference {
  /** Added, deleted, replaced by another of its name, or its record is not the same. */
  readonly records: boolean;
  /** As before, but of what has a generation, that one counts in place of its record. */
  readonly generations: boolean;
}

export interface Store<T> {
  readonly items: ReadonlyMap<string, Item<T>>;
  /** Keys of objects of which no record exists. */
  readonly unreadable: ReadonlySet<string>;
  /** These objects and no others are there. */
  replace(objects: readonly Projected<T>[]): Difference;
  /** This object is there. Older states of it than the known one change nothing. */
  put(object: Projected<T>): Difference;
  /** The object with this key and uid is not there any more. */
  remove(object: Pick<Seen, 'key' | 'uid'>): Difference;
}

/** The newest state that was seen, and the last one that was understood. */
interface Entry<T> {
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation: number | null;
  readonly item: Item<T> | null;
}

const NOTHING: Difference = { records: false, generations: false };
const EVERYTHING: Difference = { records: true, generations: true };

export function openStore<T>(same: (a: T, b: T) => boolean): Store<T> {
  const entries = new Map<string, Entry<T>>();
  const items = new Map<string, Item<T>>();
  const unreadable = new Set<string>();

  const write = (object: Projected<T>): Difference => {
    const before = entries.get(object.key);
    const known = before?.uid === object.uid ? before : null;
    if (known?.resourceVersion === object.resourceVersion) return NOTHING;
    const previous = known?.item ?? null;
    const since = previous?.generation === object.generation ? previous.generationSince : object.resourceVersion;
    const item = itemOf(object, since) ?? previous;
    const { uid, resourceVersion, generation } = object;
    entries.set(object.key, { uid, resourceVersion, generation, item });
    if (item === null) {
      unreadable.add(object.key);
      items.delete(object.key);
    } else {
      unreadable.delete(object.key);
      items.set(object.key, item);
    }
    if (known === null) return EVERYTHING;
    const records = item !== null && (known.item === null || !same(known.item.record, item.record));
    return { records, generations: generation === null ? records : generation !== known.generation };
  };
  const drop = (key: string): Difference => {
    entries.delete(key);
    items.delete(key);
    unreadable.delete(key);
    return EVERYTHING;
  };

  return {
    items,
    unreadable,
    replace(objects) {
      const present = new Set(objects.map(({ key }) => key));
      let difference = NOTHING;
      for (const key of entries.keys()) if (!present.has(key)) difference = drop(key);
      for (const object of objects) difference = either(difference, write(object));
      return difference;
    },
    put(object) {
      const known = entries.get(object.key);
      const stale = known?.uid === object.uid && isOlder(object.resourceVersion, known.resourceVersion);
      return stale ? NOTHING : write(object);
    },
    remove({ key, uid }) {
      // A deletion of an earlier object of this name says nothing about the one that is there.
      return entries.get(key)?.uid === uid ? drop(key) : NOTHING;
    },
  };
}

function itemOf<T>({ key: _key, record, ...meta }: Projected<T>, generationSince: string): Item<T> | null {
  return record === null ? null : { ...meta, generationSince, record };
}

const either = (a: Difference, b: Difference): Difference => ({
  records: a.records || b.records,
  generations: a.generations || b.generations,
});
