/**
 * `lvs-director run`: the agent. It ends with the data plane as it is.
 */
import { EXIT } from './exit.ts';
import { openLog } from './log.ts';
import { openNode } from './node.ts';
import type { FolderOptions } from './options.ts';
import { startAgent } from '../controller/agent.ts';
import { openFolderMemory } from '../controller/folder/memory.ts';
import { folderSource } from '../controller/folder/source.ts';
import { holderText, takeNodeLock } from '../host/lock.ts';
import { VERSION } from './version.ts';

export async function runCommand(options: FolderOptions & { resyncSeconds: number }): Promise<number> {
  const log = await openLog(options.logLevel);
  const lock = await takeNodeLock({
    pid: process.pid,
    command: `run --directory ${options.directory}`,
    since: new Date().toISOString(),
  });
  if (!lock.held) {
    log.fatal(`this node is already directed by ${holderText(lock.holder)}; stop it first`);
    return EXIT.failed;
  }
  const opened = await openNode(options.runDirectory);
  if (!opened.ok) {
    log.fatal(opened.message);
    await lock.release();
    return EXIT.failed;
  }
  const agent = await startAgent({
    source: folderSource(options.directory, openFolderMemory(options.stateDirectory, options.directory)),
    runDirectory: options.runDirectory,
    resyncMs: options.resyncSeconds * 1000,
    node: opened.node,
    info: opened.info,
    namespace: opened.namespace,
    log,
  });
  log.info({ version: VERSION, directory: options.directory, ipvs: opened.info.version }, 'started');
  const signal = await stopSignal();
  await agent.stop();
  opened.close();
  await lock.release();
  log.info({ signal }, 'stopped; the kernel goes on with what it has');
  return EXIT.ok;
}

const stopSignal = (): Promise<NodeJS.Signals> =>
  new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(signal));
  });
