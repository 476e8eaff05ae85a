/** TypeScript files below a folder of the project, with their text. */
import { readdir, readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { PROJECT } from './project.ts';

export interface FileText {
  /** Relative to the project, with slashes. */
  readonly path: string;
  readonly text: string;
}

export async function readTexts(folder: string): Promise<FileText[]> {
  const entries = await readdir(join(PROJECT, folder), { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile() && entry.name.endsWith('.ts'));
  const files = paths.map((entry) => join(entry.parentPath, entry.name)).toSorted();
  return Promise.all(
    files.map(async (file) => ({
      path: relative(PROJECT, file).replaceAll(sep, '/'),
      text: await readFile(file, 'utf8'),
    })),
  );
}
