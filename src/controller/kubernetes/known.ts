/**
 * The objects of one of our kinds, as they are remembered: what the API server shows, and what it has ceased to show
 * without anybody having deleted it. Pure.
 *
 * When a CustomResourceDefinition is removed, by mistake as a rule, the API server deletes all objects of its kind first,
 * and watchers are told so, object by object. That is no wish of anybody who owns one of them.
 */
import { parseObject, type LvsObject, type Parsed } from '../../crd/parse.ts';
import { sameOwn, type OwnRecord } from './records.ts';
import type { Item } from './reflector.ts';
import { isRecord } from './values.ts';

/** What was accepted of an object, and of which generation it is. */
export interface Accepted {
  readonly object: LvsObject;
  readonly generation: number | null;
}

export interface KnownObject {
  readonly uid: string;
  readonly generation: number | null;
  /** metadata.creationTimestamp. */
  readonly created: string | null;
  readonly parsed: Parsed;
  /** The API server does not show it, and nobody is known to have deleted it. */
  readonly held: boolean;
  /** The newest state that counted; null when none ever did. */
  readonly good: Accepted | null;
}

/** By namespace/name. */
export type Known = ReadonlyMap<string, KnownObject>;

/** What is to be thought of objects that are not shown any more. */
export type Verdict =
  /** Their kind is alive since `created` (metadata.creationTimestamp): what is not older was deleted. */
  | { readonly kind: 'alive'; readonly created: string | null }
  /** Nothing can be concluded; `why` is for people. */
  | { readonly kind: 'unknown'; readonly why: string };

export interface OwnItems {
  readonly items: ReadonlyMap<string, Item<OwnRecord>>;
  readonly unreadable: ReadonlySet<string>;
}

/** Keys of objects that were known and are not shown any more. */
export const vanished = (known: Known, { items, unreadable }: OwnItems): string[] =>
  [...known.keys()].filter((key) => !items.has(key) && !unreadable.has(key));

/**
 * What is known after a look at the API server. An object that is as it was is the same value as before.
 * @param judged keys that had vanished before the verdict was asked for; it says nothing about others
 */
export function learn(known: Known, shown: OwnItems, judged: readonly string[], verdict: Verdict): Known {
  const isJudged = new Set(judged);
  const next = new Map<string, KnownObject>();
  for (const [key, item] of shown.items) {
    const before = known.get(key);
    next.set(key, before !== undefined && isSame(before, item) ? before : fromItem(item, before));
  }
  for (const key of vanished(known, shown)) {
    const before = known.get(key);
    if (before === undefined || (isJudged.has(key) && wasDeleted(before, verdict))) continue;
    next.set(key, before.held || !isJudged.has(key) ? before : { ...before, held: true });
  }
  for (const key of shown.unreadable) {
    const before = known.get(key);
    if (before !== undefined) next.set(key, before);
  }
  return next;
}

/**
 * An object cannot be older than its kind: one that is belongs to a CustomResourceDefinition that was there before, and
 * went with it. Timestamps have whole seconds.
 */
const wasDeleted = ({ created }: KnownObject, verdict: Verdict): boolean =>
  verdict.kind === 'alive' && (verdict.created === null || created === null || created >= verdict.created);

/** The records behind them, so that an object that did not change is not parsed again. */
const SOURCES = new WeakMap<KnownObject, OwnRecord>();

function isSame(before: KnownObject, { uid, record }: Item<OwnRecord>): boolean {
  if (before.held || before.uid !== uid) return false;
  const source = SOURCES.get(before);
  return source === record || (source !== undefined && sameOwn(source, record));
}

function fromItem({ uid, generation, record }: Item<OwnRecord>, before: KnownObject | undefined): KnownObject {
  const good = before?.uid === uid ? before.good : null;
  const known = knownObject(uid, generation, record.object, good);
  SOURCES.set(known, record);
  return known;
}

/** An object as the API has it, with what was accepted of it before. */
export function knownObject(
  uid: string,
  generation: number | null,
  object: OwnRecord['object'],
  good: Accepted | null,
): KnownObject {
  const { metadata } = object;
  const created = isRecord(metadata) ? metadata['creationTimestamp'] : undefined;
  return {
    uid,
    generation,
    created: typeof created === 'string' ? created : null,
    parsed: parseObject(object, { unknownFields: 'warn' }),
    held: false,
    good,
  };
}
