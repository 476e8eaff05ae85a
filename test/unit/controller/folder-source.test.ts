/** A folder on the disk: what is read and remembered, and when a change is told. */
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LastGood } from '../../../src/controller/folder/interpret.ts';
import type { FolderMemory } from '../../../src/controller/folder/memory.ts';
import { folderSignature } from '../../../src/controller/folder/read.ts';
import { openFolder, watchFolder } from '../../../src/controller/folder/source.ts';
import { virtualServiceObject } from '../../support/objects.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lvs-director-folder-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

const put = (name: string, text: string): Promise<void> => writeFile(join(directory, name), text);
const WEB = stringify(virtualServiceObject({}));

function memoryOf(saves: LastGood[], fails: () => boolean = () => false): FolderMemory {
  return {
    load: async () => new Map(),
    save: async (lastGood) => {
      if (fails()) throw new Error('ENOSPC');
      saves.push(lastGood);
    },
  };
}

describe('a folder', () => {
  it('is new once for each change', async () => {
    const saves: LastGood[] = [];
    const folder = openFolder(directory, memoryOf(saves));
    await put('web.yaml', WEB);
    expect(await folder.refresh()).toBe(true);
    expect(await folder.refresh()).toBe(false);
    expect(folder.state.view?.objects).toHaveLength(1);
    await put('notes.txt', 'nothing for us');
    expect(await folder.refresh()).toBe(false);
    await rm(join(directory, 'web.yaml'));
    expect(await folder.refresh()).toBe(true);
    expect(folder.state.view?.objects).toEqual([]);
    expect(saves).toHaveLength(2);
  });

  it('whose state cannot be saved is not acted upon, and is tried again', async () => {
    let full = true;
    const folder = openFolder(
      directory,
      memoryOf([], () => full),
    );
    await put('web.yaml', WEB);
    await expect(folder.refresh()).rejects.toThrow('ENOSPC');
    expect(folder.state.view).toBeNull();
    full = false;
    expect(await folder.refresh()).toBe(true);
    expect(folder.state.view?.objects).toHaveLength(1);
  });

  it('keeps its last view while it cannot be read', async () => {
    const folder = openFolder(directory, memoryOf([]));
    await put('web.yaml', WEB);
    await folder.refresh();
    await rename(directory, `${directory}.away`);
    expect(await folder.refresh()).toBe(true);
    expect(folder.state.view?.objects).toHaveLength(1);
    expect(folder.state.trouble).toContain('cannot be read');
    await rename(`${directory}.away`, directory);
    expect(await folder.refresh()).toBe(true);
    expect(folder.state.trouble).toBeNull();
  });
});

describe('the signature of a folder', () => {
  it('differs after each change that counts', async () => {
    const seen = [await folderSignature(directory)];
    await put('web.yaml', WEB);
    seen.push(await folderSignature(directory));
    await put('web.yaml', `${WEB}# more\n`);
    seen.push(await folderSignature(directory));
    // Written whole to another name and moved: another inode.
    await put('.new', `${WEB}# less\n`);
    await rename(join(directory, '.new'), join(directory, 'web.yaml'));
    seen.push(await folderSignature(directory));
    await rm(directory, { recursive: true });
    seen.push(await folderSignature(directory));
    expect(new Set(seen).size).toBe(seen.length);
  });

  it('stays the same without one', async () => {
    await put('web.yaml', WEB);
    const before = await folderSignature(directory);
    await put('notes.txt', 'nothing for us');
    expect(await folderSignature(directory)).toBe(before);
  });
});

describe('a watched folder', () => {
  it.each([
    ['by its notifications', 3_600_000],
    ['by looking again, which network file systems need', 20],
  ])('tells of a change %s', async (how, pollMs) => {
    const { promise, resolve } = Promise.withResolvers<string>();
    // What no notification can tell: the folder comes only later, and its parent is not watched.
    const later = how.includes('again') ? join(directory, 'later') : directory;
    const watcher = watchFolder(later, () => resolve('changed'), pollMs);
    await watcher.ready;
    if (later === directory) await put('web.yaml', WEB);
    else await rename(await mkdtemp(join(tmpdir(), 'lvs-director-folder-')), later);
    expect(await promise).toBe('changed');
    watcher.stop();
  });
});
