/** Everything that is wanted, from whatever source: what compilation reads. */
import type { LvsObject } from '../crd/parse.ts';
import type { EndpointSlice } from './endpoint-slice.ts';
import type { Site } from './site.ts';

/** An object that counts, with the name under which the kernel's ledger knows it. */
export interface WorldObject {
  readonly uid: string;
  readonly object: LvsObject;
  /** What it asks for is not permitted: what is there goes on, nothing of it is made. */
  readonly refused: boolean;
  /** metadata.generation; null for a folder. */
  readonly generation: number | null;
}

export interface World {
  /** In order of namespace and name. */
  readonly objects: readonly WorldObject[];
  /** By `namespace/name` of the Service; each list in order of name. */
  readonly slices: ReadonlyMap<string, readonly EndpointSlice[]>;
  /** Null for a folder. */
  readonly site: Site | null;
}

export const EMPTY_WORLD: World = { objects: [], slices: new Map(), site: null };
