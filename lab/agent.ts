/**
 * lvs-director on a lab's node: its commands, its agent and the folder that it reads.
 */
import { join } from 'node:path';
import type { Finished, LabProcess, RunOptions } from './process.ts';
import type { Network } from './topology.ts';

/** As a user starts it, from the checkout. */
export const PROGRAM = join(import.meta.dirname, '..', 'bin', 'lvs-director');

/**
 * The same program from one file, where `scripts/bundle.ts` made it: an emulated guest needs half the time to start it.
 */
export const BUNDLED = [process.execPath, join(import.meta.dirname, '..', 'dist', 'lvs-director.mjs')] as const;

/** Each start of the program in an emulated guest compiles it anew without this. */
export const ENVIRONMENT = { NODE_COMPILE_CACHE: '/tmp/node-compile-cache' } as const;

export interface Director {
  readonly folder: string;
  /** Put a file into the folder, whole or not at all. */
  write(name: string, text: string): Promise<void>;
  remove(...names: readonly string[]): Promise<void>;
  /** A command of lvs-director; any exit code. */
  command(argv: readonly string[], options?: RunOptions): Promise<Finished>;
  /** `plan` of the folder; exit code 0 when there is nothing to do. */
  plan(...more: readonly string[]): Promise<Finished>;
  /** Start the agent. It says `in sync` when the kernel has what the folder describes. */
  run(...more: readonly string[]): Promise<LabProcess>;
}

/** A director on `node` with a folder of its own. */
export async function makeDirector(
  network: Network,
  node: string,
  program: readonly string[] = BUNDLED,
): Promise<Director> {
  const home = `/tmp/${network.namespace(node)}`;
  const folder = `${home}/objects`;
  const common = ['--state-directory', `${home}/state`];
  await network.run(node, ['mkdir', '-p', folder]);
  const command: Director['command'] = (argv, options) =>
    network.attempt(node, [...program, ...argv], { env: ENVIRONMENT, ...options });
  return {
    folder,
    async write(name, text) {
      const script = 'cat >"$1/.$2.part" && mv "$1/.$2.part" "$1/$2"';
      await network.run(node, ['sh', '-euc', script, 'write', folder, name], { input: text });
    },
    async remove(...names) {
      await network.run(node, ['rm', '-f', ...names.map((name) => `${folder}/${name}`)]);
    },
    command,
    plan: (...more) => command(['plan', '--directory', folder, ...common, ...more]),
    async run(...more) {
      const argv = [...program, 'run', '--directory', folder, ...common, ...more];
      return network.start(node, argv, { env: ENVIRONMENT });
    },
  };
}
