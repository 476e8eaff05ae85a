/**
 * What a folder of files says, given what it said before. Pure. The rule that it keeps: nothing is concluded to be
 * deleted from a file that is not wholly understood; an object once accepted stays as it was until it is valid again or
 * really gone.
 */
import { type Identity, identityKey, identityOf, identityText, type LvsObject } from '../../crd/parse.ts';
import type { Place, Problem } from '../../crd/problem.ts';
import type { Retained } from '../desired.ts';
import { folderUid } from '../uid.ts';
import { readDocuments } from './documents.ts';

/** One file as it was found: its text, or why it could not be read. */
export interface FolderFile {
  readonly path: string;
  readonly text: string | null;
  readonly error: string | null;
}

/** The objects that each file held when it was last understood. */
export type LastGood = ReadonlyMap<string, readonly LvsObject[]>;

export interface FolderView {
  /** In order of namespace and name. */
  readonly objects: readonly LvsObject[];
  readonly problems: readonly Problem[];
  readonly retained: Retained;
  readonly lastGood: LastGood;
  /** No file says anything about us: at start this means that nothing is known, not that nothing is wanted. */
  readonly empty: boolean;
  /** Objects of other API groups, by file. */
  readonly foreign: readonly string[];
}

/** Read `files` (in order of their paths) against what was known before. */
export function interpretFolder(files: readonly FolderFile[], before: LastGood): FolderView {
  const problems: Problem[] = [];
  const foreign: string[] = [];
  const lastGood = new Map<string, readonly LvsObject[]>();
  const retainedUids = new Set<string>();
  let retainAll = false;
  const known = indexByIdentity(before);
  const claimed = new Map<string, { place: Place; object: LvsObject }>();

  const claim = (object: LvsObject, place: Place): boolean => {
    const key = identityKey(identityOf(object));
    const first = claimed.get(key);
    if (first !== undefined) {
      if (first.place.file !== place.file || first.place.line !== place.line)
        problems.push(duplicate(object, place, first.place));
      return false;
    }
    claimed.set(key, { place, object });
    return true;
  };

  const contents = files.map((file) => ({
    file,
    content: file.text === null ? null : readDocuments(file.path, file.text),
  }));
  const validElsewhere = new Set(
    contents.flatMap(({ content }) => content?.valid.map(({ object }) => identityKey(identityOf(object))) ?? []),
  );

  for (const { file, content } of contents) {
    const previous = before.get(file.path);
    const whole = content === null ? readError(file) : content.unreadable;
    if (whole !== null || (content !== null && content.blank && previous !== undefined && previous.length > 0)) {
      problems.push(whole ?? blankFile(file.path));
      if (previous === undefined) retainAll = true;
      const kept = (previous ?? []).filter((object) => !validElsewhere.has(identityKey(identityOf(object))));
      for (const object of kept) claim(object, { file: file.path, line: 1, column: 1 });
      lastGood.set(file.path, previous ?? []);
      continue;
    }
    if (content === null) continue;
    foreign.push(...content.foreign.map((what) => `${file.path}: ${what}`));
    const good: LvsObject[] = [];
    for (const { object, place } of content.valid) if (claim(object, place)) good.push(object);
    let nameless = false;
    for (const { identity, problems: found } of content.invalid) {
      problems.push(...found);
      if (identity === null) {
        nameless = true;
        continue;
      }
      if (validElsewhere.has(identityKey(identity))) continue;
      const last = known.get(identityKey(identity));
      if (last === undefined) retainedUids.add(folderUid(identity));
      else if (claim(last, { file: file.path, line: 1, column: 1 })) good.push(last);
    }
    if (nameless) {
      // One of the objects that this file held may be the one that now has no name.
      if (previous === undefined) retainAll = true;
      for (const object of previous ?? []) {
        if (validElsewhere.has(identityKey(identityOf(object))) || claimed.has(identityKey(identityOf(object))))
          continue;
        if (claim(object, { file: file.path, line: 1, column: 1 })) good.push(object);
      }
    }
    lastGood.set(file.path, good);
  }

  const objects = [...claimed.values()].map((entry) => entry.object).sort(byNamespaceAndName);
  return {
    objects,
    problems,
    retained: { all: retainAll, uids: retainedUids },
    lastGood,
    empty: objects.length === 0 && problems.length === 0,
    foreign,
  };
}

function indexByIdentity(lastGood: LastGood): Map<string, LvsObject> {
  const index = new Map<string, LvsObject>();
  for (const objects of lastGood.values())
    for (const object of objects) index.set(identityKey(identityOf(object)), object);
  return index;
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
const sortKey = (identity: Identity): string => `${identity.namespace}/${identity.name}/${identity.kind}`;
const byNamespaceAndName = (a: LvsObject, b: LvsObject): number =>
  compareText(sortKey(identityOf(a)), sortKey(identityOf(b)));

const duplicate = (object: LvsObject, place: Place, first: Place): Problem => ({
  reason: 'DuplicateObject',
  object: identityText(identityOf(object)),
  field: null,
  message: `is already in ${first.file}, line ${first.line}, and that one counts`,
  remedy: 'Remove one of the two, or give it another name.',
  place,
});

const readError = (file: FolderFile): Problem => ({
  reason: 'Unreadable',
  object: null,
  field: null,
  message: `cannot be read: ${file.error ?? 'unknown error'}`,
  remedy: 'Make it readable or delete it; until then what it held before stays in force.',
  place: { file: file.path, line: 1, column: 1 },
});

const blankFile = (path: string): Problem => ({
  reason: 'Unreadable',
  object: null,
  field: null,
  message: 'is empty but held objects before, as after a write that was broken off',
  remedy: 'Delete the file to remove its objects, or write them again; until then they stay in force.',
  place: { file: path, line: 1, column: 1 },
});
