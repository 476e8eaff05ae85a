/**
 * Puts programs and their libraries into one file each, in dist/. A slow machine (the lab's emulated guest) then opens one
 * file in place of hundreds, and strips no types. The netlink addon stays where it is.
 */
import { join } from 'node:path';
import { rolldown } from 'rolldown';

const TOP = join(import.meta.dirname, '..');
const inDist = (name: string): string => join(TOP, 'dist', `${name}.mjs`);

/** lvs-director itself. */
export const PROGRAM_BUNDLE = inDist('lvs-director');
/** What lives random histories in the lab. */
export const HISTORY_PROGRAM = inDist('history');

const SOURCES: Readonly<Record<string, string>> = {
  [PROGRAM_BUNDLE]: join(TOP, 'src', 'cli', 'main.ts'),
  [HISTORY_PROGRAM]: join(TOP, 'test', 'kernel', 'programs', 'history.ts'),
};

/** Build all bundles, or one; resolves when they are written. */
export async function bundle(...files: readonly string[]): Promise<void> {
  const wanted = files.length === 0 ? Object.keys(SOURCES) : files;
  await Promise.all(
    wanted.map(async (file) => {
      const build = await rolldown({
        input: SOURCES[file] ?? '',
        platform: 'node',
        external: ['netlink', /^netlink\//],
        logLevel: 'warn',
      });
      await build.write({ file, format: 'esm', codeSplitting: false, minify: 'dce-only' });
      await build.close();
    }),
  );
}

if (import.meta.main) await bundle();
