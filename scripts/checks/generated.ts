/** Files that are made from the source are what the source would make now. `--write` makes them. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crdFiles } from '../lib/crds.ts';
import { PROJECT } from '../lib/project.ts';
import { readReferenceInput, REFERENCE_FILE, renderReference } from '../lib/reference.ts';

export interface GeneratedFile {
  /** Relative to the project. */
  readonly path: string;
  readonly text: string;
}

/** The paths of those files whose text on disk, as `read` tells it, is another; null stands for a file that is missing. */
export async function findStale(
  files: readonly GeneratedFile[],
  read: (path: string) => Promise<string | null>,
): Promise<string[]> {
  const texts = await Promise.all(files.map(({ path }) => read(path)));
  return files.filter(({ text }, index) => texts[index] !== text).map(({ path }) => path);
}

const generate = async (): Promise<GeneratedFile[]> => [
  { path: REFERENCE_FILE, text: renderReference(await readReferenceInput()) },
  ...crdFiles(),
];

async function readText(path: string): Promise<string | null> {
  try {
    return await readFile(join(PROJECT, path), 'utf8');
  } catch {
    return null;
  }
}

if (import.meta.main) {
  const files = await generate();
  const stale = await findStale(files, readText);
  if (process.argv.includes('--write')) {
    for (const { path, text } of files) if (stale.includes(path)) await writeFile(join(PROJECT, path), text);
  } else if (stale.length > 0) {
    const command = 'node_modules/.bin/node scripts/checks/generated.ts --write';
    for (const path of stale) process.stdout.write(`${path} is not what the source makes; run: ${command}\n`);
    process.exitCode = 1;
  }
}
