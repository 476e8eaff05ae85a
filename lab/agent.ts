/**
 * lvs-director on a lab's node: its commands, its agent and the folder that it reads.
 */
import { join } from 'node:path';
import type { Finished, LabProcess, RunOptions } from './process.ts';
import type { Network } from './topology.ts';

const PROGRAM = join(import.meta.dirname, '..', 'bin', 'lvs-director');

export interface Director {
  readonly folder: string;
  /** Put a file into the folder, whole or not at all. */
  write(name: string, text: string): Promise<void>;
  remove(...names: readonly string[]): Promise<void>;
  /** A command of lvs-director; any exit code. */
  command(argv: readonly string[], options?: RunOptions): Promise<Finished>;
  /** `plan` of the folder; exit code 0 when there is nothing to do. */
  plan(...more: readonly string[]): Promise<Finished>;
  /** Start the agent; resolves when it has read the folder and looked at the kernel. */
  run(...more: readonly string[]): Promise<LabProcess>;
}

/** A director on `node` with a folder of its own. */
export async function makeDirector(network: Network, node: string): Promise<Director> {
  const home = `/tmp/${network.namespace(node)}`;
  const folder = `${home}/objects`;
  const common = ['--state-directory', `${home}/state`];
  await network.run(node, ['mkdir', '-p', folder]);
  const command: Director['command'] = (argv, options) => network.attempt(node, [PROGRAM, ...argv, ...common], options);
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
    plan: (...more) => command(['plan', '--directory', folder, ...more]),
    async run(...more) {
      const agent = await network.start(node, [PROGRAM, 'run', '--directory', folder, ...common, ...more]);
      await agent.waitFor(/"msg":"(started|in sync)"/);
      return agent;
    },
  };
}
