/** Makes records of objects, and says once of each object that none can be made of it. */
import type { Resource } from './reflector.ts';
import type { Projected } from './store.ts';
import { messageOf } from './values.ts';
import type { Seen } from './wire.ts';

export interface Projector<T> {
  /** Never throws. */
  readonly project: (seen: Seen) => Projected<T>;
  /** How often there was no record. */
  readonly misunderstood: number;
}

/** So many objects are remembered as told; then all are forgotten. */
const MOST_TOLD = 1_000;

export function openProjector<T>(resource: Resource<T>, note: (message: string) => void): Projector<T> {
  const told = new Set<string>();
  let misunderstood = 0;
  return {
    get misunderstood() {
      return misunderstood;
    },
    project({ object, ...seen }) {
      let record: T | null = null;
      let why = '';
      try {
        record = resource.project(object);
      } catch (error) {
        why = `: ${messageOf(error)}`;
      }
      if (record !== null) return { ...seen, record };
      misunderstood += 1;
      if (!told.has(seen.uid)) {
        if (told.size >= MOST_TOLD) told.clear();
        told.add(seen.uid);
        note(
          `${resource.kind} ${seen.key} is not understood${why}; its last state that was understood, if any, goes on counting`,
        );
      }
      return { ...seen, record: null };
    },
  };
}
