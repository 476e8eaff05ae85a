/**
 * The files of a folder, as they are now. Side effects only; what they mean is decided elsewhere.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { FolderFile } from './interpret.ts';

/** Larger than any manifest; a log file that landed here must not fill the memory. */
const LARGEST_FILE = 8 * 1024 * 1024;

export type FolderReading =
  /** Files in order of path. */
  | { readonly ok: true; readonly files: readonly FolderFile[] }
  /** The folder itself cannot be listed; that says nothing about what is wanted. */
  | { readonly ok: false; readonly message: string };

/** Read all `.yaml`, `.yml` and `.json` files of a folder, following links; names that start with a dot are left out. */
export async function readFolder(directory: string): Promise<FolderReading> {
  let names: string[];
  try {
    names = await readdir(directory);
  } catch (error) {
    return { ok: false, message: error instanceof Error ? error.message : String(error) };
  }
  const wanted = names.filter(isWanted).toSorted();
  const files: FolderFile[] = [];
  for (const name of wanted) {
    const path = join(directory, name);
    try {
      const info = await stat(path);
      if (info.isDirectory()) continue;
      if (info.size > LARGEST_FILE) throw new Error(`is larger than ${LARGEST_FILE / 1024 / 1024} MiB`);
      files.push({ path, text: await readFile(path, 'utf8'), error: null });
    } catch (error) {
      // A dangling link or a file deleted since the listing: deleted is deleted only once the listing says so.
      files.push({ path, text: null, error: error instanceof Error ? error.message : String(error) });
    }
  }
  return { ok: true, files };
}

/**
 * Differs whenever a file of the folder came, went or was written, as far as names, inodes, sizes and times tell. Never
 * rejects: a folder that cannot be listed has a signature too.
 */
export async function folderSignature(directory: string): Promise<string> {
  try {
    const names = (await readdir(directory)).filter(isWanted).toSorted();
    const lines = await Promise.all(
      names.map(async (name) => {
        try {
          const { ino, size, mtimeNs } = await stat(join(directory, name), { bigint: true });
          return `${name} ${ino} ${size} ${mtimeNs}`;
        } catch (error) {
          return `${name} ${String(error)}`;
        }
      }),
    );
    return lines.join('\n');
  } catch (error) {
    return String(error);
  }
}

const isWanted = (name: string): boolean => /^[^.].*\.(ya?ml|json)$/i.test(name);
