/**
 * Puts programs and their libraries into one file each, in dist/. A slow machine (the lab's emulated guest) then opens one
 * file in place of hundreds, and strips no types. The netlink addon stays where it is.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type Plugin, rolldown } from 'rolldown';

const TOP = join(import.meta.dirname, '..');
const inDist = (name: string): string => join(TOP, 'dist', `${name}.mjs`);

/** lvs-director itself. */
export const PROGRAM_BUNDLE = inDist('lvs-director');
/**
 * The part of it that speaks to an API server: three times as large as the rest, and loaded only where there is a cluster.
 * What both need, both have.
 */
const CLUSTER_BUNDLE = inDist('lvs-director-cluster');
const CLUSTER_SOURCE = join(TOP, 'src', 'controller', 'kubernetes', 'cluster.ts');
/** What lives random histories in the lab. */
export const HISTORY_PROGRAM = inDist('history');

const SOURCES: Readonly<Record<string, string>> = {
  [PROGRAM_BUNDLE]: join(TOP, 'src', 'cli', 'main.ts'),
  [CLUSTER_BUNDLE]: CLUSTER_SOURCE,
  [HISTORY_PROGRAM]: join(TOP, 'test', 'kernel', 'programs', 'history.ts'),
};

/** Leaves the part for clusters where it is. */
const apart: Plugin = {
  name: 'apart',
  resolveId: (source) =>
    basename(source) === basename(CLUSTER_SOURCE) ? { id: `./${basename(CLUSTER_BUNDLE)}`, external: true } : null,
};

/** Build all bundles, or some; resolves when they are written. The program's comes with the part for clusters. */
export async function bundle(...files: readonly string[]): Promise<void> {
  const named = files.includes(PROGRAM_BUNDLE) ? [...files, CLUSTER_BUNDLE] : files;
  const wanted = named.length === 0 ? Object.keys(SOURCES) : named;
  await Promise.all(
    wanted.map(async (file) => {
      const build = await rolldown({
        input: SOURCES[file] ?? '',
        platform: 'node',
        external: ['netlink', /^netlink\//],
        plugins: file === PROGRAM_BUNDLE ? [apart] : [],
        logLevel: 'warn',
      });
      const { output } = await build.generate({ file, format: 'esm', codeSplitting: false, minify: 'dce-only' });
      await build.close();
      await replace(file, output[0].code);
    }),
  );
}

/** Somebody may be reading it: another run bundles the same at the same time. */
async function replace(file: string, code: string): Promise<void> {
  const draft = `${file}.${process.pid}.${randomUUID()}`;
  await mkdir(dirname(file), { recursive: true });
  await writeFile(draft, code);
  await rename(draft, file);
}

if (import.meta.main) await bundle();
