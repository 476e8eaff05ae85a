/**
 * Where objects come from, as the agent sees it: a folder or an API server. Either never says that something is gone when
 * it just cannot be seen.
 */
import type { Problem } from '../crd/problem.ts';
import type { Retained } from './desired.ts';
import type { World } from './world.ts';

export interface SourceView {
  readonly world: World;
  readonly problems: readonly Problem[];
  readonly retained: Retained;
  /** Objects of other API groups, with the place where they stand. */
  readonly foreign: readonly string[];
  /** metadata.generation of the objects of the API that it is a view of, by uid; empty for a folder. */
  readonly judged: ReadonlyMap<string, number | null>;
}

/** resourceVersions, per kind. */
export interface ObservedVersions {
  /** The newest at which an object came, went or changed its generation. */
  readonly changes: KindVersions;
  /** The newest of any event, a change of a status included. */
  readonly events: KindVersions;
}

export interface KindVersions {
  readonly virtualServices: string | null;
  readonly realServers: string | null;
}

export interface SourceState {
  /** The last view that counts; null while nothing is known about what is wanted. */
  readonly view: SourceView | null;
  /** Why the source cannot be believed at present, or null. */
  readonly trouble: string | null;
}

export interface Source {
  /** `folder`, or `API server`: for the log. */
  readonly what: string;
  /** Whether one refresh tells all there is to know; otherwise the first view comes some time after the start. */
  readonly tellsAtOnce: boolean;
  readonly state: SourceState;
  /** Up to where the API was followed for the view that counts; null for a folder. */
  readonly versions: ObservedVersions | null;
  /** Look again. True when the state differs from the one before. */
  refresh(): Promise<boolean>;
  /** Tell when it is worth to look again. */
  watch(onChange: () => void): SourceWatch;
}

export interface SourceWatch {
  /** Resolves when each change from then on will be told. */
  readonly ready: Promise<void>;
  stop(): Promise<void>;
}

/** The first state that has a view, or the one after so many milliseconds. A folder tells at once. */
export async function firstState(source: Source, deadlineMs: number): Promise<SourceState> {
  const late = Date.now() + deadlineMs;
  for (;;) {
    let changed = (): void => undefined;
    const change = new Promise<void>((resolve) => (changed = resolve));
    const watch = source.watch(() => changed());
    await source.refresh();
    const left = late - Date.now();
    if (source.state.view !== null || source.tellsAtOnce || left <= 0) {
      await watch.stop();
      return source.state;
    }
    const timer = setTimeout(() => changed(), left);
    await change;
    clearTimeout(timer);
    await watch.stop();
  }
}
