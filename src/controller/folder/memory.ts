/**
 * The last good state of a folder, kept across restarts: a file that is broken when the agent starts still has the
 * objects that it held when it was last understood.
 */
import { createHash } from 'node:crypto';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { type LvsObject, parseObject } from '../../crd/parse.ts';
import { readIfThere, writeWhole } from '../../host/files.ts';
import type { LastGood } from './interpret.ts';

const saved = z.strictObject({
  version: z.literal(1),
  directory: z.string(),
  files: z.record(z.string(), z.array(z.unknown()).readonly()),
});

export interface FolderMemory {
  /** What was saved; empty when nothing was, or it is damaged. */
  load(): Promise<LastGood>;
  /** Writes only when something differs. */
  save(lastGood: LastGood): Promise<void>;
}

export function openFolderMemory(stateDirectory: string, directory: string): FolderMemory {
  const absolute = resolve(directory);
  const name = createHash('sha256').update(absolute).digest('hex').slice(0, 16);
  const path = join(stateDirectory, `folder-${name}.json`);
  let current: string | null = null;
  return {
    async load() {
      current = await readIfThere(path);
      return current === null ? new Map() : parseMemory(current, absolute);
    },
    async save(lastGood) {
      const text = memoryText(lastGood, absolute);
      if (text === current) return;
      await writeWhole(path, text);
      current = text;
    },
  };
}

/** Objects that this version would not accept any more are left out; the kernel keeps them as it keeps unknown ones. */
export function parseMemory(text: string, directory: string): LastGood {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return new Map();
  }
  const parsed = saved.safeParse(json);
  if (!parsed.success || parsed.data.directory !== directory) return new Map();
  const lastGood = new Map<string, readonly LvsObject[]>();
  for (const [path, objects] of Object.entries(parsed.data.files)) {
    lastGood.set(
      path,
      objects.flatMap((object) => {
        const result = parseObject(object);
        return result.status === 'valid' ? [result.object] : [];
      }),
    );
  }
  return lastGood;
}

export const memoryText = (lastGood: LastGood, directory: string): string =>
  `${JSON.stringify({ version: 1, directory, files: Object.fromEntries(lastGood) } satisfies z.input<typeof saved>)}\n`;
