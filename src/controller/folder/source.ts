/**
 * A folder of YAML as a source of objects: reads it now and whenever it changes, and never says that something is gone
 * when it just cannot be seen.
 */
import { type FSWatcher, watch } from 'node:fs';
import { identityOf } from '../../crd/parse.ts';
import type { Source, SourceView } from '../source.ts';
import { folderUid } from '../uid.ts';
import { interpretFolder, type FolderView, type LastGood } from './interpret.ts';
import type { FolderMemory } from './memory.ts';
import { folderSignature, readFolder } from './read.ts';

export interface FolderState {
  /** The last view that counts; null while nothing is known about what is wanted. */
  readonly view: FolderView | null;
  /** Why the folder cannot be believed at present, or null. */
  readonly trouble: string | null;
}

export interface FolderSource {
  /** Read again. True when the state differs from the one before. */
  refresh(): Promise<boolean>;
  readonly state: FolderState;
}

/** A source that has not read anything yet. */
export function openFolder(directory: string, memory: FolderMemory): FolderSource {
  let state: FolderState = { view: null, trouble: 'it has not been read yet' };
  let lastGood: LastGood | null = null;
  let previous = '';
  return {
    get state() {
      return state;
    },
    async refresh() {
      lastGood ??= await memory.load();
      const reading = await readFolder(directory);
      const fingerprint = JSON.stringify(reading.ok ? reading.files : reading.message);
      if (fingerprint === previous) return false;
      if (!reading.ok) {
        previous = fingerprint;
        const trouble = `folder ${directory} cannot be read (${reading.message}); nothing is changed until it can be`;
        state = { view: state.view, trouble };
        return true;
      }
      const view = interpretFolder(reading.files, lastGood);
      if (view.empty && state.view === null) {
        previous = fingerprint;
        const trouble = `folder ${directory} holds no object; nothing is changed until it does. To remove everything, run \`lvs-director cleanup\``;
        state = { view: null, trouble };
        return true;
      }
      // What cannot be remembered is not acted upon, and is tried again: a restart would not know it.
      await memory.save(view.lastGood);
      previous = fingerprint;
      lastGood = view.lastGood;
      state = { view, trouble: null };
      return true;
    },
  };
}

/** A folder as the agent's source. */
export function folderSource(directory: string, memory: FolderMemory): Source {
  const folder = openFolder(directory, memory);
  let view: { readonly of: FolderView; readonly as: SourceView } | null = null;
  return {
    what: 'folder',
    tellsAtOnce: true,
    versions: null,
    get state() {
      const { view: now, trouble } = folder.state;
      if (now !== null && view?.of !== now) view = { of: now, as: sourceView(now) };
      return { view: now === null || view === null ? null : view.as, trouble };
    },
    refresh: () => folder.refresh(),
    watch(onChange) {
      const watched = watchFolder(directory, onChange);
      return {
        ready: watched.ready,
        stop: () => {
          watched.stop();
          return Promise.resolve();
        },
      };
    },
  };
}

const sourceView = ({ objects, problems, retained, foreign }: FolderView): SourceView => ({
  world: {
    objects: objects.map((object) => ({
      uid: folderUid(identityOf(object)),
      object,
      refused: false,
      generation: null,
    })),
    slices: new Map(),
    site: null,
  },
  problems,
  retained,
  foreign,
  judged: new Map(),
});

/** Quiet time after a change before the folder is read, so that a file is not read while it is being written. */
const SETTLE_MS = 150;
/** A folder that never comes to rest is read all the same. */
const LONGEST_SETTLE_MS = 3_000;
/** File systems without change notification (network mounts) are looked at this often: names, sizes and times, no content. */
const POLL_MS = 5_000;

export interface FolderWatch {
  /** Resolves when each change from then on will be told. */
  readonly ready: Promise<void>;
  stop(): void;
}

/** Call `onChange` some time after anything in the folder changed. The folder may be missing and come later. */
export function watchFolder(directory: string, onChange: () => void, pollMs = POLL_MS): FolderWatch {
  let watcher: FSWatcher | null = null;
  let settle: NodeJS.Timeout | null = null;
  let firstEvent = 0;
  const changed = (): void => {
    const now = Date.now();
    if (settle === null) firstEvent = now;
    else clearTimeout(settle);
    settle = setTimeout(
      () => {
        settle = null;
        onChange();
      },
      Math.max(0, Math.min(SETTLE_MS, firstEvent + LONGEST_SETTLE_MS - now)),
    );
  };
  const attach = (): void => {
    if (watcher !== null) return;
    try {
      watcher = watch(directory, changed);
      watcher.on('error', detach);
    } catch {
      watcher = null;
    }
  };
  const detach = (): void => {
    watcher?.close();
    watcher = null;
  };
  attach();
  let signature: string | null = null;
  let stopped = false;
  const look = async (): Promise<void> => {
    const now = await folderSignature(directory);
    if (stopped) return;
    if (signature !== null && now !== signature) changed();
    signature = now;
    // A folder that was replaced by another of the same name leaves its watcher on the old one.
    detach();
    attach();
    poll = setTimeout(() => void look(), pollMs);
  };
  let poll: NodeJS.Timeout | undefined;
  return {
    ready: look(),
    stop: () => {
      stopped = true;
      clearTimeout(poll);
      if (settle !== null) clearTimeout(settle);
      detach();
    },
  };
}
