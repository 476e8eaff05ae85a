/**
 * Puts the program and its libraries into one file: dist/lvs-director.mjs. A slow machine (the lab's emulated guest) then
 * opens one file in place of hundreds, and strips no types. The netlink addon stays where it is.
 */
import { join } from 'node:path';
import { rolldown } from 'rolldown';

const TOP = join(import.meta.dirname, '..');
export const BUNDLE = join(TOP, 'dist', 'lvs-director.mjs');

/** Build the bundle; resolves when it is written. */
export async function bundle(): Promise<void> {
  const build = await rolldown({
    input: join(TOP, 'src', 'cli', 'main.ts'),
    platform: 'node',
    external: ['netlink', /^netlink\//],
    logLevel: 'warn',
  });
  await build.write({ file: BUNDLE, format: 'esm', codeSplitting: false, minify: 'dce-only' });
  await build.close();
}

if (import.meta.main) await bundle();
