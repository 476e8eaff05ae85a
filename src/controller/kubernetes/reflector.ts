/**
 * Follows all objects of one kind: a list, then a watch, for as long as it is wanted, whatever the API server does.
 */
import { sleep as sleepFor } from './backoff.ts';
import type { ApiClient, ApiError } from './client.ts';
import { listAll } from './list.ts';
import { openNotices } from './notices.ts';
import { openPace } from './pace.ts';
import { openProjector } from './projector.ts';
import { openStore, type Projected } from './store.ts';
import { expiryTrouble, nonsenseTrouble, troubleOf } from './trouble.ts';
import { messageOf } from './values.ts';
import { watchOnce, type Told } from './watch.ts';
import { isOlder } from './wire.ts';

export interface Resource<T> {
  /** `VirtualService`, for messages. */
  readonly kind: string;
  /** `/apis/lvs-director.io/v1alpha1/virtualservices`. */
  readonly path: string;
  /** labelSelector, fieldSelector. */
  readonly query?: Readonly<Record<string, string>>;
  /** Lean record of an object as it came from the API; null when it is not understood. */
  project(object: Readonly<Record<string, unknown>>): T | null;
  /** Whether two records mean the same to us; their JSON text decides by default. */
  same?(a: T, b: T): boolean;
}

/** An object as it was when it was last understood. */
export interface Item<T> {
  readonly uid: string;
  /** Empty for objects without a namespace. */
  readonly namespace: string;
  readonly name: string;
  readonly resourceVersion: string;
  readonly generation: number | null;
  /** The resourceVersion at which this generation was first seen. */
  readonly generationSince: string;
  readonly record: T;
}

export interface Reflector<T> {
  /** By namespace/name, or name for objects without a namespace. */
  readonly items: ReadonlyMap<string, Item<T>>;
  /** Keys of objects that are there, but were never understood: they are not in `items`. */
  readonly unreadable: ReadonlySet<string>;
  /** How often an object was not understood. */
  readonly misunderstood: number;
  /** A complete list was seen once. */
  readonly synced: boolean;
  /** Newest resourceVersion of any event, bookmarks included; null before the first list. */
  readonly resourceVersion: string | null;
  /**
   * Newest resourceVersion at which something was added, deleted, replaced by another of its name, or changed its
   * generation (without generation: its record). After a list that shows such a difference, and after the first: the
   * list's.
   */
  readonly generationVersion: string | null;
  /** Why the API cannot be believed at present for this kind, or null. */
  readonly trouble: string | null;
  /** The API server does not know the kind (404). */
  readonly missing: boolean;
  /** performance.now() of the last sign of life. */
  readonly lastContact: number;
  /** Resolves at the first complete list; never when stopped before. */
  readonly ready: Promise<void>;
  /** Resolves when nothing runs any more; nothing is called afterwards. */
  stop(): Promise<void>;
}

export interface ReflectorOptions {
  /** Something was added, deleted or replaced, or its record is not the same: once for a batch of lines or a list. */
  readonly onChange: () => void;
  /** Any event or list at all, also one that changes only a status, and bookmarks: once for a batch of lines or a list. */
  readonly onEvent?: () => void;
  readonly onTrouble?: (trouble: string | null) => void;
  /** For the log: what was not understood, and callbacks that threw. */
  readonly onNote?: (message: string) => void;
  /** Silence after which a watch is taken for dead. Bookmarks come about once a minute. */
  readonly idleMs?: number;
  /** Objects in a page of a list. */
  readonly listLimit?: number;
  readonly random?: () => number;
  /** Milliseconds, as performance.now(). */
  readonly now?: () => number;
  /** Waits, or less when aborted. */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
}

const IDLE_MS = 90_000;
const LIST_LIMIT = 500;
/** The server ends a watch after these seconds: each agent at another time. */
const SHORTEST_WATCH_S = 290;
const LONGEST_WATCH_S = 590;
/** Statuses that do not say that the watch itself was wrong. */
const PASSING = new Set([401, 403, 408, 429]);

/** Which step comes next, and after how many milliseconds. */
interface Next {
  readonly step: 'list' | 'watch';
  readonly delayMs: number;
}

/** Starts to follow the objects of one kind; goes on until stopped. */
export function startReflector<T>(client: ApiClient, resource: Resource<T>, options: ReflectorOptions): Reflector<T> {
  const { random = Math.random, now = () => performance.now(), sleep = sleepFor } = options;
  const { kind, path, query = {} } = resource;
  const stopping = new AbortController();
  const { signal } = stopping;
  const ready = Promise.withResolvers<void>();
  const notices = openNotices(options, signal);
  const pace = openPace(random);
  const store = openStore<T>((a, b) => {
    try {
      return resource.same === undefined ? sameText(a, b) : resource.same(a, b);
    } catch (error) {
      notices.note(`${kind}: records cannot be compared: ${messageOf(error)}`);
      return false;
    }
  });
  const projector = openProjector(resource, (message) => notices.note(message));
  let synced = false;
  let resourceVersion: string | null = null;
  let generationVersion: string | null = null;
  let trouble: string | null = null;
  let missing = false;
  let lastContact = now();
  /** In a row. */
  let brokenLists = 0;

  const setTrouble = (text: string | null): void => {
    if (text === trouble) return;
    trouble = text;
    notices.trouble(text);
  };
  const alive = (): void => {
    lastContact = now();
  };

  const list = async (): Promise<Next> => {
    const limit = options.listLimit ?? LIST_LIMIT;
    const listing = await listAll(client, {
      kind,
      path,
      query,
      limit,
      signal,
      project: projector.project,
      onPage: alive,
    });
    if (signal.aborted) return { step: 'list', delayMs: 0 };
    switch (listing.kind) {
      case 'expired':
        // Once may happen to anybody; again, and no list may ever be complete.
        brokenLists += 1;
        if (brokenLists > 1) setTrouble(expiryTrouble(kind, path));
        return { step: 'list', delayMs: pace.afterExpiry() };
      case 'failed':
        if (listing.error.status === 404) missing = true;
        setTrouble(troubleOf(kind, path, 'list', listing.error));
        return { step: 'list', delayMs: pace.afterFailure(listing.error) };
      case 'nonsense':
        setTrouble(nonsenseTrouble(kind, path, listing.message));
        return { step: 'list', delayMs: pace.afterFailure(null) };
      case 'listed':
        takeList(listing.resourceVersion, listing.objects);
        return { step: 'watch', delayMs: 0 };
    }
  };
  const takeList = (version: string, objects: readonly Projected<T>[]): void => {
    brokenLists = 0;
    missing = false;
    const difference = store.replace(objects);
    resourceVersion = version;
    if (!synced || difference.generations) generationVersion = version;
    setTrouble(null);
    notices.happened(!synced || difference.records);
    synced = true;
    ready.resolve();
  };

  const take = (event: Told): void => {
    const version = event.type === 'bookmark' ? event.resourceVersion : event.object.resourceVersion;
    if (resourceVersion === null || !isOlder(version, resourceVersion)) resourceVersion = version;
    if (event.type === 'bookmark') {
      notices.happened(false);
      return;
    }
    const difference =
      event.type === 'deleted' ? store.remove(event.object) : store.put(projector.project(event.object));
    if (difference.generations) generationVersion = resourceVersion;
    notices.happened(difference.records);
  };
  const watch = async (from: string): Promise<Next> => {
    let openedAt: number | null = null;
    let events = 0;
    const end = await watchOnce(client, {
      kind,
      path,
      query,
      resourceVersion: from,
      timeoutSeconds: SHORTEST_WATCH_S + Math.floor(random() * (LONGEST_WATCH_S - SHORTEST_WATCH_S + 1)),
      idleMs: options.idleMs ?? IDLE_MS,
      signal,
      onOpen: () => {
        openedAt = now();
        alive();
        setTrouble(null);
      },
      onEvent: (event) => {
        if (signal.aborted) return;
        events += 1;
        alive();
        take(event);
      },
    });
    if (signal.aborted) return { step: 'watch', delayMs: 0 };
    const livedMs = openedAt === null ? 0 : now() - openedAt;
    if (openedAt !== null) pace.watched(livedMs, events);
    const step = pace.takeSilence() ? 'list' : 'watch';
    switch (end.kind) {
      case 'expired':
        return { step: 'list', delayMs: pace.afterExpiry() };
      case 'garbage':
        notices.note(`${kind}: the watch brought something that is no event, so all are listed: ${end.message}`);
        return { step: 'list', delayMs: pace.afterFailure(null) };
      case 'error':
        notices.note(`${kind}: ${end.error.message}`);
        return { step, delayMs: pace.afterFailure(end.error) };
      case 'refused':
        setTrouble(troubleOf(kind, path, 'watch', end.error));
        return { step: isWrongWatch(end.error) ? 'list' : step, delayMs: pace.afterFailure(end.error) };
      case 'ended':
        return { step, delayMs: pace.afterEnd(livedMs, events) };
    }
  };

  const run = async (): Promise<void> => {
    let step: Next['step'] = 'list';
    while (!signal.aborted) {
      let next: Next;
      try {
        next = step === 'list' || resourceVersion === null ? await list() : await watch(resourceVersion);
      } catch (error) {
        // Ours, not the server's. What we follow is not given up for it.
        notices.note(`${kind}: ${messageOf(error)}`);
        next = { step: 'list', delayMs: pace.afterFailure(null) };
      }
      step = next.step;
      if (next.delayMs > 0) await sleep(next.delayMs, signal);
    }
  };
  const running = run();

  return {
    items: store.items,
    unreadable: store.unreadable,
    get misunderstood() {
      return projector.misunderstood;
    },
    get synced() {
      return synced;
    },
    get resourceVersion() {
      return resourceVersion;
    },
    get generationVersion() {
      return generationVersion;
    },
    get trouble() {
      return trouble;
    },
    get missing() {
      return missing;
    },
    get lastContact() {
      return lastContact;
    },
    ready: ready.promise,
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

/** Watching again in the same way would be refused again: the kind is gone, or the version is not one. */
const isWrongWatch = ({ status }: ApiError): boolean =>
  status === 504 || (status !== null && status >= 400 && status < 500 && !PASSING.has(status));

const sameText = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
